/* One question, one connection: descriptors come with an answer, which streams do not carry. */
#include <kube/dbus.h>
#include <kube/logind.h>
#include <kube/time.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "logind_names.h"

#define ANSWER_TIME 5 /* seconds */
#define LINE_MAX    1024

struct talk {
	int socket, fd; /* fd: that came with an answer; -1 */
	struct buf in;
};

/* ---- bytes ---- */

static int send_all(struct talk *t, const struct buf *out, struct err *err)
{
	for (size_t at = 0; at < out->len;) {
		ssize_t n = send(t->socket, out->at + at, out->len - at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, errno, "writing to the system bus");
		at += (size_t)n;
	}
	return 0;
}

static void take_descriptor(struct talk *t, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
			c->cmsg_len < CMSG_LEN(sizeof(int)))
			continue;
		if (t->fd >= 0)
			close(t->fd);
		memcpy(&t->fd, CMSG_DATA(c), sizeof(t->fd));
	}
}

static int receive(struct talk *t, struct err *err)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char *at = buf_reserve(&t->in, 4 * KIB);
	struct iovec part = {.iov_base = at, .iov_len = 4 * KIB};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n;

	if (!at)
		return err_set(err, ERR_LIMIT, "the system bus says too much");
	do
		n = recvmsg(t->socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set_errno(err, errno, "reading from the system bus");
	take_descriptor(t, &message);
	buf_advance(&t->in, (size_t)n);
	return n ? 0 : err_set(err, ERR_CLOSED, "the system bus has closed the connection");
}

/* ---- the beginning ---- */

static int open_socket(struct talk *t, const char *bus, struct err *err)
{
	const struct timeval wait = {.tv_sec = ANSWER_TIME};
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (strlen(bus) >= sizeof(to.sun_path))
		return err_set(err, ERR_LIMIT, "%s: too long for a socket", bus);
	memcpy(to.sun_path, bus, strlen(bus));
	t->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->socket < 0)
		return err_set_errno(err, errno, "socket");
	setsockopt(t->socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(t->socket, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(t->socket, (struct sockaddr *)&to, sizeof(to)))
		return err_set_errno(err, errno, "connecting to the system bus %s", bus);
	return 0;
}

static int expect_line(struct talk *t, const char *beginning, struct err *err)
{
	struct str line, rest;

	while (!str_cut(buf_str(&t->in), '\n', &line, &rest)) {
		if (t->in.len > LINE_MAX)
			return err_set(err, ERR_SYNTAX, "the system bus speaks something else");
		if (receive(t, err))
			return err->code;
	}
	if (!str_starts(line, str_from(beginning)))
		return err_set(err, ERR_UNAUTHORIZED, "the system bus refuses: %.*s",
			(int)MIN(line.len, (size_t)200), line.at);
	buf_drop_front(&t->in, line.len + 1);
	return 0;
}

static int log_in(struct talk *t, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);

	dbus_print_login(&out, geteuid());
	if (send_all(t, &out, err) || expect_line(t, "OK", err))
		return err->code;
	buf_clear(&out);
	buf_add_text(&out, "NEGOTIATE_UNIX_FD\r\n");
	if (send_all(t, &out, err) || expect_line(t, "AGREE_UNIX_FD", err))
		return err->code;
	buf_clear(&out);
	buf_add_text(&out, "BEGIN\r\n");
	dbus_print_call(&out, &logind_hello, 1);
	return send_all(t, &out, err);
}

/* ---- one call ---- */

/* Everything before the answer is passed over; the answer stands at the front of t->in. */
static int await(struct talk *t, uint32_t serial, struct dbus_message *answer, struct err *err)
{
	for (size_t used = 0;;) {
		if (dbus_parse(buf_str(&t->in), answer, &used, err))
			return err->code;
		if (!used) {
			if (receive(t, err))
				return err->code;
			continue;
		}
		if (answer->reply_to == serial)
			break;
		buf_drop_front(&t->in, used);
	}
	if (answer->kind != DBUS_ERROR)
		return 0;
	struct dbus_body body = dbus_body(answer);
	struct str text = STR("");
	dbus_read_text(&body, &text);
	return err_set(err, ERR_UNAVAILABLE, "%.*s: %.*s", STRF(answer->error), STRF(text));
}

static int ask(struct talk *t, const char *bus, const struct dbus_call *call,
	struct dbus_message *answer, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	*t = (struct talk){.socket = -1, .fd = -1};
	buf_init(&t->in, 2 * DBUS_MESSAGE_MAX);
	if (open_socket(t, bus, err) || log_in(t, err))
		return err->code;
	dbus_print_call(&out, call, 2);
	return send_all(t, &out, err) ? err->code : await(t, 2, answer, err);
}

static void talk_done(struct talk *t)
{
	if (t->socket >= 0)
		close(t->socket);
	if (t->fd >= 0)
		close(t->fd);
	buf_done(&t->in);
}

int logind_delay(const char *bus, int64_t *ns, struct err *err)
{
	static const char *const texts[] = {LOGIND_MANAGER, "InhibitDelayMaxUSec"};
	const struct dbus_call call = {.destination = LOGIND,
		.path = LOGIND_PATH,
		.interface = "org.freedesktop.DBus.Properties",
		.member = "Get",
		.texts = texts,
		.text_count = ARRAY_LEN(texts)};
	struct dbus_message answer;
	struct talk t;
	uint64_t us = 0;
	int code = ask(&t, bus, &call, &answer, err);

	if (!code) {
		struct dbus_body body = dbus_body(&answer);

		if (!dbus_read_u64_variant(&body, &us))
			code = err_set(err, ERR_SYNTAX, "logind does not say how long it waits");
	}
	*ns = (int64_t)MIN(us, (uint64_t)INT64_MAX / USEC) * USEC;
	talk_done(&t);
	return code;
}

int logind_inhibit(const char *bus, const char *who, const char *why, int *fd, struct err *err)
{
	const char *const texts[] = {"shutdown", who, why, "delay"};
	const struct dbus_call call = {.destination = LOGIND,
		.path = LOGIND_PATH,
		.interface = LOGIND_MANAGER,
		.member = "Inhibit",
		.texts = texts,
		.text_count = ARRAY_LEN(texts)};
	struct dbus_message answer;
	struct talk t;
	int code = ask(&t, bus, &call, &answer, err);

	if (!code && t.fd < 0)
		code = err_set(err, ERR_SYNTAX, "logind gives no lock");
	if (!code) {
		*fd = t.fd;
		t.fd = -1;
	}
	talk_done(&t);
	return code;
}

int logind_reload(const char *bus, struct err *err)
{
	static const char *const texts[] = {"systemd-logind.service", "all"};
	const struct dbus_call call = {.destination = "org.freedesktop.systemd1",
		.path = "/org/freedesktop/systemd1",
		.interface = "org.freedesktop.systemd1.Manager",
		.member = "KillUnit",
		.texts = texts,
		.text_count = ARRAY_LEN(texts),
		.numbered = true,
		.number = 1 /* SIGHUP */};
	struct dbus_message answer;
	struct talk t;
	int code = ask(&t, bus, &call, &answer, err);

	talk_done(&t);
	return code;
}
