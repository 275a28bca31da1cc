/* Files and directories below the runtime's root. Everything here blocks. */
#include "native.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 4096

/*
 * Old or new, never half, also where two threads write the same: containers that start together
 * share their filter. The helpers' pods do not outlive the machine: nothing is synced.
 */
int native_write(const char *path, struct str text, struct err *err)
{
	_cleanup_(buf_done) struct buf name = BUF_INIT(8 * KIB);
	size_t done = 0;
	int failed = 0;

	buf_print(&name, "%s.%d.new", path, (int)gettid());
	const char *fresh = buf_text(&name);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", fresh);
	while (done < text.len && !failed) {
		ssize_t n = write(fd, text.at + done, text.len - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			failed = n == 0 ? EIO : errno;
	}
	close(fd);
	if (!failed && rename(fresh, path))
		failed = errno;
	if (failed)
		unlink(fresh);
	return failed ? err_set_errno(err, failed, "writing %s", path) : 0;
}

int native_read(const char *path, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = -1;

	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	for (char *at; (at = buf_reserve(out, 4 * KIB)) && (n = read(fd, at, 4 * KIB)) > 0;)
		buf_advance(out, (size_t)n);
	close(fd);
	return n == 0 ? 0 : err_set(err, ERR_IO, "cannot read %s", path);
}

int native_make_dirs(const char *path, unsigned mode, struct err *err)
{
	_cleanup_(buf_done) struct buf name = BUF_INIT(8 * KIB);
	size_t len = strlen(path);

	for (size_t i = 1; i <= len; i++) {
		if (i < len && path[i] != '/')
			continue;
		buf_clear(&name);
		buf_add(&name, path, i);
		if (mkdir(buf_text(&name), mode) && errno != EEXIST)
			return err_set_errno(err, errno, "%s", buf_text(&name));
	}
	return 0;
}

/* ---- taking a tree away ---- */

static int remove_below(int parent, const char *name, dev_t device, int depth);

static int empty(int fd, dev_t device, int depth)
{
	DIR *d = fdopendir(fd);
	int failed = 0;

	if (!d) {
		failed = errno;
		close(fd);
		return failed;
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		int one = remove_below(dirfd(d), e->d_name, device, depth + 1);
		failed = failed ? failed : one;
	}
	closedir(d);
	return failed;
}

/* Never through a link, never into what is mounted below. */
static int remove_below(int parent, const char *name, dev_t device, int depth)
{
	struct stat there;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return errno;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	if (depth > DEPTH_MAX || fstat(fd, &there) || there.st_dev != device) {
		close(fd);
		return EBUSY;
	}
	int failed = empty(fd, device, depth);
	if (unlinkat(parent, name, AT_REMOVEDIR) && errno != ENOENT && !failed)
		failed = errno;
	return failed;
}

int native_remove_tree(const char *path, struct err *err)
{
	struct stat there;

	if (lstat(path, &there))
		return errno == ENOENT ? 0 : err_set_errno(err, errno, "%s", path);
	int failed = remove_below(AT_FDCWD, path, there.st_dev, 0);
	return failed ? err_set_errno(err, failed, "removing %s", path) : 0;
}

int native_each_name(const char *path, void (*name)(void *ctx, const char *name), void *ctx)
{
	DIR *d = opendir(path);

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			name(ctx, e->d_name);
	closedir(d);
	return 0;
}
