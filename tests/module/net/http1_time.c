/* A connection of HTTP/1.1 on virtual time. */
#include "test.h"

#include "mem_stream.h"

#include <kube/http_server.h>
#include <kube/time.h>

#include <stdlib.h>

#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void answered(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void handle(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	op_init(&x->op, &x->scope, answered, OP_NO_DEADLINE);
	http_respond(x, &x->op, 200, NULL, 0, STR("hello"));
}

struct story {
	struct loop *loop;
	struct http_server *server;
	struct stream *stream;
	struct op again, end;
};

static void ask_again(struct op *op, struct err *err)
{
	struct story *s = CONTAINER_OF(op, struct story, again);

	(void)err;
	mem_stream_feed(s->stream, STR(REQUEST), true);
}

static void stopped(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

static void stop(struct op *op, struct err *err)
{
	struct story *s = CONTAINER_OF(op, struct story, end);

	(void)err;
	op_init(op, op->scope, stopped, OP_NO_DEADLINE);
	http_server_stop(s->server, op, 0);
}

static void at(struct story *s, struct op *op, op_done_fn *done, int64_t wait)
{
	op_init(op, loop_root(s->loop), done, OP_NO_DEADLINE);
	timer_wait(op, loop_in(s->loop, wait));
}

static int count_answers(struct str out)
{
	int count = 0;

	for (size_t i = 0; i < out.len; i++)
		count += str_starts(str_skip(out, i), STR("HTTP/1.1 200"));
	return count;
}

/* One request, and another one that long after it. */
static int answers_after(int64_t pause)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	struct story s = {.loop = loop_new_virtual(1000)};
	struct env env = mem_env(s.loop);
	struct http_server_options o = {.handler = handle, .no_http2 = true};
	struct err err = {0};

	s.server = http_server_new(&env, loop_root(s.loop), &o);
	s.stream = mem_stream_new(loop_root(s.loop), STR(REQUEST), KIB, &out);
	CONTAINER_OF(s.stream, struct mem_stream, base)->silent = true;
	at(&s, &s.again, ask_again, pause);
	at(&s, &s.end, stop, 30 * SEC);
	http_server_serve(s.server, s.stream);
	EXPECT_OK(loop_run(s.loop, &err), &err);
	err_done(&err);
	http_server_free(s.server);
	loop_free(s.loop);
	return count_answers(buf_str(&out));
}

/* After two seconds an idle connection gives its buffers back. */
TEST(a_request_is_answered_however_long_the_connection_was_idle)
{
	static const int64_t pauses[] = {SEC, 2 * SEC - 1, 2 * SEC, 2 * SEC + 1, 3 * SEC, 20 * SEC};

	for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
		test_context("%lld ns", (long long)pauses[i]);
		EXPECT_INT(answers_after(pauses[i]), 2);
	}
	test_context_end();
}
