/*
 * Places inside a root that somebody else has filled. The kernel resolves every step (openat2,
 * RESOLVE_IN_ROOT), so neither ".." nor a link leads out, whatever is changed meanwhile.
 */
#include <kube/buf.h>
#include <kube/mount.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MAX 16
#define PATH_MAX_ ((size_t)4096)

static int open_in(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int fd;

	/* EAGAIN: something was renamed on the way. */
	for (int i = 0; i < 100; i++) {
		fd = (int)syscall(SYS_openat2, root, path[0] ? path : ".", &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

/* What stands at a name that leads nowhere: a link whose target is to be made instead. */
static bool follow_dangling(
	int parent, const char *name, struct str before, struct str after, struct buf *next)
{
	char target[4096];
	ssize_t n = readlinkat(parent, name, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	buf_clear(next);
	if (target[0] != '/') {
		buf_add_str(next, before);
		buf_add_char(next, '/');
	}
	buf_add(next, target, (size_t)n);
	buf_add_char(next, '/');
	buf_add_str(next, after);
	return !buf_over(next);
}

static int make_one(int parent, const char *name, bool directory)
{
	if (directory)
		return mkdirat(parent, name, 0755) ? errno : 0;
	int fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/*
 * Makes what is missing of the path, one name after the other. 0: all is there now. -1: a link
 * leads to what is not there, and the path to make instead stands in *next. Else an errno.
 */
static int make_path(int root, struct str path, bool directory, struct buf *next)
{
	_cleanup_(buf_done) struct buf before = BUF_INIT(PATH_MAX_);
	struct str rest = path, piece;

	while (str_next(&rest, '/', &piece)) {
		if (piece.len == 0)
			continue;
		size_t parent_len = before.len;
		if (before.len)
			buf_add_char(&before, '/');
		buf_add_str(&before, piece);
		if (buf_over(&before))
			return ENAMETOOLONG;
		int fd = open_in(root, buf_text(&before));
		if (fd >= 0) {
			close(fd);
			continue;
		}
		if (errno != ENOENT)
			return errno;
		bool last = str_trim(rest).len == 0 || strspn(rest.at, "/") == rest.len;
		_cleanup_(buf_done) struct buf above = BUF_INIT(PATH_MAX_),
					       name = BUF_INIT(PATH_MAX_);
		buf_add(&above, before.at, parent_len);
		buf_add_str(&name, piece);
		int parent = open_in(root, buf_text(&above));
		if (parent < 0)
			return errno;
		int failed = make_one(parent, buf_text(&name), directory || !last);
		if (failed == EEXIST && follow_dangling(parent, buf_text(&name), buf_str(&above),
						last ? (struct str){0} : rest, next))
			failed = -1;
		close(parent);
		if (failed && failed != EEXIST)
			return failed;
	}
	return 0;
}

int mount_place_open(int root, const char *path, enum mount_place kind, int *fd, struct err *err)
{
	_cleanup_(buf_done) struct buf now = BUF_INIT(PATH_MAX_), next = BUF_INIT(PATH_MAX_);
	int failed = -1;

	buf_add_text(&now, path);
	for (int i = 0; i < LINKS_MAX && failed == -1 && kind != MOUNT_PLACE_AS_IT_IS; i++) {
		failed = make_path(root, buf_str(&now), kind == MOUNT_PLACE_DIRECTORY, &next);
		if (failed == -1) {
			buf_clear(&now);
			buf_add_str(&now, buf_str(&next));
		}
	}
	if (failed > 0)
		return err_set_errno(err, failed, "making %s", path);
	int found = open_in(root, path);
	if (found < 0)
		return err_set_errno(err, errno, "%s", path);
	*fd = found;
	return 0;
}
