/* Time-outs and keepalive on virtual time: hours pass in a millisecond. */
#include "http2_pair.h"

/* A peer that swallows everything and says only what it is told to. */
struct mute {
	struct stream base;
	uint64_t pings;
};

static void mute_read(struct stream *s, struct op *op, struct buf *into, size_t max)
{
	(void)s, (void)op, (void)into, (void)max; /* waits until it is cancelled */
}

static void mute_write(struct stream *s, struct op *op, const struct str *parts, size_t count)
{
	struct mute *m = (struct mute *)s;
	int64_t n = 0;
	s->writing = NULL;
	for (size_t i = 0; i < count; i++) {
		n += (int64_t)parts[i].len;
		m->pings += str_find(parts[i], STR("are you?")) >= 0;
	}
	op_finish(op, n);
}

static void mute_finish(struct stream *s, struct op *op)
{
	s->writing = NULL;
	op_finish(op, 0);
}

static void mute_end(struct stream *s)
{
	struct op *op = TAKE(s->reading);
	if (op)
		op_fail_cancelled(op);
	op = TAKE(s->writing);
	if (op)
		op_fail_cancelled(op);
}

static void mute_cancel(struct stream *s, struct op *op)
{
	(void)op;
	mute_end(s);
}

/* A peer that does not even read. */
static void stuck_write(struct stream *s, struct op *op, const struct str *parts, size_t count)
{
	(void)s, (void)op, (void)parts, (void)count;
}

static const struct stream_ops mute_ops = {.name = "mute",
	.read = mute_read,
	.write = mute_write,
	.finish = mute_finish,
	.cancel = mute_cancel,
	.close = mute_end};
static const struct stream_ops stuck_ops = {.name = "stuck",
	.read = mute_read,
	.write = stuck_write,
	.finish = mute_finish,
	.cancel = mute_cancel,
	.close = mute_end};

static struct loop_test lt;
static struct pair p;
static struct env env;
static struct mute mute;

static int64_t no_wall(struct env *e)
{
	(void)e;
	return 0;
}

static void begin(const struct stream_ops *ops)
{
	p = (struct pair){0};
	loop_test_init(&lt, LOOP_TEST_VIRTUAL);
	env = (struct env){.loop = lt.loop, .wall = no_wall};
	lt.env = &env;
	pair_prepare(&p, &lt);
	mute = (struct mute){.base = {.ops = ops, .scope = lt.root}};
}

static void end(void)
{
	loop_test_run(&lt);
	EXPECT(p.client_gone || p.server_gone);
	EXPECT_INT(p.running, 0);
	lt.env = NULL; /* ours: nothing to free */
	loop_test_done(&lt);
}

static void connect_mute(void)
{
	struct client_conn *c = http2_client_conn_new();
	c->origin = &p;
	scope_init(&c->scope, lt.root, "client", pair_client_asked);
	c->stream = &mute.base;
	c->env = &env;
	c->limits = &p.client_limits;
	p.client = c;
	http2_client_conn_run(c);
}

static void serve_mute(const char *first, size_t len)
{
	struct server_conn *c = http2_server_conn_new();
	c->server = (struct http_server *)&p;
	scope_init(&c->scope, lt.root, "server", pair_server_asked);
	c->stream = &mute.base;
	c->env = &env;
	c->limits = &p.server_limits;
	c->handler = pair_handle;
	c->handler_ctx = &p;
	buf_init(&c->in, 4096);
	buf_add(&c->in, first, len);
	p.server = c;
	http2_server_conn_run(c);
}

/* The preface, SETTINGS, and on stream 1 GET /hang. */
#define HELLO "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
#define HANG                                                                                       \
	HELLO "\0\0\x0c\1\5\0\0\0\1\x82\x87\x04\x05/hang\x01\x01"                                  \
	      "h"

TEST(a_server_that_never_greets_is_given_up)
{
	struct pair_call c;
	begin(&mute_ops);
	connect_mute();
	int64_t start = loop_now(lt.loop);
	pair_call_init(&c, &p, "GET", "/");
	pair_call_start(&c);
	pair_wait(&p, &c.head);
	EXPECT(c.head.err.code != 0);
	EXPECT(loop_now(lt.loop) - start >= 10 * SEC);
	EXPECT(loop_now(lt.loop) - start <= 12 * SEC);
	pair_call_done(&c);
	end();
}

TEST(a_watcher_that_vanished_is_asked_and_then_given_up)
{
	begin(&mute_ops);
	serve_mute(HANG, sizeof(HANG) - 1);
	int64_t start = loop_now(lt.loop);
	loop_test_run_until(&lt, &p.server_gone);
	EXPECT_INT(p.requests, 1);
	EXPECT_INT(p.cancelled, 1);
	EXPECT_INT(mute.pings, 1);
	EXPECT_INT((loop_now(lt.loop) - start) / SEC, 45);
	end();
}

TEST(a_connection_without_streams_is_not_pinged_but_closed_when_idle)
{
	begin(&mute_ops);
	serve_mute(HELLO, sizeof(HELLO) - 1);
	int64_t start = loop_now(lt.loop);
	loop_test_run_until(&lt, &p.server_gone);
	EXPECT_INT(mute.pings, 0);
	/* The idle time, a second for the answer to GOAWAY, one to hang up. */
	int64_t idle = p.server_limits.idle_timeout / SEC;
	EXPECT_INT((loop_now(lt.loop) - start) / SEC, idle + 2);
	end();
}

TEST(a_peer_that_takes_no_bytes_is_given_up)
{
	begin(&stuck_ops);
	serve_mute(HANG, sizeof(HANG) - 1);
	int64_t start = loop_now(lt.loop);
	loop_test_run_until(&lt, &p.server_gone);
	EXPECT_INT((loop_now(lt.loop) - start) / SEC, 30);
	EXPECT_INT(p.cancelled, 1);
	end();
}

TEST(an_abort_does_not_wait_for_a_stuck_peer)
{
	begin(&stuck_ops);
	serve_mute(HANG, sizeof(HANG) - 1);
	int64_t start = loop_now(lt.loop);
	p.server->ops->drain(p.server);
	p.server->ops->abort(p.server);
	loop_test_run_until(&lt, &p.server_gone);
	EXPECT_INT(loop_now(lt.loop) - start, 0);
	end();
}
