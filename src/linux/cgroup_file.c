#include "cgroup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_MAX (256 * KIB)

int cgroup_file_read(const char *path, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	for (;;) {
		char *at = buf_reserve(out, 16 * KIB);
		ssize_t n = at ? read(fd, at, 16 * KIB) : 0;
		if (n > 0) {
			buf_advance(out, (size_t)n);
			continue;
		}
		int failed = n < 0 ? errno : 0;
		close(fd);
		if (failed)
			return err_set_errno(err, failed, "%s", path);
		return buf_over(out) ? err_set(err, ERR_TOO_LARGE, "%s: too large", path) : 0;
	}
}

int cgroup_file_write(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, value, strlen(value));
	int failed = n < 0 ? -errno : 0;
	close(fd);
	return failed;
}

bool cgroup_file_path(
	char path[CGROUP_PATH_MAX], struct str mount, const char *group, const char *file)
{
	int n = snprintf(path, CGROUP_PATH_MAX, "%.*s%s%s%s%s", STRF(mount),
		group[0] == '/' ? "" : "/", group, file[0] ? "/" : "", file);
	return n > 0 && n < CGROUP_PATH_MAX;
}

int64_t cgroup_file_number(struct str mount, const char *group, const char *file, const char *key)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	char path[CGROUP_PATH_MAX];
	int64_t number;

	if (!cgroup_file_path(path, mount, group, file) || cgroup_file_read(path, &text, NULL))
		return -1;
	struct str rest = buf_str(&text), line, name;
	if (!key)
		return str_to_i64(str_trim(rest), &number) ? number : -1;
	while (str_next(&rest, '\n', &line))
		if (str_cut(line, ' ', &name, &line) && str_eq_text(name, key))
			return str_to_i64(str_trim(line), &number) ? number : -1;
	return -1;
}
