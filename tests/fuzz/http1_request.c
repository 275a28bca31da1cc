/*
 * The bytes are what a client sends; a whole server with its connection answers, on virtual time.
 * Cut into pieces they must be answered as they are in one.
 */
#include "mem_stream.h"

#include <kube/http_server.h>
#include <kube/time.h>

#include <stdlib.h>

static struct buf body;

static void answered(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static struct op *exchange_op(struct http_exchange *x, op_done_fn *done)
{
	op_init(&x->op, &x->scope, done, OP_NO_DEADLINE);
	return &x->op;
}

static void body_read(struct op *op, struct err *err)
{
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);
	int status = err->code ? 400 : 200;
	struct str sum = http_headers_get(&x->request.trailers, STR("sum"));
	struct http_header h = {STR("X-Sum"), sum};
	http_respond(x, exchange_op(x, answered), status, &h, 1, buf_str(&body));
}

static void stream_started(struct op *op, struct err *err)
{
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);
	if (err->code)
		http_exchange_done(x);
	else
		http_respond_end(x, exchange_op(x, answered), &x->request.headers);
}

static struct stream *upgraded;
static struct buf early;

static void upgrade_done(struct op *op, struct err *err)
{
	(void)err;
	stream_close(TAKE(upgraded));
	buf_done(&early);
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void handle(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	char what = x->request.target.len > 1 ? x->request.target.at[1] : 0;
	if (what == 'e') {
		buf_clear(&body);
		http_read_all(x, exchange_op(x, body_read), &body, 2000);
	} else if (what == 's') {
		http_respond_start(x, exchange_op(x, stream_started), 200, NULL, 0, -1);
	} else if (what == 'u') {
		http_upgrade(x, exchange_op(x, upgrade_done), NULL, 0, &upgraded, &early);
	} else if (what == 'w') {
		timer_wait(exchange_op(x, answered), loop_in(x->env->loop, 2 * HOUR));
	} else if (what == 'f') {
		http_exchange_done(x);
	} else {
		http_respond(x, exchange_op(x, answered), 200, x->request.headers.items,
			x->request.headers.count, x->request.target);
	}
}

struct ending {
	struct op op;
	struct http_server *server;
};

static void stopped(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

static void stop(struct op *op, struct err *err)
{
	(void)err;
	op_init(op, op->scope, stopped, OP_NO_DEADLINE);
	http_server_stop(CONTAINER_OF(op, struct ending, op)->server, op, 0);
}

static void serve(struct str in, size_t piece, bool silent, struct buf *out)
{
	struct loop *loop = loop_new_virtual(1000);
	struct env env = mem_env(loop);
	struct http_server_options o = {.handler = handle, .no_http2 = true};
	struct http_server *s = http_server_new(&env, loop_root(loop), &o);
	struct stream *stream = mem_stream_new(loop_root(loop), in, piece, out);
	/* Silent: time-outs end the connection; else the client's end may cut answers short. */
	CONTAINER_OF(stream, struct mem_stream, base)->silent = silent;
	http_server_serve(s, stream);
	struct ending end = {.server = s};
	op_init(&end.op, loop_root(loop), stop, OP_NO_DEADLINE);
	timer_wait(&end.op, loop_in(loop, HOUR));
	struct err err = {0};
	if (loop_run(loop, &err))
		abort();
	http_server_free(s);
	loop_free(loop);
}

/* Where the last answer's status begins: refusals differ in how much they saw. */
static size_t comparable(const struct buf *b)
{
	for (size_t i = b->len; i-- > 0;)
		if (str_starts(str_skip(buf_str(b), i), STR("HTTP/1.1 ")))
			return i + 9;
	return b->len;
}

static bool mentions_expect(struct str s)
{
	for (size_t i = 0; i + 6 <= s.len; i++)
		if (str_eq_nocase(str_sub(s, i, i + 6), STR("expect")))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size);
	struct buf whole = BUF_INIT(16 * MIB), pieces = BUF_INIT(16 * MIB);
	buf_init(&body, MIB);
	serve(in, 1 + size % 5, false, NULL);
	serve(in, SIZE_MAX, true, &whole);
	serve(in, 1 + size % 7, true, &pieces);
	if (!mentions_expect(in)) {
		size_t n = comparable(&whole);
		if (n != comparable(&pieces) || (n && memcmp(whole.at, pieces.at, n) != 0))
			abort();
		if (n < whole.len && (whole.at[n] < '4') != (pieces.at[n] < '4'))
			abort();
	}
	buf_done(&whole);
	buf_done(&pieces);
	buf_done(&body);
	return 0;
}
