/* The machine's disk: one system call a function, retried when a signal came in between. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kube/time.h>

#include "transport.h"

static int real_open(struct disk *d, const char *path, int flags, unsigned mode, struct err *err)
{
	int fd;
	(void)d;
	do
		fd = open(path, flags | O_CLOEXEC, (mode_t)mode);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? err_set_errno(err, errno, "open %s", path) : fd;
}

static void real_close(struct disk *d, int handle)
{
	(void)d;
	close(handle);
}

/* Short only at the end of the file. */
static ssize_t real_read(
	struct disk *d, int handle, void *at, size_t len, int64_t offset, struct err *err)
{
	size_t got = 0;
	(void)d;
	while (got < len) {
		ssize_t n = pread(handle, (char *)at + got, len - got, offset + (int64_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, errno, "read");
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* All or an error; what was written before the error is there. */
static ssize_t real_write(
	struct disk *d, int handle, const void *at, size_t len, int64_t offset, struct err *err)
{
	size_t done = 0;
	(void)d;
	while (done < len) {
		ssize_t n =
			pwrite(handle, (const char *)at + done, len - done, offset + (int64_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set_errno(err, n < 0 ? errno : ENOSPC, "write");
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int real_sync(struct disk *d, int handle, struct err *err)
{
	(void)d;
	/* Not tried again: after a failed fsync the kernel has forgotten what was dirty. */
	return fsync(handle) ? err_set_errno(err, errno, "sync") : 0;
}

static int64_t real_size(struct disk *d, int handle, struct err *err)
{
	struct stat st;
	(void)d;
	return fstat(handle, &st) ? err_set_errno(err, errno, "size") : st.st_size;
}

static int real_truncate(struct disk *d, int handle, int64_t size, struct err *err)
{
	int failed;
	(void)d;
	do
		failed = ftruncate(handle, size);
	while (failed && errno == EINTR);
	return failed ? err_set_errno(err, errno, "truncate") : 0;
}

static int real_rename(struct disk *d, const char *from, const char *to, struct err *err)
{
	(void)d;
	return rename(from, to) ? err_set_errno(err, errno, "rename %s to %s", from, to) : 0;
}

static int real_remove(struct disk *d, const char *path, struct err *err)
{
	(void)d;
	return remove(path) ? err_set_errno(err, errno, "remove %s", path) : 0;
}

static int64_t real_changed(struct disk *d, const char *path, struct err *err)
{
	struct stat st;
	(void)d;
	if (stat(path, &st))
		return err_set_errno(err, errno, "stat %s", path);
	return (int64_t)st.st_mtim.tv_sec * SEC + st.st_mtim.tv_nsec;
}

static int real_mkdir(struct disk *d, const char *path, unsigned mode, struct err *err)
{
	(void)d;
	return mkdir(path, (mode_t)mode) ? err_set_errno(err, errno, "mkdir %s", path) : 0;
}

static int real_sync_dir(struct disk *d, const char *path, struct err *err)
{
	int fd = real_open(d, path, O_RDONLY | O_DIRECTORY, 0, err);
	if (fd < 0)
		return fd;
	int code = real_sync(d, fd, err);
	close(fd);
	return code;
}

static int real_list(struct disk *d, const char *path, int (*name)(void *ctx, const char *name),
	void *ctx, struct err *err)
{
	DIR *dir = opendir(path);
	int code = 0;
	(void)d;
	if (!dir)
		return err_set_errno(err, errno, "list %s", path);
	while (!code) {
		errno = 0;
		struct dirent *e = readdir(dir);
		if (!e)
			break;
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			code = name(ctx, e->d_name);
	}
	if (!code && errno)
		code = err_set_errno(err, errno, "list %s", path);
	closedir(dir);
	return code;
}

static const struct disk_ops real_ops = {
	.open = real_open,
	.close = real_close,
	.read = real_read,
	.write = real_write,
	.sync = real_sync,
	.size = real_size,
	.truncate = real_truncate,
	.rename = real_rename,
	.remove = real_remove,
	.changed = real_changed,
	.mkdir = real_mkdir,
	.sync_dir = real_sync_dir,
	.list = real_list,
};

struct disk machine_disk = {.ops = &real_ops, .is_machine = true};
