#include "netns_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long packets may take that never leave the machine; a refusal comes sooner. */
#define PATIENCE_MS 5000

void netns_test_run(void (*test)(void))
{
	int status = 1;
	pid_t child = fork();

	if (child == 0) {
		if (unshare(CLONE_NEWNET))
			_exit(77);
		test();
		fflush(NULL);
		_exit(test_failed() ? 1 : 0);
	}
	REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
	EXPECT_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

static int own_netns(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int enter(int netns)
{
	int home = own_netns();

	EXPECT(home >= 0);
	if (netns >= 0)
		EXPECT_INT(setns(netns, CLONE_NEWNET), 0);
	return home;
}

static void leave(int home)
{
	EXPECT_INT(setns(home, CLONE_NEWNET), 0);
	close(home);
}

int netns_test_new(void)
{
	int home = enter(-1);

	EXPECT_INT(unshare(CLONE_NEWNET), 0);
	int made = own_netns();
	leave(home);
	return made;
}

static socklen_t address_to(struct sockaddr_storage *at, const char *text, uint16_t port)
{
	struct ip ip;

	*at = (struct sockaddr_storage){0};
	EXPECT(ip_parse(str_from(text), &ip));
	if (ip.len == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)at;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, ip.bytes, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)at;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, ip.bytes, 16);
	return sizeof(*in6);
}

static void note_seen(const struct sockaddr_storage *at, struct address *seen)
{
	if (!seen)
		return;
	*seen = (struct address){0};
	if (at->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)at;

		seen->ip.len = 4;
		memcpy(seen->ip.bytes, &in->sin_addr, 4);
		seen->port = ntohs(in->sin_port);
	} else {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)at;

		seen->ip.len = 16;
		memcpy(seen->ip.bytes, &in6->sin6_addr, 16);
		seen->port = ntohs(in6->sin6_port);
	}
}

int netns_test_socket(int netns, int type, const char *ip, uint16_t port)
{
	struct sockaddr_storage at;
	socklen_t len = address_to(&at, ip, port);
	int home = enter(netns), yes = 1;
	int fd = socket(at.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	leave(home);
	EXPECT(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (!EXPECT_INT(bind(fd, (struct sockaddr *)&at, len), 0))
		test_fail(__FILE__, __LINE__, "bind to %s: error %d", ip, errno);
	if (type == SOCK_STREAM)
		EXPECT_INT(listen(fd, 16), 0);
	return fd;
}

int netns_test_client(int netns, int family)
{
	int home = enter(netns), fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	leave(home);
	EXPECT(fd >= 0);
	return fd;
}

static bool wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, PATIENCE_MS) == 1;
}

static int error_of(int fd)
{
	int errnum = 0;
	socklen_t len = sizeof(errnum);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len);
	return errnum;
}

/* Hears "echo" and says it again. */
static int answer(int fd, struct sockaddr_storage *from)
{
	socklen_t len = sizeof(*from);
	char said[8];

	if (!wait_for(fd, POLLIN))
		return ETIMEDOUT;
	ssize_t n = recvfrom(fd, said, sizeof(said), 0, (struct sockaddr *)from, &len);
	if (n != 4 || memcmp(said, "echo", 4) != 0)
		return EPROTO;
	sendto(fd, said, 4, MSG_NOSIGNAL, len ? (struct sockaddr *)from : NULL, len);
	return 0;
}

static int answer_stream(int server, struct address *seen)
{
	struct sockaddr_storage from = {0};
	socklen_t len = sizeof(from);

	if (!wait_for(server, POLLIN))
		return ETIMEDOUT;
	int fd = accept4(server, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
	note_seen(&from, seen);
	int failed = answer(fd, &from);
	close(fd);
	return failed;
}

static int talk(int fd, int type, const struct sockaddr_storage *at, socklen_t len, int server,
	struct address *seen)
{
	struct sockaddr_storage from = {0};
	char heard[8];

	if (connect(fd, (const struct sockaddr *)at, len) && errno != EINPROGRESS)
		return errno;
	if (!wait_for(fd, POLLOUT))
		return ETIMEDOUT;
	int failed = error_of(fd);
	if (failed)
		return failed;
	if (send(fd, "echo", 4, MSG_NOSIGNAL) != 4)
		return errno;
	if (server >= 0) {
		failed = type == SOCK_STREAM ? answer_stream(server, seen) : answer(server, &from);
		if (type == SOCK_DGRAM && !failed)
			note_seen(&from, seen);
	}
	if (failed)
		return failed;
	if (!wait_for(fd, POLLIN))
		return ETIMEDOUT;
	ssize_t n = recv(fd, heard, sizeof(heard), 0);
	return n < 0 ? errno : n == 4 && memcmp(heard, "echo", 4) == 0 ? 0 : EPROTO;
}

int netns_test_echo(
	int netns, int type, const char *to, uint16_t port, int server, struct address *seen)
{
	struct sockaddr_storage at;
	socklen_t len = address_to(&at, to, port);
	int home = enter(netns);
	int fd = socket(at.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	leave(home);
	EXPECT(fd >= 0);
	int failed = talk(fd, type, &at, len, server, seen);
	close(fd);
	return failed;
}

void netns_test_shell(int netns, char *out, size_t size, const char *command)
{
	int home = enter(netns);
	FILE *pipe = popen(command, "re");
	size_t n = 0, more;
	char rest[4096];

	leave(home);
	while (n < size - 1 && (more = fread(out + n, 1, size - 1 - n, pipe)) > 0)
		n += more;
	out[n] = 0;
	while (fread(rest, 1, sizeof(rest), pipe) > 0)
		;
	if (!EXPECT_INT(pclose(pipe), 0))
		test_fail(__FILE__, __LINE__, "%s", command);
}
