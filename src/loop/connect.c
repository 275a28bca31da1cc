#include <kube/mem.h>
#include <kube/time.h>

#include <errno.h>
#include <unistd.h>

#include "socket.h"

/* A full backlog of a unix socket cannot be waited for: it is tried again. */
#define RETRY_EACH (10 * MSEC)

struct connecting {
	uv_connect_t req;
	struct op *op; /* NULL once it has been answered */
	struct loop *loop;
	struct scope *scope; /* the stream's */
	struct stream **out;
	struct socket *socket; /* TCP only */
	struct address to;
};

static void connect_fail(struct connecting *c, int errnum)
{
	struct err err = {0};
	struct buf where = BUF_INIT(256);
	address_print(&where, &c->to);
	err_set_errno(&err, errnum, "connect %s", buf_text(&where));
	buf_done(&where);
	op_fail(TAKE(c->op), &err);
}

static void connect_succeed(struct connecting *c, struct stream *s)
{
	*c->out = s;
	op_finish(TAKE(c->op), 0);
}

static void connect_describe(const struct op *op, struct buf *out)
{
	const struct connecting *c = op->ctx;
	address_print(out, &c->to);
}

/* ---- TCP ---- */

static void on_connect(uv_connect_t *req, int status)
{
	struct connecting *c = req->data;
	struct sockaddr_storage name;
	int len = sizeof(name);
	loop_woken(c->loop);
	if (c->op && status) {
		connect_fail(c, -status);
		stream_close(&c->socket->base);
	} else if (c->op) {
		if (uv_tcp_getsockname(&c->socket->uv.tcp, (struct sockaddr *)&name, &len) == 0)
			c->socket->base.local = sockaddr_to(&name, (socklen_t)len);
		connect_succeed(c, &c->socket->base);
	}
	mem_free(c);
}

/* Closing the handle makes libuv call on_connect, which then frees. */
static void tcp_cancel(struct op *op)
{
	struct connecting *c = op->ctx;
	op_fail_cancelled(TAKE(c->op));
	stream_close(&c->socket->base);
}

static int tcp_try(struct connecting *c, const struct sockaddr *name)
{
	struct socket *s = c->socket;
	int status = uv_tcp_init_ex(&c->loop->driver->uv, &s->uv.tcp, name->sa_family);
	if (status) {
		socket_drop(s);
		return status;
	}
	s->uv.handle.data = s;
	socket_tune(s->base.ops->fd(&s->base));
	status = uv_tcp_connect(&c->req, &s->uv.tcp, name, on_connect);
	if (status)
		stream_close(&s->base);
	return status;
}

static void tcp_connect(struct connecting *c, const struct sockaddr *name)
{
	c->req.data = c;
	c->socket = socket_new(c->scope, true);
	c->socket->base.remote = c->to;
	int status = tcp_try(c, name);
	if (status) {
		connect_fail(c, -status);
		mem_free(c);
	}
}

/* ---- unix ---- */

static int unix_open(const struct address *to)
{
	struct sockaddr_storage name;
	socklen_t len;
	if (sockaddr_from(to, &name, &len, NULL))
		return -EINVAL;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int failed;
	do
		failed = connect(fd, (const struct sockaddr *)&name, len);
	while (failed && errno == EINTR);
	if (!failed)
		return fd;
	failed = errno;
	close(fd);
	return -failed;
}

static void unix_try(struct op *op)
{
	struct connecting *c = op->ctx;
	const struct address none = {0};
	int fd = unix_open(&c->to);
	if (fd == -EAGAIN) {
		op_due_at(op, loop_in(c->loop, RETRY_EACH));
		return;
	}
	struct stream *s = fd < 0 ? NULL : socket_open(c->loop, c->scope, fd, &none, &c->to);
	if (s) {
		connect_succeed(c, s);
	} else {
		if (fd >= 0)
			close(fd);
		connect_fail(c, fd < 0 ? -fd : EIO);
	}
	mem_free(c);
}

static void unix_cancel(struct op *op)
{
	op_fail_cancelled(op);
	mem_free(op->ctx);
}

/* ---- both ---- */

void socket_connect(struct env *env, struct op *op, struct scope *scope, const struct address *to,
	struct stream **stream)
{
	static const struct op_kind tcp_kind = {
		.name = "connect", .cancel = tcp_cancel, .describe = connect_describe};
	static const struct op_kind unix_kind = {.name = "connect",
		.cancel = unix_cancel,
		.describe = connect_describe,
		.due = unix_try};
	struct sockaddr_storage name;
	socklen_t len;
	struct err err = {0};
	struct connecting *c = mem_new(sizeof(*c));
	*c = (struct connecting){
		.op = op, .loop = env->loop, .scope = scope, .out = stream, .to = *to};
	if (!op_begin(op, to->path[0] ? &unix_kind : &tcp_kind, c)) {
		mem_free(c);
	} else if (scope_closing(scope)) {
		op_fail_cancelled(op);
		mem_free(c);
	} else if (sockaddr_from(to, &name, &len, &err)) {
		op_fail(op, &err);
		mem_free(c);
	} else if (to->path[0]) {
		unix_try(op);
	} else {
		tcp_connect(c, (const struct sockaddr *)&name);
	}
}
