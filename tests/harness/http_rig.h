/*
 * A server with a handler that does whatever its tests ask for by path, and raw connections to
 * it: socket pairs whose far end the test writes and reads as if it could block.
 */
#ifndef KUBE_HTTP_RIG_H
#define KUBE_HTTP_RIG_H

#include "loop_test.h"

#include <kube/http_server.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct rig {
	struct loop_test t;
	struct http_server *server;
	struct scope clients;
	struct http_server_options options;
	int live;           /* exchanges that handlers hold */
	int cancelled;      /* waits of handlers that came back cancelled */
	int64_t read_total; /* body bytes handlers have read */
	size_t read_most;   /* held at once */
	int last_error;     /* code of the last op that failed in a handler */
	char *last_text;
};

struct rig_exchange {
	struct rig *rig;
	struct http_exchange *x;
	struct buf body;
	struct str parts[4];
	int64_t left;
	bool ended;
	struct stream *stream; /* after an upgrade */
	struct buf early;
};

struct raw {
	struct rig *rig;
	struct stream *stream;
	struct told read, write;
	struct buf got;
	bool ended;
	int code; /* of the read that failed */
};

/* ---- the handler ---- */

static inline void rig_over(struct rig_exchange *e)
{
	e->rig->live--;
	buf_done(&e->body);
	buf_done(&e->early);
	stream_close(TAKE(e->stream));
	http_exchange_done(e->x);
}

static inline bool rig_failed(struct rig_exchange *e, struct err *err)
{
	if (!err->code)
		return false;
	e->rig->last_error = err->code;
	mem_free(e->rig->last_text);
	e->rig->last_text = mem_copy_text(err_text(err));
	e->rig->cancelled += err->code == ERR_CANCELLED;
	return true;
}

static inline void rig_done(struct op *op, struct err *err)
{
	struct rig_exchange *e = CONTAINER_OF(op, struct http_exchange, op)->handler;
	rig_failed(e, err);
	rig_over(e);
}

static inline struct op *rig_op(struct rig_exchange *e, op_done_fn *done)
{
	op_init(&e->x->op, &e->x->scope, done, OP_NO_DEADLINE);
	return &e->x->op;
}

static inline void rig_answer(struct rig_exchange *e, int status, struct str body)
{
	static const struct http_header type = {STR_INIT("Content-Type"), STR_INIT("text/plain")};
	http_respond(e->x, rig_op(e, rig_done), status, &type, 1, body);
}

/* /echo: the whole body comes back */
static inline void rig_echo(struct op *op, struct err *err)
{
	struct rig_exchange *e = CONTAINER_OF(op, struct http_exchange, op)->handler;
	if (rig_failed(e, err)) {
		e->x->op = (struct op){0};
		int status = err_code_status(err->code);
		rig_answer(e, status == 503 ? 500 : status, STR("no body"));
		return;
	}
	struct str sum = http_headers_get(&e->x->request.trailers, STR("X-Sum"));
	buf_add_str(&e->body, sum);
	rig_answer(e, 200, buf_str(&e->body));
}

/* /count: the body is read in pieces and its length told */
static inline void rig_count(struct op *op, struct err *err)
{
	struct rig_exchange *e = CONTAINER_OF(op, struct http_exchange, op)->handler;
	if (rig_failed(e, err)) {
		rig_over(e);
		return;
	}
	if (op->n == 0 && !e->ended) {
		/* The end stays the end. */
		e->ended = true;
		http_read(e->x, rig_op(e, rig_count), &e->body, 1);
		return;
	}
	if (op->n == 0) {
		e->parts[0] = arena_print(&e->x->arena, "%lld", (long long)e->left);
		rig_answer(e, 200, e->parts[0]);
		return;
	}
	e->left += op->n;
	e->rig->read_total += op->n;
	e->rig->read_most = MAX(e->rig->read_most, e->body.cap);
	buf_clear(&e->body);
	http_read(e->x, rig_op(e, rig_count), &e->body, 32 * KIB);
}

/* /stream: chunks, then trailers. /big: `left` bytes in writes of 64 KiB */
static inline void rig_stream(struct op *op, struct err *err)
{
	struct rig_exchange *e = CONTAINER_OF(op, struct http_exchange, op)->handler;
	if (rig_failed(e, err)) {
		rig_over(e);
		return;
	}
	if (e->left <= 0) {
		struct http_headers trailers = {0};
		http_headers_add(&e->x->arena, &trailers, STR("X-Sum"), STR("42"));
		http_respond_end(e->x, rig_op(e, rig_done), &trailers);
		return;
	}
	size_t n = (size_t)MIN(e->left, (int64_t)e->body.len);
	e->left -= (int64_t)n;
	e->parts[0] = str_make(e->body.at, n / 2);
	e->parts[1] = str_make(e->body.at + n / 2, n - n / 2);
	http_write(e->x, rig_op(e, rig_stream), e->parts, 2);
}

/* /upgrade: every byte comes back until the end */
static inline void rig_upgraded(struct op *op, struct err *err);

static inline void rig_upgrade_read(struct op *op, struct err *err)
{
	struct rig_exchange *e = CONTAINER_OF(op, struct http_exchange, op)->handler;
	if (rig_failed(e, err)) {
		rig_over(e);
		return;
	}
	buf_clear(&e->early);
	stream_read(e->stream, rig_op(e, rig_upgraded), &e->early, KIB);
}

static inline void rig_upgraded(struct op *op, struct err *err)
{
	struct rig_exchange *e = CONTAINER_OF(op, struct http_exchange, op)->handler;
	if (rig_failed(e, err) || (op->kind && op->n == 0 && e->left++ > 0 && !e->early.len)) {
		rig_over(e);
		return;
	}
	e->parts[0] = buf_str(&e->early);
	stream_write(e->stream, rig_op(e, rig_upgrade_read), e->parts, 1);
}

static inline bool rig_path(struct http_exchange *x, const char *path)
{
	return str_starts(x->request.target, str_from(path));
}

static inline void rig_handle(void *ctx, struct http_exchange *x)
{
	struct rig *rig = ctx;
	struct rig_exchange *e = arena_new(&x->arena, sizeof(*e));
	*e = (struct rig_exchange){.rig = rig, .x = x};
	x->handler = e;
	buf_init(&e->body, 16 * MIB);
	rig->live++;
	if (rig_path(x, "/echo")) {
		http_read_all(x, rig_op(e, rig_echo), &e->body, 4 * MIB);
	} else if (rig_path(x, "/count")) {
		http_read(x, rig_op(e, rig_count), &e->body, 32 * KIB);
	} else if (rig_path(x, "/stream") || rig_path(x, "/big")) {
		bool big = rig_path(x, "/big");
		memset(buf_reserve(&e->body, 64 * KIB), 'x', 64 * KIB);
		buf_advance(&e->body, big ? 64 * KIB : 5);
		e->left = big ? (int64_t)(10 * MIB) : 13;
		http_respond_start(x, rig_op(e, rig_stream), 200, NULL, 0, HTTP_LENGTH_UNKNOWN);
	} else if (rig_path(x, "/fixed")) {
		buf_add_text(&e->body, "hello world");
		e->left = 11;
		http_respond_start(x, rig_op(e, rig_stream), 200, NULL, 0, 11);
	} else if (rig_path(x, "/short")) {
		http_respond_start(x, rig_op(e, rig_stream), 200, NULL, 0, 11);
	} else if (rig_path(x, "/wait")) {
		timer_wait(rig_op(e, rig_done), loop_in(rig->t.loop, HOUR));
	} else if (rig_path(x, "/forget")) {
		rig_over(e);
	} else if (rig_path(x, "/upgrade") || str_eq(x->request.method, STR("CONNECT"))) {
		static const struct http_header h = {STR_INIT("Upgrade"), STR_INIT("echo")};
		http_upgrade(x, rig_op(e, rig_upgraded), &h, 1, &e->stream, &e->early);
	} else if (rig_path(x, "/none")) {
		rig_answer(e, 204, (struct str){0});
	} else if (rig_path(x, "/method")) {
		rig_answer(e, 200, x->request.method);
	} else if (rig_path(x, "/authority")) {
		rig_answer(e, 200, x->request.authority);
	} else if (rig_path(x, "/split")) {
		static const struct http_header h[] = {
			{STR_INIT("X-Evil"), STR_INIT("a\r\nSet-Cookie: b")},
			{STR_INIT("X Bad"), STR_INIT("x")},
			{STR_INIT("Content-Length"), STR_INIT("999")}};
		http_respond(x, rig_op(e, rig_done), 200, h, 3, STR("ok"));
	} else {
		rig_answer(e, 200, STR("hello"));
	}
}

/* ---- the server ---- */

static inline void rig_init(struct rig *r)
{
	loop_test_init(&r->t, LOOP_TEST_REAL);
	r->options.handler = rig_handle;
	r->options.ctx = r;
	r->server = http_server_new(r->t.env, r->t.root, &r->options);
	scope_init(&r->clients, r->t.root, "clients", NULL);
}

static inline void rig_stop(struct rig *r, int64_t grace)
{
	struct told stop = {0};
	http_server_stop(r->server, told_op(&stop, r->t.root, OP_NO_DEADLINE), grace);
	loop_test_run_until(&r->t, &stop.done);
	EXPECT_INT(stop.err.code, 0);
	told_done(&stop);
}

static inline void rig_free(struct rig *r)
{
	struct told closed = {0};
	scope_close(&r->clients, told_op(&closed, r->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&r->t, &closed.done);
	told_done(&closed);
	http_server_free(r->server);
	EXPECT_INT(r->live, 0);
	mem_free(r->last_text);
	loop_test_done(&r->t);
}

static inline void rig_done_all(struct rig *r)
{
	rig_stop(r, 0);
	rig_free(r);
}

/* ---- raw connections ---- */

static inline void rig_turn(struct rig *r, int64_t ns)
{
	struct told told = {0};
	timer_wait(told_op(&told, r->t.root, OP_NO_DEADLINE), loop_in(r->t.loop, ns));
	loop_test_run_until(&r->t, &told.done);
	told_done(&told);
}

static inline void raw_open(struct raw *raw, struct rig *rig)
{
	*raw = (struct raw){.rig = rig};
	buf_init(&raw->got, 64 * MIB);
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		abort();
	http_server_serve(rig->server, stream_from_fd(rig->t.loop, &rig->clients, fds[0]));
	raw->stream = stream_from_fd(rig->t.loop, &rig->clients, fds[1]);
}

static inline void raw_send(struct raw *raw, struct str bytes)
{
	stream_write(
		raw->stream, told_op(&raw->write, &raw->rig->clients, OP_NO_DEADLINE), &bytes, 1);
	loop_test_run_until(&raw->rig->t, &raw->write.done);
}

static inline void raw_finish(struct raw *raw)
{
	stream_finish(raw->stream, told_op(&raw->write, &raw->rig->clients, OP_NO_DEADLINE));
	loop_test_run_until(&raw->rig->t, &raw->write.done);
}

/* Reads until at least `len` bytes are there, or the end, or (false) the wait is too long. */
static inline bool raw_read(struct raw *raw, size_t len, int64_t patience)
{
	int64_t deadline = loop_in(raw->rig->t.loop, patience);
	while (!raw->ended && raw->got.len < len) {
		stream_read(raw->stream, told_op(&raw->read, &raw->rig->clients, deadline),
			&raw->got, 256 * KIB);
		loop_test_run_until(&raw->rig->t, &raw->read.done);
		if (raw->read.err.code == ERR_TIMEOUT)
			return false;
		raw->code = raw->read.err.code;
		raw->ended = raw->read.err.code || raw->read.n == 0;
	}
	return true;
}

/* Waits for the end; the answer without its Date lines. */
static inline struct str raw_all(struct raw *raw)
{
	EXPECT(raw_read(raw, SIZE_MAX, 20 * SEC));
	return buf_str(&raw->got);
}

static inline bool raw_has(struct raw *raw, const char *text)
{
	return str_find(buf_str(&raw->got), str_from(text)) >= 0;
}

/* Reads on until the text has come. */
static inline bool raw_await(struct raw *raw, const char *text)
{
	while (!raw_has(raw, text))
		if (raw->ended || !raw_read(raw, raw->got.len + 1, 20 * SEC))
			return false;
	return true;
}

/* "Date: …\r\n" is cut out everywhere. */
static inline void raw_undate(struct raw *raw)
{
	ssize_t at;
	while ((at = str_find(buf_str(&raw->got), STR("Date: "))) >= 0) {
		const char *end = memchr(raw->got.at + at, '\n', raw->got.len - (size_t)at);
		if (!end)
			return;
		size_t len = (size_t)(end + 1 - raw->got.at) - (size_t)at;
		memmove(raw->got.at + at, end + 1, raw->got.len - (size_t)at - len);
		raw->got.len -= len;
	}
}

static inline void raw_close(struct raw *raw)
{
	stream_close(TAKE(raw->stream));
	buf_done(&raw->got);
	told_done(&raw->read);
	told_done(&raw->write);
}

#endif
