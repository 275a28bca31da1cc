/*
 * The bytes behind the first are what a server answers; the first chooses the method. One client
 * connection reads them, whole and in pieces, with the same result.
 */
#include "mem_stream.h"
#include "net/http_conn.h"

#include <stdlib.h>

struct got {
	struct http_call call;
	struct http_call_state state;
	struct client_conn *conn;
	struct op op;
	struct buf body;
	int code, status;
};

static void call_cancel(struct op *op)
{
	struct got *g = op->ctx;
	g->conn->ops->cancel(g->conn, &g->call, op);
}

static void call_next(struct op *op, struct err *err);

static bool call_begin(struct got *g)
{
	static const struct op_kind kind = {.name = "call", .cancel = call_cancel};
	op_init(&g->op, g->conn->scope.parent, call_next, OP_NO_DEADLINE);
	return op_begin(&g->op, &kind, g);
}

static void call_next(struct op *op, struct err *err)
{
	struct got *g = CONTAINER_OF(op, struct got, op);
	struct buf early = {0};
	bool first = !g->status;
	g->status = g->call.status;
	if (!err->code && (first || op->n > 0) && g->status != 101) {
		if (call_begin(g))
			g->conn->ops->read(g->conn, &g->call, &g->op, &g->body, 100);
		return;
	}
	g->code = err->code;
	if (g->status == 101 && first) {
		stream_close(g->conn->ops->take_stream(g->conn, &g->call, &early));
		buf_done(&early);
	}
	g->conn->ops->done(g->conn, &g->call);
	arena_done(&g->call.arena);
}

static void call_run(struct got *g, struct str in, uint8_t what, size_t piece)
{
	static const struct str methods[] = {
		STR_INIT("GET"), STR_INIT("HEAD"), STR_INIT("POST"), STR_INIT("CONNECT")};
	*g = (struct got){0};
	buf_init(&g->body, 16 * MIB);
	struct loop *loop = loop_new_virtual(1000);
	struct env env = mem_env(loop);
	struct http_limits limits, none = {0};
	http_limits_fill(&limits, &none, false);
	struct client_conn *c = g->conn = http1_client_conn_new();
	c->env = &env;
	c->limits = &limits;
	scope_init(&c->scope, loop_root(loop), "connection", NULL);
	/* Silent until the request is there: bytes before it would be an offence. */
	c->stream = mem_stream_new(loop_root(loop), (struct str){0}, piece, NULL);
	mem_stream_feed(c->stream, (struct str){0}, true);
	http1_client_conn_run(c);
	g->call = (struct http_call){.method = methods[what & 3],
		.body_length = HTTP_BODY_GIVEN,
		.upgrade = what & 4,
		.state = &g->state};
	arena_init(&g->call.arena);
	g->state = (struct http_call_state){.authority = STR("a"), .target = STR("/")};
	if (!call_begin(g))
		abort();
	c->ops->start(c, &g->call, &g->op);
	mem_stream_feed(c->stream, in, false);
	struct err err = {0};
	if (loop_run(loop, &err))
		abort();
	loop_free(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str in = str_make((const char *)data + 1, size - 1);
	struct got whole, pieces;
	call_run(&whole, in, data[0], SIZE_MAX);
	call_run(&pieces, in, data[0], 1 + size % 7);
	if (whole.status != pieces.status)
		abort();
	bool same = str_eq(buf_str(&whole.body), buf_str(&pieces.body));
	/* An error tells itself apart from what came before it only when pieces are small. */
	if (!whole.code && !pieces.code && !same)
		abort();
	buf_done(&whole.body);
	buf_done(&pieces.body);
	return 0;
}
