/*
 * fsGroup: everything in a volume belongs to a group that may use it. Nothing is reached through
 * a name twice: what a container puts in a name's place meanwhile is not touched.
 */
#include "volume_plan.h"

#include <kube/file_tree.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every level costs two descriptors. */
#define DEPTH_MAX 200

#define MODE_READ_WRITE 0660
#define MODE_READ       0440
#define MODE_ENTER      0110

struct owning {
	const struct volume_owner *owner;
	const _Atomic(bool) *stop;
	int depth;
};

static mode_t wanted_bits(const struct volume_owner *o, bool directory)
{
	mode_t bits = o->read_only ? MODE_READ : MODE_READ_WRITE;

	return directory ? bits | S_ISGID | MODE_ENTER : bits;
}

/* fd: of the thing itself, also O_PATH. */
static int own_one(int fd, const struct stat *st, const struct volume_owner *o, struct err *err)
{
	mode_t mode = st->st_mode & 07777;
	char self[64];

	bool moved = st->st_gid != (gid_t)o->group;
	if (moved && fchownat(fd, "", (uid_t)-1, (gid_t)o->group, AT_EMPTY_PATH))
		return err_set_errno(
			err, errno, "giving a file to group %lld", (long long)o->group);
	if (S_ISLNK(st->st_mode))
		return 0;
	mode |= wanted_bits(o, S_ISDIR(st->st_mode));
	if (!moved && mode == (st->st_mode & 07777))
		return 0;
	/*
	 * An O_PATH descriptor is good for chmod only by its name in /proc. Also when the bits are
	 * right: chown takes setuid and setgid away.
	 */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (chmod(self, mode))
		return err_set_errno(err, errno, "letting a group use a file");
	return 0;
}

static int own_entry(void *ctx, int dir, const char *name, struct err *err)
{
	_cleanup_(err_done) struct err failed = {0};
	struct owning *o = ctx;
	struct stat st;
	int fd, code;

	if (o->stop && *o->stop)
		return err_set(err, ERR_CANCELLED, "cancelled");
	code = file_tree_open(dir, name, O_PATH | O_NOFOLLOW, false, &fd, &failed);
	if (code == ERR_CONFLICT || code == ERR_NOT_FOUND)
		return 0; /* a mount of somebody else; or it went away */
	if (code)
		return err_move(err, &failed);
	code = fstat(fd, &st) ? err_set_errno(err, errno, "%s", name) : 0;
	if (!code && S_ISDIR(st.st_mode)) {
		if (++o->depth > DEPTH_MAX)
			code = err_set(err, ERR_LIMIT, "directories more than %d deep", DEPTH_MAX);
		else
			code = file_tree_each(fd, own_entry, o, err);
		o->depth--;
	}
	if (!code)
		code = own_one(fd, &st, o->owner, err);
	close(fd);
	return code;
}

static bool matches(const struct stat *st, const struct volume_owner *o)
{
	mode_t bits = wanted_bits(o, true);

	return st->st_gid == (gid_t)o->group && (st->st_mode & bits) == bits;
}

int volume_own(
	int dir, const struct volume_owner *owner, const _Atomic(bool) *stop, struct err *err)
{
	struct owning o = {.owner = owner, .stop = stop};
	struct stat st;

	if (owner->group < 0)
		return 0;
	if (fstat(dir, &st))
		return err_set_errno(err, errno, "looking at a volume");
	if (owner->policy == VOLUME_CHANGE_ON_MISMATCH && matches(&st, owner))
		return 0;
	/* The top comes last: one that is right says that all below it is. */
	int code = file_tree_each(dir, own_entry, &o, err);
	return code ? code : own_one(dir, &st, owner, err);
}
