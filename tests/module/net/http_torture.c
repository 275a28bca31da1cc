/*
 * A client and a server, with each of their awaits refused in turn, then each cancelled: whatever
 * comes back, the call ends, both can be stopped, and nothing is left.
 */
#include "loop_torture.h"

#include <kube/http_client.h>
#include <kube/http_server.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>

#include <stdio.h>

struct scene {
	struct loop_test *t;
	struct http_server *server;
	struct http_client *client;
	struct op op, client_stop, server_stop;
	struct http_call call;
	struct buf got;
	struct str parts[2];
	char url[64];
	bool streamed; /* body and answer in pieces */
	bool good;
};

/* ---- the handler ---- */

static void handled(struct op *op, struct err *err)
{
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);

	(void)err;
	buf_done(x->handler);
	http_exchange_done(x);
}

static void piece_written(struct op *op, struct err *err)
{
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);

	if (err->code) {
		handled(op, err);
		return;
	}
	op_init(&x->op, &x->scope, handled, OP_NO_DEADLINE);
	http_respond_end(x, &x->op, NULL);
}

static void begun(struct op *op, struct err *err)
{
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);
	struct str *part = arena_alloc(&x->arena, sizeof(*part));

	if (err->code) {
		handled(op, err);
		return;
	}
	*part = buf_str(x->handler);
	op_init(&x->op, &x->scope, piece_written, OP_NO_DEADLINE);
	http_write(x, &x->op, part, 1);
}

static void body_read(struct op *op, struct err *err)
{
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);

	if (err->code) {
		handled(op, err);
		return;
	}
	if (str_eq(x->request.method, STR("POST"))) {
		op_init(&x->op, &x->scope, begun, OP_NO_DEADLINE);
		http_respond_start(x, &x->op, 200, NULL, 0, HTTP_LENGTH_UNKNOWN);
	} else {
		op_init(&x->op, &x->scope, handled, OP_NO_DEADLINE);
		http_respond(x, &x->op, 200, NULL, 0, buf_str(x->handler));
	}
}

static void handle(void *ctx, struct http_exchange *x)
{
	struct buf *body = arena_alloc(&x->arena, sizeof(*body));

	(void)ctx;
	buf_init(body, MIB);
	x->handler = body;
	op_init(&x->op, &x->scope, body_read, OP_NO_DEADLINE);
	http_read_all(x, &x->op, body, MIB);
}

/* ---- the caller ---- */

static void scene_end(struct op *op, struct err *err);

static void head_here(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, op);

	if (err->code) {
		scene_end(op, err);
		return;
	}
	op_init(&s->op, s->t->root, scene_end, OP_NO_DEADLINE);
	http_call_read_all(&s->call, &s->op, &s->got, MIB);
}

static void server_stopped(struct op *op, struct err *err)
{
	(void)err;
	http_server_free(CONTAINER_OF(op, struct scene, server_stop)->server);
}

static void client_stopped(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, client_stop);

	(void)err;
	http_client_free(s->client);
	op_init(&s->server_stop, s->t->root, server_stopped, OP_NO_DEADLINE);
	http_server_stop(s->server, &s->server_stop, 0);
}

static void stop_all(struct scene *s)
{
	op_init(&s->client_stop, s->t->root, client_stopped, OP_NO_DEADLINE);
	http_client_stop(s->client, &s->client_stop);
}

static void part_sent(struct op *op, struct err *err);

static void scene_end(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, op);

	s->good = !err->code && s->call.status == 200 && str_eq(buf_str(&s->got), STR("one two"));
	http_call_done(&s->call);
	buf_done(&s->got);
	stop_all(s);
}

/* The body's pieces are a task of their own beside the call. */
struct sender {
	struct op op;
	struct scene *scene;
	int sent;
};
static struct sender sender;

static void part_sent(struct op *op, struct err *err)
{
	struct sender *w = CONTAINER_OF(op, struct sender, op);
	struct scene *s = w->scene;

	if (err->code) {
		op_cancel(&s->op); /* a body that cannot be sent ends the call */
		return;
	}
	if (w->sent > 1)
		return;
	op_init(&w->op, s->t->root, part_sent, OP_NO_DEADLINE);
	if (w->sent++ == 0)
		http_call_write(&s->call, &w->op, s->parts, 2);
	else
		http_call_end(&s->call, &w->op);
}

static void scene_start(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;
	struct address at = address_of(ip_v4(127, 0, 0, 1), 0);
	bool streamed = s->streamed;
	struct http_server_options server = {.handler = handle};
	struct http_client_options client = {0};

	*s = (struct scene){.t = t, .streamed = streamed};
	s->server = http_server_new(t->env, t->root, &server);
	s->client = http_client_new(t->env, t->root, &client);
	buf_init(&s->got, MIB);
	EXPECT_INT(http_server_listen(s->server, &at, &at, NULL), 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/", at.port);
	http_call_init(&s->call, s->client, streamed ? STR("POST") : STR("PUT"), str_from(s->url));
	s->parts[0] = STR("one ");
	s->parts[1] = STR("two");
	s->call.body = STR("one two");
	op_init(&s->op, t->root, head_here, loop_in(t->loop, 5 * SEC));
	if (!streamed) {
		http_call_start(&s->call, &s->op);
		return;
	}
	s->call.body_length = HTTP_LENGTH_UNKNOWN;
	http_call_start(&s->call, &s->op);
	sender = (struct sender){.scene = s};
	struct err none = {0};
	part_sent(&sender.op, &none);
}

static void scene_check(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;

	if (!loop_torture_hit(t->loop))
		EXPECT(s->good);
}

TEST(each_await_of_a_call_may_fail)
{
	struct scene s = {0};

	EXPECT(loop_torture_run(LOOP_TEST_REAL, scene_start, scene_check, &s) > 20);
}

TEST(each_await_of_a_streamed_call_may_fail)
{
	struct scene s = {.streamed = true};

	EXPECT(loop_torture_run(LOOP_TEST_REAL, scene_start, scene_check, &s) > 20);
}
