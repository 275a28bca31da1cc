#include <kube/env.h>
#include <kube/mem.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/transport.h"
#include "test.h"

/* ---- a folder of its own ---- */

static struct disk *const disk = &machine_disk;
static char folder[64];

static const char *in_folder(const char *name)
{
	static char path[256];
	if (!folder[0])
		snprintf(folder, sizeof(folder), P_tmpdir "/kube-disk-%d", (int)getpid());
	mkdir(folder, 0700);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int forget(void *ctx, const char *name)
{
	(void)ctx;
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	remove(path);
	return 0;
}

__attribute__((destructor)) static void remove_folder(void)
{
	if (!folder[0])
		return;
	disk->ops->list(disk, folder, forget, NULL, NULL);
	rmdir(folder);
}

static void expect_file(const char *path, const char *wanted)
{
	struct err err = {0};
	struct buf in = BUF_INIT(KIB);
	EXPECT_OK(disk_read_file(disk, path, &in, &err), &err);
	EXPECT_STR(buf_str(&in), wanted);
	buf_done(&in);
	err_done(&err);
}

static int count_name(void *ctx, const char *name)
{
	(void)name;
	++*(int *)ctx;
	return 0;
}

static int names_in(const char *path)
{
	struct err err = {0};
	int count = 0;
	EXPECT_OK(disk->ops->list(disk, path, count_name, &count, &err), &err);
	return count;
}

/* ---- whole files ---- */

TEST(a_file_is_written_whole_and_read_back)
{
	struct err err = {0};
	struct stat st;
	const char *path = in_folder("whole");
	EXPECT_OK(disk_write_file(disk, path, STR("first"), 0640, &err), &err);
	expect_file(path, "first");
	EXPECT_OK(disk_write_file(disk, path, STR("second, longer"), 0600, &err), &err);
	expect_file(path, "second, longer");
	EXPECT_OK(disk_write_file(disk, path, (struct str){0}, 0600, &err), &err);
	expect_file(path, "");
	EXPECT_INT(stat(path, &st), 0);
	EXPECT_INT(st.st_mode & 0777, 0600);
	EXPECT_INT(names_in(folder), 1);
	unlink(path);
}

TEST(what_a_crash_left_behind_lends_nothing_to_the_new_file)
{
	struct err err = {0};
	struct stat st;
	char left[256];
	snprintf(left, sizeof(left), "%s", in_folder("secret.new"));
	const char *path = in_folder("secret");
	int fd = open(left, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
	fchmod(fd, 0666);
	close(fd);
	EXPECT_OK(disk_write_file(disk, path, STR("key"), 0600, &err), &err);
	EXPECT_INT(stat(path, &st), 0);
	EXPECT_INT(st.st_mode & 0777, 0600);
	unlink(path);
	/* Nor does a link take the bytes elsewhere. */
	EXPECT_INT(symlink(in_folder("elsewhere"), left), 0);
	path = in_folder("secret");
	EXPECT_OK(disk_write_file(disk, path, STR("key"), 0600, &err), &err);
	expect_file(path, "key");
	EXPECT_INT(names_in(folder), 1);
	unlink(path);
}

TEST(a_file_above_the_ceiling_is_too_large_and_one_at_it_is_not)
{
	struct err err = {0};
	struct buf in = BUF_INIT(5);
	const char *path = in_folder("large");
	EXPECT_OK(disk_write_file(disk, path, STR("12345"), 0600, &err), &err);
	EXPECT_OK(disk_read_file(disk, path, &in, &err), &err);
	EXPECT_STR(buf_str(&in), "12345");
	EXPECT_OK(disk_write_file(disk, path, STR("123456"), 0600, &err), &err);
	buf_clear(&in);
	EXPECT_INT(disk_read_file(disk, path, &in, &err), ERR_TOO_LARGE);
	EXPECT(str_find(str_from(err_text(&err)), STR("reading ")) == 0);
	buf_clear(&in);
	EXPECT_INT(disk_read_file(disk, path, &in, NULL), ERR_TOO_LARGE);
	err_done(&err);
	buf_done(&in);
	unlink(path);
}

TEST(a_file_larger_than_one_piece_is_read_whole)
{
	struct err err = {0};
	size_t len = 300 * KIB + 17;
	char *bytes = mem_alloc(len);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 31 + i / 255);
	struct buf in = BUF_INIT(MIB);
	const char *path = in_folder("pieces");
	EXPECT_OK(disk_write_file(disk, path, str_make(bytes, len), 0600, &err), &err);
	EXPECT_OK(disk_read_file(disk, path, &in, &err), &err);
	EXPECT(str_eq(buf_str(&in), str_make(bytes, len)));
	mem_free(bytes);
	buf_done(&in);
	unlink(path);
}

TEST(failures_name_the_file_and_their_kind)
{
	struct err err = {0};
	struct buf in = BUF_INIT(KIB);
	EXPECT_INT(disk_read_file(disk, in_folder("absent"), &in, &err), ERR_NOT_FOUND);
	EXPECT(str_find(str_from(err_text(&err)), STR("absent")) >= 0);
	EXPECT_INT(disk_read_file(disk, in_folder("absent"), &in, NULL), ERR_NOT_FOUND);
	EXPECT(disk_read_file(disk, folder, &in, &err) < 0);
	EXPECT(disk_write_file(disk, in_folder("no/such/place"), STR("x"), 0600, &err) < 0);
	EXPECT_INT(names_in(folder), 0);
	err_done(&err);
	buf_done(&in);
}

/* In a child, because the limit stays: a write that does not fit leaves the old file. */
static bool write_without_space(void)
{
	struct err err = {0};
	const char *path = in_folder("full");
	char *bytes = mem_new(100 * KIB);
	const struct rlimit limit = {.rlim_cur = 10 * KIB, .rlim_max = 10 * KIB};
	EXPECT_OK(disk_write_file(disk, path, STR("old"), 0600, &err), &err);
	setrlimit(RLIMIT_FSIZE, &limit);
	sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	EXPECT(disk_write_file(disk, path, str_make(bytes, 100 * KIB), 0600, &err) < 0);
	expect_file(path, "old");
	EXPECT_INT(names_in(folder), 1);
	err_done(&err);
	mem_free(bytes);
	unlink(path);
	return !test_failed();
}

TEST(a_write_that_fails_half_way_leaves_the_old_file)
{
	in_folder("");
	pid_t child = fork();
	if (child == 0)
		_exit(write_without_space() ? 0 : 1);
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT_INT(status, 0);
}

TEST(a_full_disk_is_no_space)
{
	struct err err = {0};
	int handle = disk->ops->open(disk, "/dev/full", O_RDWR, 0, &err);
	REQUIRE(handle >= 0);
	EXPECT_INT(disk->ops->write(disk, handle, "x", 1, 0, &err), ERR_NO_SPACE);
	disk->ops->close(disk, handle);
	err_done(&err);
}

/* ---- single calls ---- */

TEST(handles_read_write_cut_and_measure)
{
	struct err err = {0};
	char got[8] = {0};
	const char *path = in_folder("handle");
	int handle = disk->ops->open(disk, path, O_RDWR | O_CREAT | O_EXCL, 0600, &err);
	REQUIRE(handle >= 0);
	EXPECT_INT(disk->ops->write(disk, handle, "0123456789", 10, 0, &err), 10);
	EXPECT_INT(disk->ops->write(disk, handle, "ab", 2, 3, &err), 2);
	EXPECT_INT(disk->ops->read(disk, handle, got, 4, 2, &err), 4);
	EXPECT_TEXT(got, "2ab5");
	EXPECT_INT(disk->ops->read(disk, handle, got, 8, 7, &err), 3);
	EXPECT_INT(disk->ops->read(disk, handle, got, 8, 10, &err), 0);
	EXPECT_INT(disk->ops->size(disk, handle, &err), 10);
	EXPECT_OK(disk->ops->truncate(disk, handle, 4, &err), &err);
	EXPECT_INT(disk->ops->size(disk, handle, &err), 4);
	EXPECT_OK(disk->ops->sync(disk, handle, &err), &err);
	EXPECT_INT(disk->ops->open(disk, path, O_RDWR | O_CREAT | O_EXCL, 0600, &err),
		ERR_ALREADY_EXISTS);
	EXPECT(fcntl(handle, F_GETFD) & FD_CLOEXEC);
	disk->ops->close(disk, handle);
	EXPECT(disk->ops->read(disk, -1, got, 1, 0, &err) < 0);
	EXPECT_OK(disk->ops->remove(disk, path, &err), &err);
	EXPECT_INT(disk->ops->remove(disk, path, &err), ERR_NOT_FOUND);
	err_done(&err);
}

static int stop_at_once(void *ctx, const char *name)
{
	(void)name;
	++*(int *)ctx;
	return 7;
}

TEST(listing_gives_every_name_and_stops_when_told)
{
	struct err err = {0};
	char first[256], second[256];
	int count = 0;
	snprintf(first, sizeof(first), "%s", in_folder("one"));
	snprintf(second, sizeof(second), "%s", in_folder("two"));
	EXPECT_OK(disk_write_file(disk, first, STR("1"), 0600, &err), &err);
	EXPECT_OK(disk_write_file(disk, second, STR("2"), 0600, &err), &err);
	EXPECT_INT(names_in(folder), 2);
	EXPECT_INT(disk->ops->list(disk, folder, stop_at_once, &count, &err), 7);
	EXPECT_INT(count, 1);
	EXPECT_INT(
		disk->ops->list(disk, in_folder("gone"), count_name, &count, &err), ERR_NOT_FOUND);
	EXPECT_OK(disk->ops->rename(disk, first, second, &err), &err);
	expect_file(second, "1");
	EXPECT_INT(names_in(folder), 1);
	unlink(second);
	err_done(&err);
}

TEST(directories_are_made_all_the_way_down)
{
	struct err err = {0};
	char deep[256], file[256];
	struct stat st;
	snprintf(deep, sizeof(deep), "%s//a/b///c/", in_folder(""));
	EXPECT_OK(disk_make_dirs(disk, deep, 0700, &err), &err);
	EXPECT_OK(disk_make_dirs(disk, deep, 0700, &err), &err);
	EXPECT(stat(deep, &st) == 0 && S_ISDIR(st.st_mode));
	snprintf(file, sizeof(file), "%s", in_folder("a/file"));
	EXPECT_OK(disk_write_file(disk, file, STR("x"), 0600, &err), &err);
	strcat(file, "/below");
	EXPECT(disk_make_dirs(disk, file, 0700, &err) < 0);
	unlink(in_folder("a/file"));
	rmdir(in_folder("a/b/c"));
	rmdir(in_folder("a/b"));
	rmdir(in_folder("a"));
	err_done(&err);
}
