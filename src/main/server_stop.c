#include "server_stop.h"
#include "server_lock.h"

#include <kube/time.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *server_stop_directory(struct arena *a, struct str path)
{
	char here[4096];

	if ((path.len && path.at[0] == '/') || !getcwd(here, sizeof(here)))
		return arena_str(a, path).at;
	return arena_print(a, "%s/%.*s", here, STRF(path)).at;
}

/*
 * *fd -1: nobody. A number may be another's by the time it is used: whoever still has the lock
 * once there is a descriptor of it is meant.
 */
static int open_holder(const char *data_dir, int *fd, struct err *err)
{
	pid_t pid, again;
	int code;

	for (*fd = -1;; *fd = -1) {
		if ((code = server_lock_holder(data_dir, &pid, err)) || !pid)
			return code;
		*fd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (*fd < 0 && errno != ESRCH)
			return err_set_errno(err, errno, "the server, process %d", (int)pid);
		if ((code = server_lock_holder(data_dir, &again, err)))
			break;
		if (*fd >= 0 && again == pid)
			return 0;
		if (*fd >= 0)
			close(*fd);
	}
	if (*fd >= 0)
		close(*fd);
	return code;
}

static int await(int fd, int64_t timeout, struct err *err)
{
	struct pollfd over = {.fd = fd, .events = POLLIN};
	int64_t ms = MIN(MAX(timeout / MSEC, 0), INT_MAX);
	int got = poll(&over, 1, (int)ms);

	if (got < 0)
		return err_set_errno(err, errno, "waiting for the server's end");
	return got ? 0 : err_set(err, ERR_TIMEOUT, "the server has not ended yet");
}

int server_stop(const char *data_dir, int64_t timeout, bool *ran, struct err *err)
{
	int fd, code = open_holder(data_dir, &fd, err);

	*ran = !code && fd >= 0;
	if (!*ran)
		return code;
	if (syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) && errno != ESRCH)
		code = err_set_errno(err, errno, "asking the server to end");
	else
		code = await(fd, timeout, err);
	close(fd);
	return code;
}
