/* Trees full of traps: links that lead out, names that are none, more depth than descriptors. */
#include "test.h"

#include <kube/file_tree.h>
#include <kube/mem.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[64];

static int make_base(void)
{
	snprintf(base, sizeof(base), "/tmp/kube-tree-XXXXXX");
	if (!mkdtemp(base))
		return -1;
	int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(fd, "inside", 0755);
	mkdirat(fd, "outside", 0755);
	close(openat(fd, "outside/precious", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	symlinkat("../outside", fd, "inside/link");
	symlinkat("/etc", fd, "inside/absolute");
	symlinkat("real", fd, "inside/near");
	mkdirat(fd, "inside/real", 0755);
	return fd;
}

static void remove_base(int fd)
{
	char command[128];

	close(fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", base);
	EXPECT_INT(system(command), 0);
}

static bool is_there(int dir, const char *path)
{
	return faccessat(dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

TEST(only_one_piece_is_a_name)
{
	EXPECT(file_tree_is_name(STR("a")) && file_tree_is_name(STR("..data")));
	EXPECT(!file_tree_is_name(STR("")) && !file_tree_is_name(STR(".")));
	EXPECT(!file_tree_is_name(STR("..")) && !file_tree_is_name(STR("a/b")));
	EXPECT(!file_tree_is_name(STR("a\0b")));
}

TEST(no_link_is_followed_on_the_way)
{
	_cleanup_(err_done) struct err err = {0};
	int all = make_base(), inside, fd;

	REQUIRE_OK(
		file_tree_open(all, "inside", O_RDONLY | O_DIRECTORY, false, &inside, &err), &err);
	EXPECT(file_tree_open(inside, "link/precious", O_RDONLY, true, &fd, NULL) != 0);
	EXPECT(file_tree_open(inside, "../outside/precious", O_RDONLY, true, &fd, NULL) != 0);
	EXPECT(file_tree_open(inside, "near", O_RDONLY, true, &fd, NULL) != 0);
	EXPECT_INT(file_tree_open(inside, "nothing", O_RDONLY, true, &fd, NULL), ERR_NOT_FOUND);
	EXPECT(file_tree_make(inside, "link/new", 0755, NULL, NULL) != 0);
	EXPECT(file_tree_make(inside, "../new", 0755, NULL, NULL) == ERR_INVALID);
	EXPECT(!is_there(all, "outside/new") && !is_there(all, "new"));
	close(inside);
	remove_base(all);
}

TEST(links_are_followed_where_they_may_be_as_long_as_they_stay_inside)
{
	_cleanup_(err_done) struct err err = {0};
	int all = make_base(), inside, fd;

	REQUIRE_OK(
		file_tree_open(all, "inside", O_RDONLY | O_DIRECTORY, false, &inside, &err), &err);
	if (EXPECT_OK(file_tree_follow(inside, "near", O_PATH, &fd, &err), &err))
		close(fd);
	EXPECT_INT(file_tree_follow(inside, "link/precious", O_PATH, &fd, NULL), ERR_FORBIDDEN);
	EXPECT_INT(file_tree_follow(inside, "absolute/passwd", O_PATH, &fd, NULL), ERR_FORBIDDEN);
	EXPECT_INT(file_tree_follow(inside, "real/../..", O_PATH, &fd, NULL), ERR_FORBIDDEN);
	close(inside);
	remove_base(all);
}

TEST(directories_are_made_with_their_mode_whatever_the_umask)
{
	_cleanup_(err_done) struct err err = {0};
	int all = make_base(), fd;
	mode_t before = umask(077);
	struct stat st;

	REQUIRE_OK(file_tree_make(all, "a/b", 02777, &fd, &err), &err);
	umask(before);
	close(fd);
	EXPECT(fstatat(all, "a", &st, 0) == 0 && (st.st_mode & 07777) == 02777);
	EXPECT(fstatat(all, "a/b", &st, 0) == 0 && (st.st_mode & 07777) == 02777);
	/* What is there stays as it is. */
	EXPECT_INT(fchmodat(all, "a", 0700, 0), 0);
	EXPECT_OK(file_tree_make(all, "a/c", 0755, NULL, &err), &err);
	EXPECT(fstatat(all, "a", &st, 0) == 0 && (st.st_mode & 07777) == 0700);
	remove_base(all);
}

TEST(removing_takes_links_and_leaves_what_they_lead_to)
{
	_cleanup_(err_done) struct err err = {0};
	int all = make_base();

	EXPECT_OK(file_tree_remove(all, "inside", NULL, &err), &err);
	EXPECT(!is_there(all, "inside") && is_there(all, "outside/precious"));
	EXPECT_OK(file_tree_remove(all, "inside", NULL, &err), &err);
	symlinkat("outside", all, "inside");
	EXPECT_OK(file_tree_remove(all, "inside", NULL, &err), &err);
	EXPECT(!is_there(all, "inside") && is_there(all, "outside/precious"));
	remove_base(all);
}

TEST(removing_goes_as_deep_as_anybody_could)
{
	_cleanup_(err_done) struct err err = {0};
	int all = make_base(), at = dup(all);

	for (int i = 0; i < 3000; i++) {
		mkdirat(at, "deep", 0755);
		close(openat(at, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		int next = openat(at, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	close(at);
	EXPECT_OK(file_tree_remove(all, "deep", NULL, &err), &err);
	EXPECT(!is_there(all, "deep"));
	remove_base(all);
}

TEST(removing_ends_when_it_is_asked_to)
{
	_Atomic(bool) stop = true;
	int all = make_base();

	EXPECT_INT(file_tree_remove(all, "inside", &stop, NULL), ERR_CANCELLED);
	EXPECT(is_there(all, "inside/real"));
	remove_base(all);
}
