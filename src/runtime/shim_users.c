/*
 * Users of a pod's own. The helper itself stays the node's: who enters such a namespace can never
 * leave it, and could mount nothing of the node any more. So another process makes the namespaces
 * and holds them until we have entered those that we need.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MADE_WITH_THEM (CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)

/* Does nothing until `alive` is closed, by us or with us. */
static pid_t start_holder(int *pidfd, int *alive, struct err *err)
{
	int ends[2];
	char byte;

	if (pipe2(ends, O_CLOEXEC))
		return err_set_errno(err, errno, "making a pipe");
	struct clone_args args = {.flags = CLONE_PIDFD | CLONE_NEWUSER | MADE_WITH_THEM,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		close(ends[1]);
		while (read(ends[0], &byte, 1) < 0 && errno == EINTR) {
		}
		_exit(0);
	}
	int failed = errno;
	close(ends[0]);
	if (pid > 0) {
		*alive = ends[1];
		return pid;
	}
	close(ends[1]);
	return err_set_errno(err, failed, "making a user namespace");
}

/* Its number where /proc comes from, which may be another than ours for it. */
static int64_t number_in_proc(int pidfd)
{
	char path[64], text[512];
	int64_t number = -1;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, text, sizeof(text));
	close(fd);
	struct str rest = str_make(text, n > 0 ? (size_t)n : 0), line, key, value;
	while (str_next(&rest, '\n', &line))
		if (str_cut(line, ':', &key, &value) && str_eq(key, STR("Pid")))
			str_to_i64(str_trim(value), &number);
	return number;
}

static int write_map(int64_t pid, const char *name, int64_t first, int64_t count, struct err *err)
{
	char path[64], text[64];
	int n = snprintf(text, sizeof(text), "0 %lld %lld\n", (long long)first, (long long)count);

	snprintf(path, sizeof(path), "/proc/%lld/%s", (long long)pid, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int failed = fd < 0 || write(fd, text, (size_t)n) != n ? errno : 0;
	if (fd >= 0)
		close(fd);
	return failed ? err_set_errno(err, failed, "%s", path) : 0;
}

static int take(struct shim *shim, int pidfd, int64_t first, int64_t count, struct err *err)
{
	int64_t pid = number_in_proc(pidfd);
	char path[64];

	if (pid <= 0)
		return err_set(err, ERR_INTERNAL, "/proc shows no process of ours");
	int code = write_map(pid, "uid_map", first, count, err);
	if (!code)
		code = write_map(pid, "gid_map", first, count, err);
	if (code)
		return code;
	snprintf(path, sizeof(path), "/proc/%lld/ns/user", (long long)pid);
	shim->users = open(path, O_RDONLY | O_CLOEXEC);
	if (shim->users < 0)
		return err_set_errno(err, errno, "%s", path);
	shim->users_first = (uint32_t)first;
	if (setns(pidfd, MADE_WITH_THEM))
		return err_set_errno(err, errno, "entering what belongs to the users of the pod");
	return 0;
}

int shim_take_users(struct shim *shim, const struct cJSON *users, struct err *err)
{
	int64_t first = 0, count = 0;
	int pidfd = -1, alive;

	json_int(json_get(users, STR("first")), &first);
	json_int(json_get(users, STR("count")), &count);
	if (first <= 0 || count <= 0 || first > UINT32_MAX - count)
		return err_set(
			err, ERR_INVALID, "users %lld+%lld", (long long)first, (long long)count);
	pid_t pid = start_holder(&pidfd, &alive, err);
	if (pid < 0)
		return pid;
	int code = take(shim, pidfd, first, count, err);
	close(alive);
	waitpid(pid, NULL, __WALL);
	close(pidfd);
	return code;
}
