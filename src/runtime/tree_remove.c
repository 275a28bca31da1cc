/* Taking away directories that strangers have filled: no link is followed, nothing is recursive. */
#include "layer_apply.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE 256

/*
 * One name in `dir` that is no empty directory: 1 and its name when it is a directory that must
 * be emptied first; 0 when all is gone.
 */
static int remove_plain(int dir, char below[NAME_SIZE], struct err *err)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	int result = 0;

	if (!d)
		return err_set_errno(err, errno, "reading a directory");
	for (struct dirent *e; result == 0 && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dir, e->d_name, 0) == 0 || errno == ENOENT)
			continue;
		if (errno != EISDIR && errno != EPERM)
			result = err_set_errno(err, errno, "removing \"%s\"", e->d_name);
		else if (unlinkat(dir, e->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			continue;
		else if (errno != ENOTEMPTY && errno != EEXIST)
			result = err_set_errno(err, errno, "removing \"%s\"", e->d_name);
		else {
			memcpy(below, e->d_name, strlen(e->d_name) + 1);
			result = 1;
		}
	}
	closedir(d);
	return result;
}

/* One directory that is not empty is moved up here under a number, so depth costs nothing. */
static int flatten(int top, int64_t *counter, bool *again, struct err *err)
{
	char below[NAME_SIZE], inner[NAME_SIZE], name[32];

	for (;;) {
		int r = remove_plain(top, below, err);
		*again = r == 1;
		if (r != 1)
			return r;
		int fd = openat(top, below, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return err_set_errno(err, errno, "removing \"%s\"", below);
		while ((r = remove_plain(fd, inner, err)) == 1) {
			snprintf(name, sizeof(name), ".gone-%lld", (long long)++*counter);
			if (renameat2(fd, inner, top, name, RENAME_NOREPLACE) && errno != EEXIST &&
				errno != ENOTEMPTY) {
				r = err_set_errno(err, errno, "removing \"%s\"", inner);
				break;
			}
		}
		close(fd);
		if (r)
			return r;
	}
}

int tree_remove(int parent, const char *name, struct err *err)
{
	int64_t counter = 0;
	bool again = true;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_set_errno(err, errno, "removing \"%s\"", name);
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set_errno(err, errno, "removing \"%s\"", name);
	int failed = 0;
	while (again && !failed)
		failed = flatten(fd, &counter, &again, err);
	close(fd);
	if (!failed && unlinkat(parent, name, AT_REMOVEDIR) && errno != ENOENT)
		failed = err_set_errno(err, errno, "removing \"%s\"", name);
	return failed;
}
