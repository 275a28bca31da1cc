#include <kube/buf.h>
#include <kube/file_tree.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

bool file_tree_is_name(struct str name)
{
	return name.len > 0 && name.len <= NAME_MAX && !str_eq(name, STR(".")) &&
	       !str_eq(name, STR("..")) && str_find_char(name, '/') < 0 &&
	       str_find_char(name, 0) < 0;
}

/* A descriptor, or -1 and errno. */
static int open_how(int dir, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve};
	int fd = -1;

	/* EAGAIN: something was renamed on the way. */
	for (int i = 0; i < 100; i++) {
		fd = (int)syscall(SYS_openat2, dir, path[0] ? path : ".", &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

int file_tree_top(const char *path, mode_t mode, int *fd, struct err *err)
{
	_cleanup_(buf_done) struct buf at = BUF_INIT(8 * KIB);
	struct str rest = str_from(path), piece;

	while (str_next(&rest, '/', &piece)) {
		if (!piece.len && at.len)
			continue;
		buf_add_str(&at, piece);
		if (piece.len && mkdir(buf_text(&at), mode) && errno != EEXIST)
			return err_set_errno(err, errno, "mkdir %s", buf_text(&at));
		buf_add_char(&at, '/');
	}
	if (!fd)
		return 0;
	int found = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (found < 0)
		return err_set_errno(err, errno, "%s", path);
	*fd = found;
	return 0;
}

static int fail_open(int failed, const char *path, struct err *err)
{
	/* Not the same as being absent: it cannot be made, either. */
	if (failed == ENOTDIR || failed == ELOOP)
		return err_set(err, ERR_INVALID, "%s: %s", path,
			failed == ELOOP ? "a link" : "not a directory");
	return err_set_errno(err, failed, "%s", path);
}

int file_tree_open(int dir, const char *path, int flags, bool mounts, int *fd, struct err *err)
{
	int found = open_how(
		dir, path, flags, RESOLVE_NO_SYMLINKS | (mounts ? 0u : (unsigned)RESOLVE_NO_XDEV));

	if (found < 0 && errno == EXDEV)
		return err_set(err, ERR_CONFLICT, "%s: something is mounted there", path);
	if (found < 0)
		return fail_open(errno, path, err);
	*fd = found;
	return 0;
}

int file_tree_follow(int dir, const char *path, int flags, int *fd, struct err *err)
{
	int found = open_how(dir, path, flags, 0);

	if (found < 0 && errno == EXDEV)
		return err_set(err, ERR_FORBIDDEN, "%s leads out", path);
	if (found < 0)
		return fail_open(errno, path, err);
	*fd = found;
	return 0;
}

/* ---- making ---- */

static int enter(int parent, const char *name, mode_t mode, int *fd, struct err *err)
{
	int found =
		open_how(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);

	if (found < 0 && errno == ENOENT) {
		bool made = mkdirat(parent, name, mode & 0777) == 0;

		if (!made && errno != EEXIST)
			return err_set_errno(err, errno, "making %s", name);
		found = open_how(
			parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
		/* The process's umask has no say. */
		if (found >= 0 && made && fchmod(found, mode)) {
			int failed = errno;
			close(found);
			return err_set_errno(err, failed, "setting the mode of %s", name);
		}
	}
	if (found < 0)
		return err_set_errno(err, errno, "%s", name);
	*fd = found;
	return 0;
}

int file_tree_make(int dir, const char *path, mode_t mode, int *fd, struct err *err)
{
	struct str rest = str_from(path), piece;
	int at = fcntl(dir, F_DUPFD_CLOEXEC, 3), next, code = 0;

	if (at < 0)
		return err_set_errno(err, errno, "%s", path);
	while (!code && str_next(&rest, '/', &piece)) {
		_cleanup_(buf_done) struct buf name = BUF_INIT(NAME_MAX + 1);

		buf_add_str(&name, piece);
		if (!file_tree_is_name(piece))
			code = err_set(err, ERR_INVALID, "%s: not a path below a directory", path);
		else
			code = enter(at, buf_text(&name), mode, &next, err);
		if (!code) {
			close(at);
			at = next;
		}
	}
	if (code || !fd)
		close(at);
	else
		*fd = at;
	return code;
}

bool file_tree_is_mount(int dir, const char *name)
{
	int fd = open_how(dir, name, O_PATH | O_NOFOLLOW, RESOLVE_NO_XDEV);

	if (fd < 0)
		return errno == EXDEV;
	close(fd);
	return false;
}

/* ---- names ---- */

int file_tree_each(int dir, file_tree_fn *fn, void *ctx, struct err *err)
{
	/* Opened anew: a copied descriptor would share the place in the directory. */
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = 0;
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (!list) {
		int failed = errno;
		if (fd >= 0)
			close(fd);
		return err_set_errno(err, failed, "reading a directory");
	}
	while (!code) {
		errno = 0;
		const struct dirent *entry = readdir(list);
		if (!entry && errno)
			code = err_set_errno(err, errno, "reading a directory");
		if (!entry)
			break;
		if (file_tree_is_name(str_from(entry->d_name)))
			code = fn(ctx, dir, entry->d_name, err);
	}
	closedir(list);
	return code;
}

/* ---- removing ---- */

/* Deeper directories are moved up to the top first: descriptors and stack have an end. */
#define DEPTH_MAX  64
#define ROUNDS_MAX 100000

struct removal {
	int top;
	int depth;
	bool moved; /* something to the top: it must be read again */
	uint64_t moves;
	const _Atomic(bool) *stop;
};

static int remove_one(void *ctx, int dir, const char *name, struct err *err);

static int gone_is_fine(int code, struct err *err)
{
	if (code != ERR_NOT_FOUND && code != ERR_INVALID)
		return code;
	if (err)
		err_done(err);
	return 0;
}

static int move_up(struct removal *r, int dir, const char *name, struct err *err)
{
	char up[64];

	do {
		_cleanup_(buf_done) struct buf text = BUF_INIT(sizeof(up));

		buf_print(&text, "..removed-%llu", (unsigned long long)r->moves++);
		memcpy(up, buf_text(&text), text.len + 1);
		if (!renameat2(dir, name, r->top, up, RENAME_NOREPLACE)) {
			r->moved = true;
			return 0;
		}
	} while (errno == EEXIST);
	if (errno == EBUSY)
		return err_set(err, ERR_CONFLICT, "%s: something is mounted there", name);
	return errno == ENOENT ? 0 : err_set_errno(err, errno, "removing %s", name);
}

static int remove_directory(struct removal *r, int dir, const char *name, struct err *err)
{
	int child;

	if (r->depth >= DEPTH_MAX)
		return move_up(r, dir, name, err);
	int code =
		file_tree_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, false, &child, err);
	/* A moment ago it was a directory: the top is read once more. */
	if (code == ERR_INVALID)
		r->moved = true;
	if (code)
		return gone_is_fine(code, err);
	r->depth++;
	code = file_tree_each(child, remove_one, r, err);
	r->depth--;
	close(child);
	/* Not empty: somebody is writing, or wrote while we read. The top is read once more. */
	if (!code && unlinkat(dir, name, AT_REMOVEDIR) && errno != ENOENT) {
		if (errno != ENOTEMPTY && errno != EEXIST)
			return err_set_errno(err, errno, "removing %s", name);
		r->moved = true;
	}
	return code;
}

static int remove_one(void *ctx, int dir, const char *name, struct err *err)
{
	struct removal *r = ctx;

	if (r->stop && *r->stop)
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (!unlinkat(dir, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_set_errno(err, errno, "removing %s", name);
	return remove_directory(r, dir, name, err);
}

int file_tree_remove(int dir, const char *name, const _Atomic(bool) *stop, struct err *err)
{
	struct removal r = {.stop = stop};
	int code;

	if (!unlinkat(dir, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_set_errno(err, errno, "removing %s", name);
	code = file_tree_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, false, &r.top, err);
	if (code)
		return code == ERR_NOT_FOUND ? gone_is_fine(code, err) : code;
	for (int i = 0; i < ROUNDS_MAX && !code; i++) {
		r.moved = false;
		code = file_tree_each(r.top, remove_one, &r, err);
		if (!code && !r.moved)
			break;
	}
	close(r.top);
	if (!code && unlinkat(dir, name, AT_REMOVEDIR) && errno != ENOENT)
		code = errno == EBUSY
			       ? err_set(err, ERR_CONFLICT, "%s: something is mounted there", name)
			       : err_set_errno(err, errno, "removing %s", name);
	return code;
}
