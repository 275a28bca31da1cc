#include "subpath.h"

#include <kube/buf.h>
#include <kube/file_tree.h>
#include <kube/mem.h>
#include <kube/mount.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- finding it ---- */

static bool real_path(int fd, char *at, size_t size)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(self, at, size - 1);
	if (n <= 0 || (size_t)n >= size - 1)
		return false;
	at[n] = 0;
	return true;
}

/*
 * A link with an absolute target may lead back into the volume, as some of the host's do: where it
 * leads is found out first, then that place is reached without any link.
 */
static int open_by_real_path(int volume, const char *part, int *fd, struct err *err)
{
	char above[4096], at[4096];
	int found = openat(volume, part, O_PATH | O_CLOEXEC);

	if (found < 0)
		return err_set_errno(err, errno, "%s", part);
	bool known = real_path(volume, above, sizeof(above)) && real_path(found, at, sizeof(at));
	close(found);
	size_t len = known ? strlen(above) : 0;
	if (!known || strncmp(at, above, len) != 0 || at[len] != '/')
		return err_set(err, ERR_FORBIDDEN, "subpath \"%s\" not within volume path", part);
	return file_tree_open(volume, at + len + 1, O_PATH | O_NOFOLLOW, true, fd, err);
}

static int find(int volume, const char *part, int *fd, struct err *err)
{
	int code = file_tree_follow(volume, part, O_PATH, fd, err);

	if (code != ERR_FORBIDDEN)
		return code;
	err_done(err);
	return open_by_real_path(volume, part, fd, err);
}

/* ---- making it ---- */

static int make_one(int volume, const char *above, const char *name, mode_t mode, struct err *err)
{
	int parent, fd,
		code = file_tree_follow(volume, above, O_RDONLY | O_DIRECTORY, &parent, err);

	if (code)
		return code;
	code = file_tree_make(parent, name, mode, &fd, err);
	if (!code)
		close(fd);
	close(parent);
	return code;
}

/* Each missing directory, as accessible as the volume itself. */
static int make(int volume, const char *part, struct err *err)
{
	_cleanup_(buf_done) struct buf above = BUF_INIT(8 * KIB), name = BUF_INIT(NAME_MAX + 1);
	struct str rest = str_from(part), piece;
	struct stat st;
	int code = fstat(volume, &st) ? err_set_errno(err, errno, "looking at a volume") : 0;

	while (!code && str_next(&rest, '/', &piece)) {
		_cleanup_(buf_done) struct buf next = BUF_INIT(8 * KIB);
		int fd;

		if (!piece.len || str_eq(piece, STR(".")))
			continue;
		buf_print(&next, "%s%s%.*s", buf_text(&above), above.len ? "/" : "", STRF(piece));
		if (buf_over(&next))
			return err_set(err, ERR_INVALID, "the path is too long");
		code = file_tree_follow(volume, buf_text(&next), O_PATH, &fd, err);
		if (!code)
			close(fd);
		if (code == ERR_NOT_FOUND) {
			err_done(err);
			buf_clear(&name);
			buf_add_str(&name, piece);
			code = make_one(
				volume, buf_text(&above), buf_text(&name), st.st_mode & 02777, err);
		}
		buf_clear(&above);
		buf_add_str(&above, buf_str(&next));
	}
	return code;
}

static int open_part(struct volume_subpath *s, int *fd, struct err *err)
{
	int volume = open(s->volume, O_PATH | O_DIRECTORY | O_CLOEXEC), code;

	s->failure = SUBPATH_NOT_PREPARED;
	if (volume < 0)
		return err_set_errno(err, errno, "%s", s->volume);
	code = find(volume, s->part, fd, err);
	if (code == ERR_NOT_FOUND) {
		err_done(err);
		s->failure = SUBPATH_NOT_MADE;
		code = make(volume, s->part, err);
		if (!code) {
			s->failure = SUBPATH_NOT_PREPARED;
			code = find(volume, s->part, fd, err);
		}
	}
	close(volume);
	return code;
}

/* ---- its place ---- */

static bool same(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* What an earlier container of that name had there, unless it is the same thing still. */
static int clear_place(int parent, const char *index, int part, bool *bound, struct err *err)
{
	char self[96];
	int there;

	if (file_tree_open(parent, index, O_PATH | O_NOFOLLOW, true, &there, NULL))
		return 0;
	*bound = file_tree_is_mount(parent, index) && same(there, part);
	close(there);
	if (*bound)
		return 0;
	snprintf(self, sizeof(self), "/proc/self/fd/%d/%s", parent, index);
	int code = mount_detach(self, err);
	return code ? code : file_tree_remove(parent, index, NULL, err);
}

static int make_place(int parent, const char *index, int part, int *fd, struct err *err)
{
	struct stat st;

	if (fstat(part, &st))
		return err_set_errno(err, errno, "looking at a part of a volume");
	if (S_ISDIR(st.st_mode))
		return file_tree_make(parent, index, 0750, fd, err);
	int made =
		openat(parent, index, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (made < 0)
		return err_set_errno(err, errno, "making %s", index);
	*fd = made;
	return 0;
}

static int attach(int parent, const char *index, int part, struct err *err)
{
	char self[64];
	int place, mount, code = make_place(parent, index, part, &place, err);

	if (code)
		return code;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", part);
	code = mount_clone(self, false, &mount, err);
	if (!code) {
		code = mount_attach(mount, place, err);
		close(mount);
	}
	close(place);
	return code;
}

static int bind_part(int pod, const struct volume_subpath *s, int part, struct err *err)
{
	_cleanup_(mem_done) char *above = mem_print("volume-subpaths/%s/%s", s->name, s->container);
	char index[32];
	bool bound = false;
	int parent, code = file_tree_make(pod, above, 0750, &parent, err);

	if (code)
		return code;
	snprintf(index, sizeof(index), "%zu", s->index);
	code = clear_place(parent, index, part, &bound, err);
	if (!code && !bound)
		code = attach(parent, index, part, err);
	close(parent);
	return code;
}

int subpath_bind(int pod, struct volume_subpath *s, struct err *err)
{
	int part, code = open_part(s, &part, err);

	if (!code) {
		code = bind_part(pod, s, part, err);
		close(part);
	}
	s->failed = code != 0;
	return code;
}
