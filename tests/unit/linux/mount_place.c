/* Places in a root full of traps. Needs no privilege. */
#include "test.h"

#include <kube/mem.h>
#include <kube/mount.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char outside[64];

static int make_root(void)
{
	char root[96];

	snprintf(outside, sizeof(outside), "/tmp/kube-place-XXXXXX");
	if (!mkdtemp(outside))
		return -1;
	snprintf(root, sizeof(root), "%s/root", outside);
	mkdir(root, 0755);
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mkdirat(fd, "etc", 0755);
	symlinkat("../../../../etc", fd, "up");
	symlinkat("/etc", fd, "absolute");
	symlinkat("../run/far/resolv.conf", fd, "etc/resolv.conf");
	symlinkat("loop", fd, "loop");
	symlinkat("../../../escaped", fd, "dangling");
	return fd;
}

static void remove_root(int fd)
{
	char command[128];

	close(fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", outside);
	EXPECT_INT(system(command), 0);
}

/* Opens and tells where that is, below the root. */
static void expect_place(int root, const char *path, enum mount_place kind, const char *wanted)
{
	_cleanup_(err_done) struct err err = {0};
	char link[64], at[256] = "";
	int fd = -1;

	if (!EXPECT_OK(mount_place_open(root, path, kind, &fd, &err), &err))
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, at, sizeof(at) - 1);
	at[n < 0 ? 0 : n] = 0;
	EXPECT_TEXT(at + strlen(outside), wanted);
	close(fd);
}

TEST(places_stay_inside_the_root)
{
	int root = make_root();

	expect_place(root, "/etc", MOUNT_PLACE_AS_IT_IS, "/root/etc");
	expect_place(root, "/../../..", MOUNT_PLACE_AS_IT_IS, "/root");
	expect_place(root, "up/new/dir", MOUNT_PLACE_DIRECTORY, "/root/etc/new/dir");
	expect_place(root, "absolute/file", MOUNT_PLACE_FILE, "/root/etc/file");
	expect_place(root, "/etc/resolv.conf", MOUNT_PLACE_FILE, "/root/run/far/resolv.conf");
	expect_place(root, "dangling/x", MOUNT_PLACE_DIRECTORY, "/root/escaped/x");
	expect_place(root, "//a//b/", MOUNT_PLACE_DIRECTORY, "/root/a/b");
	expect_place(root, "/", MOUNT_PLACE_DIRECTORY, "/root");
	remove_root(root);
}

TEST(what_leads_nowhere_is_refused)
{
	int root = make_root(), fd;
	_cleanup_(err_done) struct err err = {0};

	EXPECT_INT(mount_place_open(root, "none", MOUNT_PLACE_AS_IT_IS, &fd, &err), ERR_NOT_FOUND);
	EXPECT(mount_place_open(root, "loop/x", MOUNT_PLACE_DIRECTORY, &fd, NULL) < 0);
	EXPECT_INT(mount_place_open(root, "f", MOUNT_PLACE_FILE, &fd, NULL), 0);
	close(fd);
	EXPECT(mount_place_open(root, "f/x", MOUNT_PLACE_DIRECTORY, &fd, NULL) < 0);
	remove_root(root);
}
