/* Small files of the kernel, whole; used by the cgroup files. */
#ifndef KUBE_LINUX_CGROUP_FILE_H
#define KUBE_LINUX_CGROUP_FILE_H

#include <kube/buf.h>
#include <kube/err.h>

int cgroup_file_read(const char *path, struct buf *out, struct err *err);
/* -errno; 0 when all was taken. */
int cgroup_file_write(const char *path, const char *value);
/* "TREE/GROUP/FILE" into one of our own; false when it is too long. */
#define CGROUP_PATH_MAX 4096
bool cgroup_file_path(
	char path[CGROUP_PATH_MAX], struct str mount, const char *group, const char *file);
/* The number in the file, or of the line "key number" in it; -1: there is none. */
int64_t cgroup_file_number(struct str mount, const char *group, const char *file, const char *key);

#endif
