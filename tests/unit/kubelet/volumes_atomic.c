/* Files of volumes: shown all at once, in upstream's layout, left alone when nothing changed. */
#include "test.h"

#include "kubelet/volumes/volume_plan.h"

#include <kube/file_tree.h>
#include <kube/mem.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct box {
	char path[64];
	int fd;
	struct arena arena;
	struct volume_payload files;
	struct volume_owner owner;
	bool wrote;
	int stamps;
};

static void box_open(struct box *b)
{
	*b = (struct box){.owner.group = -1};
	snprintf(b->path, sizeof(b->path), "/tmp/kube-atomic-XXXXXX");
	EXPECT(mkdtemp(b->path) != NULL);
	b->fd = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	arena_init(&b->arena);
}

static void box_close(struct box *b)
{
	char command[96];

	close(b->fd);
	arena_done(&b->arena);
	snprintf(command, sizeof(command), "rm -rf '%s'", b->path);
	EXPECT_INT(system(command), 0);
}

static void add(struct box *b, const char *path, const char *text, unsigned mode)
{
	payload_add(&b->arena, &b->files,
		&(struct volume_file){
			.path = str_from(path), .bytes = str_from(text), .mode = mode, .user = -1});
}

static int write_all(struct box *b, struct err *err)
{
	char stamp[64];
	int code = payload_end(&b->arena, &b->files, err);

	snprintf(stamp, sizeof(stamp), "..2026_01_02_15_04_05.%d", b->stamps++);
	if (!code)
		code = atomic_write(b->fd, &b->files, stamp, &b->owner, &b->wrote, err);
	b->files = (struct volume_payload){0};
	return code;
}

static void expect_file(struct box *b, const char *path, const char *text, unsigned mode)
{
	char got[256] = "";
	struct stat st;
	int fd = openat(b->fd, path, O_RDONLY | O_CLOEXEC);

	if (!EXPECT(fd >= 0))
		return;
	ssize_t n = read(fd, got, sizeof(got) - 1);
	EXPECT(n >= 0 && fstat(fd, &st) == 0);
	EXPECT_TEXT(got, text);
	EXPECT_INT(st.st_mode & 07777, mode);
	close(fd);
}

static void expect_link(struct box *b, const char *path, const char *target)
{
	char got[256];
	ssize_t n = readlinkat(b->fd, path, got, sizeof(got) - 1);

	got[n < 0 ? 0 : n] = 0;
	EXPECT_TEXT(got, target);
}

static int count(struct box *b)
{
	DIR *d = opendir(b->path);
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

TEST(files_lie_as_upstream_lays_them)
{
	_cleanup_(err_done) struct err err = {0};
	struct box b;

	box_open(&b);
	add(&b, "b.txt", "bee", 0644);
	add(&b, "d/e/f", "eff", 0400);
	mode_t before = umask(077);
	REQUIRE_OK(write_all(&b, &err), &err);
	umask(before);
	EXPECT(b.wrote);
	expect_link(&b, "..data", "..2026_01_02_15_04_05.0");
	expect_link(&b, "b.txt", "..data/b.txt");
	expect_link(&b, "d", "..data/d");
	expect_file(&b, "b.txt", "bee", 0644);
	expect_file(&b, "d/e/f", "eff", 0400);
	EXPECT_INT(count(&b), 4);
	box_close(&b);
}

TEST(what_has_not_changed_is_not_written)
{
	_cleanup_(err_done) struct err err = {0};
	struct box b;

	box_open(&b);
	add(&b, "a", "1", 0644);
	REQUIRE_OK(write_all(&b, &err), &err);
	add(&b, "a", "1", 0644);
	REQUIRE_OK(write_all(&b, &err), &err);
	EXPECT(!b.wrote);
	expect_link(&b, "..data", "..2026_01_02_15_04_05.0");
	/* A name that was lost, as by a kubelet that died in between, comes back. */
	unlinkat(b.fd, "a", 0);
	add(&b, "a", "1", 0644);
	REQUIRE_OK(write_all(&b, &err), &err);
	EXPECT(!b.wrote);
	expect_file(&b, "a", "1", 0644);
	box_close(&b);
}

TEST(changes_keys_that_go_and_keys_that_come_show_at_once)
{
	_cleanup_(err_done) struct err err = {0};
	struct box b;

	box_open(&b);
	add(&b, "stays", "1", 0644);
	add(&b, "goes", "1", 0644);
	add(&b, "dir/goes", "1", 0644);
	add(&b, "dir/stays", "1", 0644);
	REQUIRE_OK(write_all(&b, &err), &err);
	int old = openat(b.fd, "..data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	add(&b, "stays", "2", 0644);
	add(&b, "dir/stays", "1", 0644);
	add(&b, "comes", "3", 0644);
	REQUIRE_OK(write_all(&b, &err), &err);
	EXPECT(b.wrote);
	close(old);
	expect_file(&b, "stays", "2", 0644);
	expect_file(&b, "comes", "3", 0644);
	EXPECT(faccessat(b.fd, "goes", F_OK, AT_SYMLINK_NOFOLLOW) != 0);
	EXPECT(faccessat(b.fd, "dir/goes", F_OK, 0) != 0);
	/* ..data, its directory, and three names: nothing of the old one is left. */
	EXPECT_INT(count(&b), 5);
	/* Only a key has gone: that is a change too. */
	add(&b, "stays", "2", 0644);
	add(&b, "dir/stays", "1", 0644);
	REQUIRE_OK(write_all(&b, &err), &err);
	EXPECT(b.wrote);
	EXPECT_INT(count(&b), 4);
	box_close(&b);
}

TEST(what_a_dead_writer_left_is_swept)
{
	_cleanup_(err_done) struct err err = {0};
	struct box b;

	box_open(&b);
	mkdirat(b.fd, "..2025_01_01_00_00_00.7", 0755);
	symlinkat("..2025_01_01_00_00_00.7", b.fd, "..data_tmp");
	symlinkat("..2024_gone", b.fd, "..data");
	/* The name that it would have taken is taken. */
	mkdirat(b.fd, "..2026_01_02_15_04_05.0", 0700);
	add(&b, "a", "1", 0644);
	REQUIRE_OK(write_all(&b, &err), &err);
	expect_file(&b, "a", "1", 0644);
	EXPECT_INT(count(&b), 3);
	box_close(&b);
}

TEST(links_in_the_place_of_files_are_not_followed)
{
	_cleanup_(err_done) struct err err = {0};
	struct box b;

	box_open(&b);
	mkdirat(b.fd, "..old", 0755);
	symlinkat("/etc/hostname", b.fd, "..old/a");
	symlinkat("..old", b.fd, "..data");
	add(&b, "a", "1", 0644);
	REQUIRE_OK(write_all(&b, &err), &err);
	EXPECT(b.wrote);
	expect_file(&b, "a", "1", 0644);
	/* What ..data says is a name of this directory, or nothing. */
	unlinkat(b.fd, "..data", 0);
	symlinkat("/etc", b.fd, "..data");
	add(&b, "a", "1", 0644);
	REQUIRE_OK(write_all(&b, &err), &err);
	EXPECT(b.wrote);
	box_close(&b);
}

TEST(places_of_other_volumes_are_left_alone)
{
	_cleanup_(err_done) struct err err = {0};
	struct box b;

	box_open(&b);
	mkdirat(b.fd, "inner", 0755);
	add(&b, "a", "1", 0644);
	REQUIRE_OK(write_all(&b, &err), &err);
	struct stat st;
	EXPECT(fstatat(b.fd, "inner", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode));
	/* One in the place of a file is in the way. */
	add(&b, "inner", "1", 0644);
	EXPECT(write_all(&b, &err) != 0);
	EXPECT_TEXT(err_text(&err), "symlink ..data/inner inner: file exists");
	box_close(&b);
}

static void expect_refused(const char *path, const char *text)
{
	_cleanup_(err_done) struct err err = {0};
	struct box b;

	box_open(&b);
	add(&b, path, "1", 0644);
	EXPECT(write_all(&b, &err) != 0);
	EXPECT_TEXT(err_text(&err), text);
	EXPECT_INT(count(&b), 0);
	box_close(&b);
}

TEST(paths_that_lead_out_are_refused)
{
	expect_refused("", "invalid path: must not be empty: \"\"");
	expect_refused("/a", "invalid path: must be relative path: /a");
	expect_refused("a/../../b", "invalid path: must not contain '..': a/../../b");
	expect_refused("..", "invalid path: must not contain '..': ..");
	expect_refused("..data", "invalid path: must not start with '..': ..data");
}

TEST(a_file_cannot_be_a_directory_too)
{
	_cleanup_(err_done) struct err err = {0};
	struct box b;

	box_open(&b);
	add(&b, "a", "1", 0644);
	add(&b, "a/b", "1", 0644);
	EXPECT(write_all(&b, &err) != 0);
	/* Nothing half made stays. */
	EXPECT_INT(count(&b), 0);
	box_close(&b);
}

/* ---- groups ---- */

static void expect_rights(struct box *b, const char *path, unsigned mode, gid_t group)
{
	struct stat st = {0};

	EXPECT(fstatat(b->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0);
	EXPECT_INT(st.st_mode & 07777, mode);
	EXPECT_INT(st.st_gid, group);
}

TEST(files_are_the_groups_to_read)
{
	_cleanup_(err_done) struct err err = {0};
	struct box b;

	if (geteuid() != 0)
		return;
	box_open(&b);
	b.owner = (struct volume_owner){.group = 2000, .read_only = true};
	EXPECT_INT(fchmod(b.fd, 0777), 0);
	add(&b, "d/a", "1", 0400);
	add(&b, "b", "1", 0644);
	REQUIRE_OK(write_all(&b, &err), &err);
	expect_rights(&b, ".", 02777, 2000);
	expect_rights(&b, "..data/d", 02755, 2000);
	expect_rights(&b, "..data/d/a", 0440, 2000);
	expect_rights(&b, "..data/b", 0644, 2000);
	box_close(&b);
}

TEST(a_token_is_its_users_alone)
{
	_cleanup_(err_done) struct err err = {0};
	struct box b;
	struct stat st;

	if (geteuid() != 0)
		return;
	box_open(&b);
	payload_add(&b.arena, &b.files,
		&(struct volume_file){
			.path = STR("token"), .bytes = STR("t"), .mode = 0600, .user = 1000});
	REQUIRE_OK(write_all(&b, &err), &err);
	EXPECT(fstatat(b.fd, "token", &st, 0) == 0);
	EXPECT_INT(st.st_uid, 1000);
	EXPECT_INT(st.st_mode & 07777, 0600);
	box_close(&b);
}

TEST(a_group_gets_all_that_is_in_a_volume_and_nothing_outside)
{
	_cleanup_(err_done) struct err err = {0};
	struct volume_owner owner = {.group = 3000};
	struct box b, other;
	char target[96];

	if (geteuid() != 0)
		return;
	box_open(&b);
	box_open(&other);
	close(openat(other.fd, "precious", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	snprintf(target, sizeof(target), "%s/precious", other.path);
	symlinkat(target, b.fd, "link");
	mkdirat(b.fd, "d", 0700);
	close(openat(b.fd, "d/f", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	fchmodat(b.fd, "d/f", 04700, 0);
	REQUIRE_OK(volume_own(b.fd, &owner, NULL, &err), &err);
	expect_rights(&b, ".", 02770, 3000);
	expect_rights(&b, "d", 02770, 3000);
	expect_rights(&b, "d/f", 04760, 3000);
	expect_rights(&b, "link", 0777, 3000);
	expect_rights(&other, "precious", 0600, 0);
	/* One that is right at the top is taken for right, when that is asked for. */
	fchmodat(b.fd, "d/f", 0600, 0);
	owner.policy = VOLUME_CHANGE_ON_MISMATCH;
	REQUIRE_OK(volume_own(b.fd, &owner, NULL, &err), &err);
	expect_rights(&b, "d/f", 0600, 3000);
	owner.group = 3001;
	REQUIRE_OK(volume_own(b.fd, &owner, NULL, &err), &err);
	expect_rights(&b, "d/f", 0660, 3001);
	_Atomic(bool) stop = true;
	EXPECT_INT(
		volume_own(b.fd, &(struct volume_owner){.group = 1}, &stop, NULL), ERR_CANCELLED);
	box_close(&other);
	box_close(&b);
}
