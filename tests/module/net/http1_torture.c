/* Every await of a conversation fails, then is cancelled: nothing may be left behind or hang. */
#include "http_rig.h"
#include "loop_torture.h"

#include <kube/http_client.h>

struct scene {
	struct rig rig;
	const char *sent, *wanted;
	struct address at;
	struct stream *stream;
	struct op op, closing;
	struct scope scope;
	struct buf got;
	/* or by our own client */
	struct http_client *client;
	struct http_call call;
	struct str part;
	int step;
};

/* ---- the end, by whatever way it is reached ---- */

static void scene_stopped(struct op *op, struct err *err);

static void scene_stop(struct scene *s)
{
	op_init(&s->op, s->rig.t.root, scene_stopped, OP_NO_DEADLINE);
	http_server_stop(s->rig.server, &s->op, 0);
}

static void scene_stopped(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, op);
	struct http_server_stats stats;
	http_server_stats(s->rig.server, &stats);
	/* Refused: nothing has happened. Cancelled on its way: it is stopped all the same. */
	if (err->code && err->code != ERR_CANCELLED)
		scene_stop(s);
	else
		EXPECT_INT(stats.connections, 0);
}

static void scene_close(struct op *op, struct err *err)
{
	(void)err;
	scene_stop(CONTAINER_OF(op, struct scene, closing));
}

static void scene_end(struct scene *s)
{
	stream_close(TAKE(s->stream));
	op_init(&s->closing, s->rig.t.root, scene_close, OP_NO_DEADLINE);
	if (s->client)
		http_client_stop(s->client, &s->closing);
	else
		scope_close(&s->scope, &s->closing);
}

/* ---- a raw client ---- */

static void raw_client_got(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, op);
	if (err->code || op->n == 0 || str_find(buf_str(&s->got), STR("stop here")) >= 0) {
		scene_end(s);
		return;
	}
	op_init(&s->op, &s->scope, raw_client_got, OP_NO_DEADLINE);
	stream_read(s->stream, &s->op, &s->got, 4 * KIB);
}

static void raw_client_sent(struct op *op, struct err *err)
{
	op->n = 1;
	raw_client_got(op, err);
}

static void raw_client_connected(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, op);
	if (err->code) {
		scene_end(s);
		return;
	}
	s->part = str_from(s->sent);
	op_init(&s->op, &s->scope, raw_client_sent, OP_NO_DEADLINE);
	stream_write(s->stream, &s->op, &s->part, 1);
}

static void scene_server(struct scene *s, struct loop_test *t)
{
	s->rig = (struct rig){.t = *t, .options.handler = rig_handle};
	s->rig.options.ctx = &s->rig;
	s->rig.server = http_server_new(t->env, t->root, &s->rig.options);
	struct err err = {0};
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);
	EXPECT_OK(http_server_listen(s->rig.server, &any, &s->at, &err), &err);
	err_done(&err);
}

static void raw_scene(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;
	s->client = NULL;
	s->stream = NULL;
	s->step = 0;
	scene_server(s, t);
	scope_init(&s->scope, t->root, "scene", NULL);
	buf_init(&s->got, MIB);
	op_init(&s->op, &s->scope, raw_client_connected, OP_NO_DEADLINE);
	net_connect(t->env, &s->op, &s->scope, &s->at, &s->stream);
}

static void scene_check(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;
	if (!loop_torture_hit(t->loop)) {
		bool right = str_find(buf_str(&s->got), str_from(s->wanted)) >= 0;
		if (!EXPECT(right))
			EXPECT_STR(buf_str(&s->got), s->wanted);
	}
	EXPECT_INT(s->rig.live, 0);
	http_server_free(s->rig.server);
	http_client_free(s->client);
	mem_free(s->rig.last_text);
	buf_done(&s->got);
}

TEST(the_server_survives_torture)
{
	static const struct {
		const char *sent, *wanted;
	} scenes[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
		 "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
		 "Connection: close\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
			"abc1"},
		{"GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "X-Sum: 42"},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
		 "GET /fixed HTTP/1.0\r\n\r\n",
			"hello world"},
		{"GET /upgrade HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"
		 "stop here",
			"stop here"},
		{"GET / HTTP/1.1\r\n\r\n", "400 Bad Request: missing"},
		{"POST /count HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
		 "Connection: close\r\n\r\nabc",
			"\r\n\r\n3"},
	};
	for (size_t i = 0; i < ARRAY_LEN(scenes); i++) {
		struct scene s = {.sent = scenes[i].sent, .wanted = scenes[i].wanted};
		EXPECT(loop_torture_run(LOOP_TEST_REAL, raw_scene, scene_check, &s) > 10);
	}
}

/* ---- our client ---- */

enum { CALL_STARTED, CALL_READ };

static void call_next(struct op *op, struct err *err);

static struct op *call_op(struct scene *s, int step)
{
	s->step = step;
	op_init(&s->op, s->rig.t.root, call_next, OP_NO_DEADLINE);
	return &s->op;
}

static void call_over(struct scene *s)
{
	http_call_done(&s->call);
	scene_end(s);
}

static void call_next(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, op);
	if (err->code || s->step == CALL_READ)
		call_over(s);
	else
		http_call_read_all(&s->call, call_op(s, CALL_READ), &s->got, MIB);
}

static void client_scene(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;
	s->stream = NULL;
	scene_server(s, t);
	struct http_client_options o = {.dial = &s->at};
	s->client = http_client_new(t->env, t->root, &o);
	buf_init(&s->got, MIB);
	http_call_init(&s->call, s->client, STR("POST"), str_from(s->sent));
	s->call.body = STR("the body");
	http_call_start(&s->call, call_op(s, CALL_STARTED));
}

TEST(the_client_survives_torture)
{
	static const struct {
		const char *url, *wanted;
	} scenes[] = {{"http://x/echo", "the body"}, {"http://x/stream", "xxxxxxxxxxxxx"}};
	for (size_t i = 0; i < ARRAY_LEN(scenes); i++) {
		struct scene s = {.sent = scenes[i].url, .wanted = scenes[i].wanted};
		EXPECT(loop_torture_run(LOOP_TEST_REAL, client_scene, scene_check, &s) > 10);
	}
}
