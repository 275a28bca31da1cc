/*
 * A container whose pod has users of its own. Its root is made by the node's root, who alone may
 * mount what it is made of, but so that it looks as if the pod's root had made it; then the
 * process becomes the pod's root, and copies the mounts into a namespace that is the pod's too.
 */
#include "child.h"

#include <kube/mount.h>

#include <errno.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Capabilities stay with whoever makes the files, whosever these are. */
int child_own_files(const struct child *c, struct err *err)
{
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
		return err_set_errno(err, errno, "keeping capabilities");
	setfsgid(c->users_first);
	setfsuid(c->users_first);
	/* They tell what it was, never whether it went well. */
	if ((uint32_t)setfsuid((uid_t)-1) != c->users_first ||
		(uint32_t)setfsgid((gid_t)-1) != c->users_first)
		return err_set(err, ERR_INTERNAL, "making files as user %u", c->users_first);
	return 0;
}

/* Older kernels take no layer that is attached nowhere: it covers itself, where only we see it. */
static int cover(const char *layer, int users, struct err *err)
{
	int fd, code = mount_clone(layer, false, &fd, err);

	if (code)
		return code;
	code = mount_map_users(fd, users, err);
	if (!code)
		code = mount_attach_at(fd, layer, err);
	close(fd);
	return code;
}

int child_cover_layers(const struct child *c, const struct spec_strs *layers, struct err *err)
{
	int code = 0;

	for (size_t i = 0; c->users >= 0 && i < layers->count && !code; i++)
		code = cover(layers->items[i].at, c->users, err);
	return code;
}

/* What was not covered is no place where something is mounted, and stays as it is. */
void child_uncover_layers(const struct child *c, const struct spec_strs *layers)
{
	for (size_t i = 0; c->users >= 0 && i < layers->count; i++)
		umount2(layers->items[i].at, MNT_DETACH | UMOUNT_NOFOLLOW);
}

/* The ends of pipes were made by the node's root; the pod's may open them by name. */
static void give_stdio(const struct child *c)
{
	struct stat there;

	for (int i = 0; i < 3; i++)
		if (c->stdio[i] >= 0 && fstat(c->stdio[i], &there) == 0 &&
			S_ISFIFO(there.st_mode) &&
			fchown(c->stdio[i], c->users_first, c->users_first)) {
			/* It works without. */
		}
}

int child_enter_users(const struct child *c, struct err *err)
{
	give_stdio(c);
	/* Mounts first, if they are another's: they belong to users that we are to be. */
	if (setns(c->users, CLONE_NEWUSER))
		return err_set_errno(err, errno, "entering the users of the pod");
	if (setresgid(0, 0, 0) || setresuid(0, 0, 0))
		return err_set_errno(err, errno, "becoming the root of the pod");
	if (c->enter < 0 && unshare(CLONE_NEWNS))
		return err_set_errno(err, errno, "taking the mounts to the users of the pod");
	return 0;
}
