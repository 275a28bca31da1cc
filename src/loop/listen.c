/*
 * Listeners accept by themselves, over uv_poll: libuv's own listener takes connections out of the
 * backlog before anybody asked, and throws them away when descriptors run out.
 */
#include <kube/mem.h>
#include <kube/time.h>

#include <errno.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include "socket.h"

/* Out of descriptors: the pause before the next try, doubled each time, as Go's servers do. */
#define PAUSE_MIN (5 * MSEC)
#define PAUSE_MAX (1 * SEC)
/* Connections that were gone before they were accepted, in one go. */
#define DUDS_MAX 64

struct acceptor {
	struct listener base;
	struct op open; /* keeps the scope; its moment is the end of a pause */
	uv_poll_t poll;
	int fd;
	struct scope *target;
	struct stream **out;
	int64_t pause;
	bool armed; /* libuv watches for connections */
	bool hot;   /* the last accept found one: there may be more */
	bool has_path;
	dev_t dev; /* of the path, to know at the end whether it is still ours */
	ino_t ino;
};

static struct acceptor *acceptor_of(struct listener *l)
{
	return CONTAINER_OF(l, struct acceptor, base);
}

static struct loop *acceptor_loop(struct acceptor *a)
{
	return a->open.scope->loop;
}

/* ---- accepting ---- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void arm(struct acceptor *a)
{
	if (a->armed)
		return;
	int failed = uv_poll_start(&a->poll, UV_READABLE, on_poll);
	assert(!failed);
	a->armed = true;
}

static void disarm(struct acceptor *a)
{
	if (!a->armed)
		return;
	uv_poll_stop(&a->poll);
	a->armed = false;
}

/* The connection waits in the backlog; whoever waits for it waits with it. */
static void accept_pause(struct acceptor *a)
{
	disarm(a);
	a->pause = a->pause ? MIN(a->pause * 2, PAUSE_MAX) : PAUSE_MIN;
	op_due_at(&a->open, loop_in(acceptor_loop(a), a->pause));
}

static bool accept_end(
	struct acceptor *a, int fd, const struct sockaddr_storage *name, socklen_t len)
{
	struct address remote = sockaddr_to(name, len), local = a->base.address;
	struct sockaddr_storage own;
	socklen_t own_len = sizeof(own);
	/* A listener on one address says already what the other end connected to. */
	if (!a->has_path && ip_is_unspecified(&local.ip) &&
		getsockname(fd, (struct sockaddr *)&own, &own_len) == 0)
		local = sockaddr_to(&own, own_len);
	a->hot = true;
	a->pause = 0;
	struct stream *s = socket_open(acceptor_loop(a), a->target, fd, &local, &remote);
	if (!s) {
		close(fd);
		return false;
	}
	*a->out = s;
	op_finish(TAKE(a->base.accepting), 0);
	return true;
}

enum accept_outcome { ACCEPT_AGAIN, ACCEPT_LATER, ACCEPT_PAUSE, ACCEPT_BROKEN };

static enum accept_outcome accept_judge(int errnum)
{
	switch (errnum) {
	case EAGAIN:
		return ACCEPT_LATER;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return ACCEPT_PAUSE;
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
	case EOPNOTSUPP:
	case EFAULT:
		return ACCEPT_BROKEN;
	default:
		/* The peer's or the network's trouble with this one connection. */
		return ACCEPT_AGAIN;
	}
}

static void accept_try(struct acceptor *a)
{
	struct err err = {0};
	for (int duds = 0; duds < DUDS_MAX; duds++) {
		struct sockaddr_storage name = {0};
		socklen_t len = sizeof(name);
		int fd = accept4(
			a->fd, (struct sockaddr *)&name, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0 && accept_end(a, fd, &name, len))
			return;
		switch (fd >= 0 ? ACCEPT_AGAIN : accept_judge(errno)) {
		case ACCEPT_AGAIN:
			continue;
		case ACCEPT_PAUSE:
			accept_pause(a);
			return;
		case ACCEPT_BROKEN:
			err_set_errno(&err, errno, "accept");
			op_fail(TAKE(a->base.accepting), &err);
			return;
		case ACCEPT_LATER:
			break;
		}
		break;
	}
	a->hot = false;
	arm(a);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct acceptor *a = poll->data;
	(void)status;
	(void)events;
	loop_woken(acceptor_loop(a));
	if (a->base.accepting)
		accept_try(a);
	else
		disarm(a);
}

static void pause_over(struct op *op)
{
	struct acceptor *a = CONTAINER_OF(op, struct acceptor, open);
	if (a->base.accepting)
		accept_try(a);
}

static void acceptor_accept(
	struct listener *l, struct op *op, struct scope *scope, struct stream **stream)
{
	struct acceptor *a = acceptor_of(l);
	(void)op;
	a->target = scope;
	a->out = stream;
	if (a->open.timer_index)
		return; /* in a pause */
	if (a->hot || !a->armed)
		accept_try(a);
}

static void acceptor_cancel(struct listener *l, struct op *op)
{
	l->accepting = NULL;
	op_fail_cancelled(op);
}

/* ---- closing ---- */

static void acceptor_done(struct op *op, struct err *err)
{
	(void)err;
	mem_free(CONTAINER_OF(op, struct acceptor, open));
}

static void on_closed(uv_handle_t *handle)
{
	struct acceptor *a = handle->data;
	op_finish(&a->open, 0);
}

/* Somebody may have put a socket of his own in this place: that one stays. */
static void path_remove(const struct acceptor *a)
{
	struct stat st;
	const char *path = a->base.address.path;
	if (a->has_path && path[0] != '@' && lstat(path, &st) == 0 && st.st_dev == a->dev &&
		st.st_ino == a->ino)
		unlink(path);
}

static void acceptor_close(struct listener *l)
{
	struct acceptor *a = acceptor_of(l);
	struct op *op = TAKE(l->accepting);
	if (op)
		op_fail_cancelled(op);
	uv_close((uv_handle_t *)&a->poll, on_closed);
	path_remove(a);
	close(a->fd);
}

/* ---- listening ---- */

/* true: nobody answers at this path, and what stood there is gone. */
static bool path_replace(const char *path, const struct sockaddr_storage *name, socklen_t len)
{
	struct stat st;
	if (path[0] == '@' || lstat(path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool dead = connect(fd, (const struct sockaddr *)name, len) && errno == ECONNREFUSED;
	close(fd);
	return dead && unlink(path) == 0;
}

static int listen_bind(
	int fd, const struct address *at, const struct sockaddr_storage *name, socklen_t len)
{
	const int on = 1, off = 0;
	if (name->ss_family != AF_UNIX) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		socket_tune(fd);
	}
	if (name->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (const struct sockaddr *)name, len) == 0)
		return 0;
	if (errno != EADDRINUSE || !at->path[0])
		return errno;
	if (!path_replace(at->path, name, len))
		return EADDRINUSE;
	return bind(fd, (const struct sockaddr *)name, len) ? errno : 0;
}

static int listen_fd(const struct address *at, int backlog, struct err *err)
{
	struct sockaddr_storage name;
	socklen_t len;
	int code = sockaddr_from(at, &name, &len, err);
	if (code)
		return code;
	int fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int failed = fd < 0 ? errno : listen_bind(fd, at, &name, len);
	if (!failed && listen(fd, backlog))
		failed = errno;
	if (!failed)
		return fd;
	if (fd >= 0)
		close(fd);
	struct buf where = BUF_INIT(256);
	address_print(&where, at);
	code = err_set_errno(err, failed, "listen %s", buf_text(&where));
	buf_done(&where);
	return code;
}

static void open_describe(const struct op *op, struct buf *out)
{
	const struct acceptor *a = CONTAINER_OF((struct op *)op, struct acceptor, open);
	address_print(out, &a->base.address);
}

static const struct listener_ops acceptor_ops = {
	.accept = acceptor_accept, .cancel = acceptor_cancel, .close = acceptor_close};

int socket_listen(struct env *env, struct scope *scope, const struct address *at, int backlog,
	struct listener **listener, struct err *err)
{
	static const struct op_kind kind = {
		.name = "listener", .describe = open_describe, .due = pause_over};
	int fd = listen_fd(at, backlog, err);
	if (fd < 0)
		return fd;
	struct acceptor *a = mem_new(sizeof(*a));
	a->base = (struct listener){.ops = &acceptor_ops, .scope = scope, .address = *at};
	a->fd = fd;
	a->has_path = at->path[0];
	struct sockaddr_storage name = {0};
	socklen_t len = sizeof(name);
	struct stat st = {0};
	if (a->has_path) {
		if (at->path[0] != '@')
			lstat(at->path, &st);
		a->dev = st.st_dev;
		a->ino = st.st_ino;
	} else if (getsockname(fd, (struct sockaddr *)&name, &len) == 0) {
		a->base.address = sockaddr_to(&name, len);
	}
	int failed = uv_poll_init(&env->loop->driver->uv, &a->poll, fd);
	assert(!failed);
	a->poll.data = a;
	op_init(&a->open, scope, acceptor_done, OP_NO_DEADLINE);
	op_begin_always(&a->open, &kind, a);
	*listener = &a->base;
	return 0;
}
