#include "seed.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the wire ---- */

union seed_control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

int seed_send(int socket, const void *bytes, size_t size, int fd)
{
	union seed_control control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? errno : 0;
}

int seed_receive(int socket, void *bytes, size_t size, int *fd)
{
	union seed_control control = {0};
	struct iovec part = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n;

	*fd = -1;
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	if (message.msg_controllen >= CMSG_LEN(sizeof(*fd)) && control.head.cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(&control.head), sizeof(*fd));
	return (size_t)n == size ? 0 : ECONNRESET;
}

/* ---- copies ---- */

/* Not the library's fork: it knows neither namespaces nor CLONE_PARENT. We have one thread. */
static long copy_self(int32_t namespaces, int *pidfd)
{
	uint64_t flags = CLONE_PARENT | CLONE_PIDFD | (uint64_t)namespaces;
	struct clone_args args = {.flags = flags, .pidfd = (uint64_t)(uintptr_t)pidfd};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	/* Filters of system calls answer the new one so. */
	if (pid < 0 && (errno == ENOSYS || errno == EPERM))
		pid = syscall(SYS_clone, flags, 0, pidfd, 0, 0);
	return pid;
}

/* Whoever waits for the report may be gone before the kernel knows whom to tell. */
static void bind_life(int report)
{
	struct pollfd reader = {.fd = report, .events = POLLOUT};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) ||
		(poll(&reader, 1, 0) == 1 && (reader.revents & POLLERR)))
		_exit(127);
}

/*
 * A copy that was never announced must not live: the seed may die before it says what it made, and
 * then another seed is asked for the same.
 */
static void await_announcement(int announced)
{
	char none;

	if (read(announced, &none, 1) != 1)
		_exit(127);
	close(announced);
}

static void become_copy(int socket, int received, int report, int announced)
{
	close(socket);
	await_announcement(announced);
	if (received != report && dup2(received, report) < 0)
		_exit(127);
	if (received != report)
		close(received);
	setsid();
	bind_life(report);
}

/* An errno; *pid is 0 in the copy. */
static int make_copy(int socket, int32_t namespaces, int received, int report, long *pid)
{
	struct seed_answer answer = {0};
	int announcement[2], pidfd = -1;

	if (pipe2(announcement, O_CLOEXEC))
		return errno;
	*pid = copy_self(namespaces, &pidfd);
	if (*pid == 0) {
		close(announcement[1]);
		become_copy(socket, received, report, announcement[0]);
		return 0;
	}
	answer.failed = *pid < 0 ? errno : 0;
	answer.pid = (int32_t)*pid;
	int failed = seed_send(socket, &answer, sizeof(answer), pidfd);
	if (!failed && *pid > 0 && write(announcement[1], "", 1) != 1)
		failed = errno;
	close(announcement[0]);
	close(announcement[1]);
	if (pidfd >= 0)
		close(pidfd);
	return failed;
}

bool seed_serve(int socket, int report, struct seed_request *request)
{
	for (;;) {
		long pid = -1;
		int received;

		if (seed_receive(socket, request, sizeof(*request), &received) || received < 0)
			return false;
		request->directory[sizeof(request->directory) - 1] = 0;
		int failed = make_copy(socket, request->namespaces, received, report, &pid);
		if (pid == 0)
			return true;
		close(received);
		if (failed)
			return false;
	}
}
