/*
 * Our HTTP/2 server and client over one socket pair, without the listener and the pool that
 * usually stand behind them: this file is both. Included once by each test program.
 */
#ifndef TEST_HTTP2_PAIR_H
#define TEST_HTTP2_PAIR_H

#include <loop_torture.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http2_client.h"
#include "net/http2_server.h"

struct pair {
	struct loop_test *t;
	struct http_limits server_limits, client_limits;
	struct server_conn *server; /* NULL: gone */
	struct client_conn *client;
	int requests, running, peak, idles, cancelled;
	bool server_gone, client_gone;
};

/* ---- what http_server.c and http_pool.c do ---- */

void server_conn_gone(struct server_conn *c)
{
	struct pair *p = (struct pair *)c->server;
	p->server = NULL;
	p->server_gone = true;
}

void server_conn_count_request(struct server_conn *c)
{
	((struct pair *)c->server)->requests++;
}

void client_conn_idle(struct client_conn *c)
{
	((struct pair *)c->origin)->idles++;
}

void client_conn_gone(struct client_conn *c)
{
	struct pair *p = c->origin;
	p->client = NULL;
	p->client_gone = true;
}

KUBE_UNUSED static void pair_server_asked(struct scope *s)
{
	struct server_conn *c = CONTAINER_OF(s, struct server_conn, scope);
	c->ops->abort(c);
}

KUBE_UNUSED static void pair_client_asked(struct scope *s)
{
	struct client_conn *c = CONTAINER_OF(s, struct client_conn, scope);
	c->ops->close(c);
}

KUBE_UNUSED static void pair_serve(struct pair *p, int fd, http_handler_fn *handler)
{
	struct server_conn *c = http2_server_conn_new();
	c->server = (struct http_server *)p;
	scope_init(&c->scope, p->t->root, "server", pair_server_asked);
	c->stream = stream_from_fd(p->t->loop, &c->scope, fd);
	c->env = p->t->env;
	c->limits = &p->server_limits;
	c->handler = handler;
	c->handler_ctx = p;
	p->server = c;
	http2_server_conn_run(c);
}

KUBE_UNUSED static void pair_connect(struct pair *p, int fd)
{
	struct client_conn *c = http2_client_conn_new();
	c->origin = p;
	scope_init(&c->scope, p->t->root, "client", pair_client_asked);
	c->stream = stream_from_fd(p->t->loop, &c->scope, fd);
	c->env = p->t->env;
	c->limits = &p->client_limits;
	p->client = c;
	http2_client_conn_run(c);
}

KUBE_UNUSED static void pair_prepare(struct pair *p, struct loop_test *t)
{
	struct http_limits none = {0};
	if (!p->server_limits.header_bytes)
		http_limits_fill(&p->server_limits, &p->server_limits, true);
	if (!p->client_limits.header_bytes)
		http_limits_fill(&p->client_limits, &none, false);
	p->t = t;
	p->requests = p->running = p->idles = 0;
	p->server_gone = p->client_gone = false;
}

KUBE_UNUSED static void pair_start(struct pair *p, struct loop_test *t, http_handler_fn *handler)
{
	int fds[2];
	pair_prepare(p, t);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
		abort();
	pair_serve(p, fds[0], handler);
	pair_connect(p, fds[1]);
}

/* ---- calls ---- */

struct pair_call {
	struct http_call call;
	struct http_call_state state;
	struct pair *pair;
	struct told head, write, read;
	struct buf body;
	bool given;
};

KUBE_UNUSED static void pair_cancel(struct op *op)
{
	struct pair_call *c = op->ctx;
	c->pair->client->ops->cancel(c->pair->client, &c->call, op);
}

static const struct op_kind pair_kind = {.name = "call", .cancel = pair_cancel};

KUBE_UNUSED static void pair_call_init(
	struct pair_call *c, struct pair *p, const char *method, const char *target)
{
	*c = (struct pair_call){.pair = p, .body = BUF_INIT(64 * MIB)};
	arena_init(&c->call.arena);
	c->call.method = str_from(method);
	c->call.body_length = HTTP_BODY_GIVEN;
	c->call.state = &c->state;
	c->state.scheme = STR("http");
	c->state.authority = STR("test:80");
	c->state.target = str_from(target);
}

KUBE_UNUSED static void pair_call_start(struct pair_call *c)
{
	struct client_conn *conn = c->pair->client;
	struct op *op = told_op(&c->head, c->pair->t->root, OP_NO_DEADLINE);
	if (!op_begin(op, &pair_kind, c))
		return;
	if (!conn) {
		op_fail_with(op, ERR_UNAVAILABLE, "no connection");
		return;
	}
	c->given = true;
	conn->ops->start(conn, &c->call, op);
}

KUBE_UNUSED static void pair_call_write(struct pair_call *c, const struct str *parts, size_t count)
{
	struct op *op = told_op(&c->write, c->pair->t->root, OP_NO_DEADLINE);
	if (op_begin(op, &pair_kind, c))
		c->pair->client->ops->write(c->pair->client, &c->call, op, parts, count);
}

KUBE_UNUSED static void pair_call_end(struct pair_call *c)
{
	struct op *op = told_op(&c->write, c->pair->t->root, OP_NO_DEADLINE);
	if (op_begin(op, &pair_kind, c))
		c->pair->client->ops->end(c->pair->client, &c->call, op);
}

KUBE_UNUSED static void pair_call_read(struct pair_call *c, size_t max)
{
	struct op *op = told_op(&c->read, c->pair->t->root, OP_NO_DEADLINE);
	if (op_begin(op, &pair_kind, c))
		c->pair->client->ops->read(c->pair->client, &c->call, op, &c->body, max);
}

KUBE_UNUSED static void pair_wait(struct pair *p, struct told *told)
{
	loop_test_run_until(p->t, &told->done);
}

/* Waits for the head, reads to the end. 0 or the code that ended it. */
KUBE_UNUSED static int pair_call_fetch_rest(struct pair_call *c)
{
	pair_wait(c->pair, &c->head);
	if (c->head.err.code)
		return c->head.err.code;
	do {
		pair_call_read(c, 64 * KIB);
		pair_wait(c->pair, &c->read);
	} while (!c->read.err.code && c->read.n > 0);
	return c->read.err.code;
}

KUBE_UNUSED static int pair_call_fetch(struct pair_call *c)
{
	pair_call_start(c);
	return pair_call_fetch_rest(c);
}

KUBE_UNUSED static void pair_call_done(struct pair_call *c)
{
	if (c->given)
		c->pair->client->ops->done(c->pair->client, &c->call);
	told_done(&c->head);
	told_done(&c->write);
	told_done(&c->read);
	buf_done(&c->body);
	arena_done(&c->call.arena);
}

/* ---- handlers ---- */

/*
 * One handler for most tests; the path says what it does:
 * /echo the body back at once; /stream it back piece by piece, with trailers; /size/N bytes;
 * /status/N without a body; /hang until cancelled; /drop without an answer; /early answers without
 * reading; /cookie answers the cookies.
 */
struct pair_handler {
	struct http_exchange *x;
	struct pair *pair;
	struct buf body;
	struct str part;
	struct http_headers trailers;
	int step;
};

KUBE_UNUSED static void pair_handler_end(struct pair_handler *h)
{
	h->pair->running--;
	buf_done(&h->body);
	http_exchange_done(h->x);
}

KUBE_UNUSED static void pair_answered(struct op *op, struct err *err)
{
	struct pair_handler *h = CONTAINER_OF(op, struct http_exchange, op)->handler;
	if (err->code == ERR_CANCELLED)
		h->pair->cancelled++;
	pair_handler_end(h);
}

static struct op *pair_op(struct pair_handler *h, op_done_fn *done)
{
	op_init(&h->x->op, &h->x->scope, done, OP_NO_DEADLINE);
	return &h->x->op;
}

KUBE_UNUSED static void pair_stream_next(struct op *op, struct err *err)
{
	struct pair_handler *h = CONTAINER_OF(op, struct http_exchange, op)->handler;
	enum { READ, WRITE };
	if (err->code) {
		pair_handler_end(h);
		return;
	}
	if (h->step == READ) {
		h->step = WRITE;
		buf_clear(&h->body);
		http_read(h->x, pair_op(h, pair_stream_next), &h->body, 10000);
		return;
	}
	if (op->n == 0) {
		http_headers_add(&h->x->arena, &h->trailers, STR("X-Sum"),
			arena_print(&h->x->arena, "%lld", (long long)h->x->sent));
		http_respond_end(h->x, pair_op(h, pair_answered), &h->trailers);
		return;
	}
	h->step = READ;
	h->part = buf_str(&h->body);
	http_write(h->x, pair_op(h, pair_stream_next), &h->part, 1);
}

KUBE_UNUSED static void pair_echo(struct op *op, struct err *err)
{
	struct pair_handler *h = CONTAINER_OF(op, struct http_exchange, op)->handler;
	if (err->code == ERR_TOO_LARGE)
		http_respond(h->x, pair_op(h, pair_answered), 413, NULL, 0, STR("too large"));
	else if (err->code)
		pair_handler_end(h);
	else
		http_respond(h->x, pair_op(h, pair_answered), 200, NULL, 0, buf_str(&h->body));
}

KUBE_UNUSED static void pair_handle(void *ctx, struct http_exchange *x)
{
	struct pair *p = ctx;
	struct pair_handler *h = arena_new(&x->arena, sizeof(*h));
	struct str path = x->request.target;
	static const struct http_header headers[] = {{STR_INIT("X-Test"), STR_INIT("yes")},
		{STR_INIT("Connection"), STR_INIT("keep-alive")}};
	static const struct http_header last = {STR_INIT("Connection"), STR_INIT("close")};
	*h = (struct pair_handler){.x = x, .pair = p, .body = BUF_INIT(64 * MIB)};
	x->handler = h;
	p->peak = MAX(p->peak, p->running + 1);
	p->running++;
	if (str_starts(path, STR("/size/"))) {
		uint64_t n = 0;
		str_to_u64(str_skip(path, 6), &n);
		char *at = buf_reserve(&h->body, n);
		memset(at, 'x', n);
		buf_advance(&h->body, n);
		http_respond(x, pair_op(h, pair_answered), 200, headers, ARRAY_LEN(headers),
			buf_str(&h->body));
	} else if (str_starts(path, STR("/status/"))) {
		uint64_t n = 0;
		str_to_u64(str_skip(path, 8), &n);
		http_respond(x, pair_op(h, pair_answered), (int)n, headers, ARRAY_LEN(headers),
			STR("a body"));
	} else if (str_eq(path, STR("/echo"))) {
		http_read_all(x, pair_op(h, pair_echo), &h->body, 32 * MIB);
	} else if (str_eq(path, STR("/stream"))) {
		http_respond_start(x, pair_op(h, pair_stream_next), 200, headers,
			ARRAY_LEN(headers), HTTP_LENGTH_UNKNOWN);
	} else if (str_eq(path, STR("/cookie"))) {
		http_respond(x, pair_op(h, pair_answered), 200, NULL, 0,
			http_headers_get(&x->request.headers, STR("Cookie")));
	} else if (str_eq(path, STR("/hang"))) {
		timer_wait(pair_op(h, pair_answered), loop_in(p->t->loop, 1000 * SEC));
	} else if (str_eq(path, STR("/last"))) {
		http_respond(x, pair_op(h, pair_answered), 200, &last, 1, STR("last"));
	} else if (str_eq(path, STR("/early"))) {
		http_respond(x, pair_op(h, pair_answered), 200, NULL, 0, STR("early"));
	} else {
		pair_handler_end(h);
	}
}

#endif
