/*
 * Streams over libuv's handles. Reading stays armed between two reads, so that a request and its
 * response cost epoll_wait, read and write and nothing else; input that finds no reader disarms.
 */
#include "socket.h"

#include <kube/mem.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

/* A peer that vanished is noticed after this long: idle, then probes. In seconds. */
#define KEEPALIVE_IDLE  60
#define KEEPALIVE_EACH  10
#define KEEPALIVE_TRIES 6

struct socket_write {
	uv_write_t req;
	int64_t total;
};

static struct socket *socket_of(struct stream *s)
{
	return CONTAINER_OF(s, struct socket, base);
}

static void fail_status(struct op *op, int status)
{
	struct err err = {0};
	err_set_errno(&err, -status, "%s", op->kind->name);
	op_fail(op, &err);
}

/* ---- reading ---- */

static void read_end(struct socket *s, int status)
{
	struct op *op = stream_take_reading(&s->base);
	if (op && status)
		fail_status(op, status);
	else if (op)
		op_finish(op, 0);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *space)
{
	struct socket *s = handle->data;
	(void)suggested;
	size_t room = s->base.reading ? stream_room(s->into, s->max) : 0;
	*space = uv_buf_init(NULL, 0);
	if (room > 0)
		*space = uv_buf_init(buf_reserve(s->into, room), (unsigned)MIN(room, INT32_MAX));
}

/*
 * Input without a reader. Right after a read this is mostly libuv looking for more before the
 * reader had its turn: it gets one more round before the descriptor is taken out of epoll, which
 * costs two system calls to undo.
 */
static void read_unwanted(struct socket *s)
{
	if (s->base.reading) {
		struct op *op = stream_take_reading(&s->base);
		op_fail_with(op, ERR_LIMIT, "no room to read into");
	}
	if (s->fresh) {
		s->fresh = false;
		return;
	}
	uv_read_stop(&s->uv.stream);
	s->armed = false;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *space)
{
	struct socket *s = stream->data;
	(void)space;
	loop_woken(s->open.scope->loop);
	if (n > 0) {
		buf_advance(s->into, (size_t)n);
		s->base.bytes_in += (uint64_t)n;
		s->fresh = true;
		op_finish(stream_take_reading(&s->base), n);
	} else if (n == UV_ENOBUFS) {
		read_unwanted(s);
	} else if (n < 0) {
		/* libuv stops watching by itself at the end and after an error. */
		s->armed = false;
		/* A terminal says so when the last program has closed its end. */
		s->eof = n == UV_EOF || (n == UV_EIO && s->terminal);
		s->broken = s->eof ? 0 : (int)n;
		read_end(s, s->broken);
	}
}

static void socket_read(struct stream *base, struct op *op, struct buf *into, size_t max)
{
	struct socket *s = socket_of(base);
	(void)op;
	s->into = into;
	s->max = max;
	if (s->gone)
		read_end(s, UV_ECONNRESET);
	else if (s->eof || s->broken)
		read_end(s, s->broken);
	else if (!s->armed) {
		int status = uv_read_start(&s->uv.stream, on_alloc, on_read);
		s->armed = status == 0;
		if (status)
			read_end(s, status);
	}
}

/* ---- writing ---- */

static void on_write(uv_write_t *req, int status)
{
	struct socket *s = req->data;
	struct socket_write *w = CONTAINER_OF(req, struct socket_write, req);
	struct op *op = s->pending == w ? stream_take_writing(&s->base) : NULL;
	loop_woken(s->open.scope->loop);
	s->pending = NULL;
	if (op && status) {
		fail_status(op, status);
	} else if (op) {
		s->base.bytes_out += (uint64_t)w->total;
		op_finish(op, w->total);
	}
	mem_free(w);
}

/* Takes `n` bytes off the front of the vector; gives the number of parts that are left. */
static unsigned parts_skip(uv_buf_t **parts, unsigned count, size_t n)
{
	while (count > 0 && n >= (*parts)->len) {
		n -= (*parts)->len;
		++*parts;
		count--;
	}
	if (count > 0) {
		(*parts)->base += n;
		(*parts)->len -= n;
	}
	return count;
}

static void write_rest(struct socket *s, const uv_buf_t *parts, unsigned count, int64_t total)
{
	struct socket_write *w = mem_new(sizeof(*w));
	w->req.data = s;
	w->total = total;
	s->pending = w;
	int status = uv_write(&w->req, &s->uv.stream, parts, count, on_write);
	if (status) {
		s->pending = NULL;
		mem_free(w);
		fail_status(stream_take_writing(&s->base), status);
	}
}

static void socket_write(struct stream *base, struct op *op, const struct str *from, size_t n)
{
	struct socket *s = socket_of(base);
	uv_buf_t vector[STREAM_PARTS_MAX], *parts = vector;
	unsigned count = 0;
	int64_t total = 0;
	for (size_t i = 0; i < n; i++) {
		if (!from[i].len)
			continue;
		vector[count++] = (uv_buf_t){.base = (char *)from[i].at, .len = from[i].len};
		total += (int64_t)from[i].len;
	}
	int done = s->gone ? UV_EPIPE : count ? uv_try_write(&s->uv.stream, parts, count) : 0;
	if (done < 0 && done != UV_EAGAIN) {
		fail_status(stream_take_writing(base), done);
	} else if (done == total) {
		stream_take_writing(base);
		base->bytes_out += (uint64_t)total;
		op_finish(op, total);
	} else {
		count = parts_skip(&parts, count, (size_t)MAX(done, 0));
		write_rest(s, parts, count, total);
	}
}

/* ---- finishing ---- */

static void on_shutdown(uv_shutdown_t *req, int status)
{
	struct socket *s = req->data;
	struct op *op = stream_take_writing(&s->base);
	loop_woken(s->open.scope->loop);
	if (op && status)
		fail_status(op, status);
	else if (op)
		op_finish(op, 0);
	mem_free(req);
}

static void socket_finish(struct stream *base, struct op *op)
{
	struct socket *s = socket_of(base);
	(void)op;
	uv_shutdown_t *req = mem_new(sizeof(*req));
	req->data = s;
	int status = s->gone ? UV_ENOTCONN : uv_shutdown(req, &s->uv.stream, on_shutdown);
	if (status) {
		mem_free(req);
		fail_status(stream_take_writing(base), status);
	}
}

/* ---- ending ---- */

static void socket_done(struct op *op, struct err *err)
{
	(void)err;
	mem_free(CONTAINER_OF(op, struct socket, open));
}

static void socket_let_go(struct socket *s)
{
	if (s->closed && s->released)
		op_finish(&s->open, 0);
}

static void on_closed(uv_handle_t *handle)
{
	struct socket *s = handle->data;
	loop_woken(s->open.scope->loop);
	s->closed = true;
	socket_let_go(s);
}

static void socket_shut(struct socket *s)
{
	if (s->gone)
		return;
	s->gone = true;
	uv_close(&s->uv.handle, on_closed);
}

static void socket_cancel(struct stream *base, struct op *op)
{
	struct socket *s = socket_of(base);
	if (op == base->reading) {
		stream_take_reading(base);
		op_fail_cancelled(op);
		return;
	}
	/* FIN is on its way: nothing to stop. */
	if (!s->pending)
		return;
	/*
	 * libuv may look at the bytes until it has dropped the request, and it drops a request
	 * only with the whole handle.
	 */
	stream_take_writing(base);
	op_fail_cancelled(op);
	socket_shut(s);
	read_end(s, UV_ECONNRESET);
}

static void socket_close(struct stream *base)
{
	struct socket *s = socket_of(base);
	assert(!s->released);
	stream_end_pending(base);
	s->released = true;
	socket_shut(s);
	socket_let_go(s);
}

static int socket_fd(struct stream *base)
{
	uv_os_fd_t fd = -1;
	struct socket *s = socket_of(base);
	return s->gone || uv_fileno(&s->uv.handle, &fd) ? -1 : fd;
}

/* ---- making ---- */

static void open_describe(const struct op *op, struct buf *out)
{
	const struct socket *s = CONTAINER_OF((struct op *)op, struct socket, open);
	buf_add_text(out, s->base.ops->name);
	buf_add_char(out, ' ');
	address_print(out, &s->base.local);
	buf_add_text(out, " - ");
	address_print(out, &s->base.remote);
}

#define SOCKET_OPS(stream_name)                                                                    \
	{                                                                                          \
		.name = (stream_name), .read = socket_read, .write = socket_write,                 \
		.finish = socket_finish, .cancel = socket_cancel, .close = socket_close,           \
		.fd = socket_fd                                                                    \
	}

static const struct stream_ops tcp_ops = SOCKET_OPS("tcp"), pipe_ops = SOCKET_OPS("pipe"),
			       terminal_ops = SOCKET_OPS("terminal");

struct socket *socket_new(struct scope *scope, bool tcp)
{
	static const struct op_kind kind = {.name = "stream", .describe = open_describe};
	struct socket *s = mem_new(sizeof(*s));
	s->base.ops = tcp ? &tcp_ops : &pipe_ops;
	s->base.scope = scope;
	s->uv.handle.data = s;
	op_init(&s->open, scope, socket_done, OP_NO_DEADLINE);
	op_begin_always(&s->open, &kind, s);
	return s;
}

void socket_drop(struct socket *s)
{
	s->gone = s->closed = s->released = true;
	socket_let_go(s);
}

void socket_tune(int fd)
{
	const int on = 1, idle = KEEPALIVE_IDLE, each = KEEPALIVE_EACH, tries = KEEPALIVE_TRIES;
	/* None of these can fail in a way that a connection could not live with. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &each, sizeof(each));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
}

struct stream *socket_open(struct loop *loop, struct scope *scope, int fd,
	const struct address *local, const struct address *remote)
{
	/* Only unix sockets and pipes have no IP address on either end. */
	bool tcp = local->ip.len || remote->ip.len;
	struct socket *s = socket_new(scope, tcp);
	uv_loop_t *uv = &loop->driver->uv;
	s->base.local = *local;
	s->base.remote = *remote;
	int failed = tcp ? uv_tcp_init(uv, &s->uv.tcp) : uv_pipe_init(uv, &s->uv.pipe, 0);
	assert(!failed);
	s->uv.handle.data = s;
	failed = tcp ? uv_tcp_open(&s->uv.tcp, fd) : uv_pipe_open(&s->uv.pipe, fd);
	if (failed) {
		socket_close(&s->base);
		return NULL;
	}
	return &s->base;
}

/* Regular files and the like are refused by epoll: ask it before libuv, which would abort. */
static bool can_be_waited_for(int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int failed = epoll < 0 ? -1 : epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	if (epoll >= 0)
		close(epoll);
	return failed == 0;
}

struct stream *stream_from_fd(struct loop *loop, struct scope *scope, int fd)
{
	struct sockaddr_storage name = {0};
	struct address local = {0}, remote = {0};
	assert(loop->driver);
	if (!can_be_waited_for(fd))
		return NULL;
	socklen_t len = sizeof(name);
	if (getsockname(fd, (struct sockaddr *)&name, &len) == 0)
		local = sockaddr_to(&name, len);
	len = sizeof(name);
	if (getpeername(fd, (struct sockaddr *)&name, &len) == 0)
		remote = sockaddr_to(&name, len);
	struct stream *s = socket_open(loop, scope, fd, &local, &remote);
	if (s && isatty(fd)) {
		s->ops = &terminal_ops;
		socket_of(s)->terminal = true;
	}
	return s;
}
