/* Answers that are gzipped for clients that welcome it. */
#include "loop_torture.h"

#include <kube/gzip.h>
#include <kube/http_client.h>
#include <kube/http_server.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <stdio.h>

struct scene {
	struct loop_test *t;
	struct http_server *server;
	struct http_client *client;
	struct http_call call;
	struct op op, stop;
	struct buf body, got;
	char url[64];
	const char *method, *accept, *encoding; /* the handler names an encoding of its own */
	int code, status;
	bool packed, whole;
};

/* ---- the handler ---- */

static void answered(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void handle(void *ctx, struct http_exchange *x)
{
	struct scene *s = ctx;
	struct http_header own = {STR_INIT("Content-Encoding"), str_from(s->encoding)};

	op_init(&x->op, &x->scope, answered, OP_NO_DEADLINE);
	http_respond_packed(x, &x->op, 200, &own, s->encoding ? 1 : 0, buf_str(&s->body));
}

/* ---- the caller ---- */

static void server_stopped(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, stop);

	(void)err;
	http_server_free(s->server);
	buf_done(&s->got);
}

static void client_stopped(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, stop);

	(void)err;
	http_client_free(s->client);
	op_init(&s->stop, s->t->root, server_stopped, OP_NO_DEADLINE);
	http_server_stop(s->server, &s->stop, 0);
}

static void examine(struct scene *s)
{
	_cleanup_(buf_done) struct buf plain = BUF_INIT(4 * MIB);
	struct str got = buf_str(&s->got);

	s->status = s->call.status;
	s->packed =
		str_eq(http_headers_get(&s->call.response, STR("Content-Encoding")), STR("gzip"));
	if (s->packed && gzip_decode(got, &plain, NULL) == 0)
		got = buf_str(&plain);
	s->whole = str_eq(got, buf_str(&s->body));
}

static void body_here(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, op);

	s->code = err->code;
	if (!err->code)
		examine(s);
	http_call_done(&s->call);
	op_init(&s->stop, s->t->root, client_stopped, OP_NO_DEADLINE);
	http_client_stop(s->client, &s->stop);
}

static void head_here(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, op);

	if (err->code) {
		body_here(op, err);
		return;
	}
	op_init(&s->op, s->t->root, body_here, OP_NO_DEADLINE);
	http_call_read_all(&s->call, &s->op, &s->got, 4 * MIB);
}

static void scene_start(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;
	struct address at = address_of(ip_v4(127, 0, 0, 1), 0);
	struct http_server_options server = {.handler = handle, .ctx = s};
	struct http_client_options client = {0};

	s->t = t;
	s->server = http_server_new(t->env, t->root, &server);
	s->client = http_client_new(t->env, t->root, &client);
	s->packed = s->whole = false;
	buf_init(&s->got, 4 * MIB);
	EXPECT_INT(http_server_listen(s->server, &at, &at, NULL), 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/", at.port);
	http_call_init(&s->call, s->client, str_from(s->method), str_from(s->url));
	if (s->accept)
		http_headers_add(&s->call.arena, &s->call.headers, STR("Accept-Encoding"),
			str_from(s->accept));
	op_init(&s->op, t->root, head_here, loop_in(t->loop, 20 * SEC));
	http_call_start(&s->call, &s->op);
}

static void scene_init(struct scene *s, size_t size)
{
	*s = (struct scene){.method = "GET", .accept = "gzip"};
	buf_init(&s->body, 4 * MIB);
	while (s->body.len < size)
		buf_print(&s->body, "{\"item\": %zu},\n", s->body.len);
	buf_cut(&s->body, size);
}

static void play(struct scene *s)
{
	struct loop_test t;

	loop_test_init(&t, LOOP_TEST_REAL);
	scene_start(&t, s);
	loop_test_run(&t);
	loop_test_done(&t);
	EXPECT_INT(s->code, 0);
	EXPECT_INT(s->status, 200);
}

TEST(large_answers_are_packed_for_who_welcomes_it)
{
	struct scene s;

	scene_init(&s, HTTP_PACK_MIN);
	play(&s);
	EXPECT(s.packed && s.whole);
	buf_done(&s.body);
}

TEST(others_get_them_as_they_are)
{
	struct scene s;

	scene_init(&s, 2 * MIB);
	s.accept = NULL;
	play(&s);
	EXPECT(!s.packed && s.whole);
	s.accept = "gzip;q=0, br";
	play(&s);
	EXPECT(!s.packed && s.whole);
	buf_done(&s.body);
}

TEST(small_answers_are_not_worth_it)
{
	struct scene s;

	scene_init(&s, HTTP_PACK_MIN - 1);
	play(&s);
	EXPECT(!s.packed && s.whole);
	buf_done(&s.body);
}

TEST(what_is_encoded_already_stays_as_it_is)
{
	struct scene s;

	scene_init(&s, 2 * MIB);
	s.encoding = "br";
	play(&s);
	EXPECT(!s.packed && s.whole);
	buf_done(&s.body);
}

TEST(what_does_not_shrink_is_sent_plain)
{
	struct scene s;

	scene_init(&s, 0);
	for (uint64_t i = 0, x = 88172645463325252; i < 256 * KIB / 8; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		buf_add(&s.body, &x, sizeof(x));
	}
	play(&s);
	EXPECT(!s.packed && s.whole);
	buf_done(&s.body);
}

static void scene_check(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;

	if (!loop_torture_hit(t->loop))
		EXPECT(s->code == 0 && s->packed && s->whole);
}

TEST(each_await_of_a_packed_answer_may_fail)
{
	struct scene s;

	scene_init(&s, 300 * KIB);
	EXPECT(loop_torture_run(LOOP_TEST_REAL, scene_start, scene_check, &s) > 20);
	buf_done(&s.body);
}
