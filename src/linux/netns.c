#include <kube/netns.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#define SETTING_PATH_MAX 256

int netns_open(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : err_set_errno(err, errno, "network namespace %s", path);
}

int netns_enter(struct netns_visit *v, int netns, struct err *err)
{
	v->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (v->home < 0)
		return err_set_errno(err, errno, "own network namespace");
	if (setns(netns, CLONE_NEWNET) == 0)
		return 0;
	int code = err_set_errno(err, errno, "entering a network namespace");
	close(v->home);
	return code;
}

/* A thread that stayed would do the next one's work in the wrong network. */
void netns_leave(struct netns_visit *v)
{
	int back = setns(v->home, CLONE_NEWNET);

	assert(back == 0);
	close(v->home);
}

static int open_setting(const char *setting, int flags, struct err *err)
{
	char path[SETTING_PATH_MAX];
	int n = snprintf(path, sizeof(path), "/proc/sys/net/%s", setting);

	assert(n > 0 && (size_t)n < sizeof(path));
	int fd = open(path, flags | O_CLOEXEC);
	return fd >= 0 ? fd : err_set_errno(err, errno, "%s", path);
}

int netns_get(const char *setting, char *value, size_t size, struct err *err)
{
	int fd = open_setting(setting, O_RDONLY, err);

	if (fd < 0)
		return fd;
	ssize_t n = read(fd, value, size - 1);
	int failed = errno;
	close(fd);
	if (n < 0)
		return err_set_errno(err, failed, "reading %s", setting);
	while (n > 0 && value[n - 1] == '\n')
		n--;
	value[n] = 0;
	return 0;
}

int netns_set(const char *setting, const char *value, struct err *err)
{
	char now[64];
	int code = netns_get(setting, now, sizeof(now), err);

	if (code || strcmp(now, value) == 0)
		return code;
	int fd = open_setting(setting, O_WRONLY, err);
	if (fd < 0)
		return fd;
	ssize_t n = write(fd, value, strlen(value));
	int failed = errno;
	close(fd);
	return n < 0 ? err_set_errno(err, failed, "setting %s to %s", setting, value) : 0;
}
