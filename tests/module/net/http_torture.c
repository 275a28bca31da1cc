/*
 * A client and a server, with each of their awaits refused in turn, then each cancelled: whatever
 * comes back, the call ends, both can be stopped, and nothing is left.
 */
#include "loop_torture.h"
#include "tls_world.h"

#include <kube/http_client.h>
#include <kube/http_server.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>

#include <stdio.h>

/* How the two come together. */
enum road { ROAD_PLAIN, ROAD_TLS, ROAD_H2, ROAD_TUNNEL };

struct configs {
	struct tls_world world;
	struct tls_world_identity identity;
	struct tls_config *server, *client;
};

struct scene {
	struct loop_test *t;
	enum road road;
	struct configs *configs;
	struct http_server *server, *proxy;
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

static void proxy_stopped(struct op *op, struct err *err)
{
	(void)err;
	http_server_free(CONTAINER_OF(op, struct scene, server_stop)->proxy);
}

static void server_stopped(struct op *op, struct err *err)
{
	struct scene *s = CONTAINER_OF(op, struct scene, server_stop);

	(void)err;
	http_server_free(s->server);
	if (!s->proxy)
		return;
	op_init(&s->server_stop, s->t->root, proxy_stopped, OP_NO_DEADLINE);
	http_server_stop(s->proxy, &s->server_stop, 0);
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

/* ---- a proxy whose tunnels all end at our server ---- */

struct tunnel {
	struct scene *scene;
	struct stream *stream;
	struct buf early;
};

static void tunnelled(struct op *op, struct err *err)
{
	struct http_exchange *x = CONTAINER_OF(op, struct http_exchange, op);
	struct tunnel *tunnel = x->handler;

	if (!err->code)
		http_server_serve(tunnel->scene->server, tunnel->stream);
	buf_done(&tunnel->early);
	http_exchange_done(x);
}

static void tunnel_handle(void *ctx, struct http_exchange *x)
{
	struct tunnel *tunnel = arena_new(&x->arena, sizeof(*tunnel));

	tunnel->scene = ctx;
	x->handler = tunnel;
	op_init(&x->op, &x->scope, tunnelled, OP_NO_DEADLINE);
	http_upgrade(x, &x->op, NULL, 0, &tunnel->stream, &tunnel->early);
}

/* ---- the scene ---- */

static void scene_open(struct scene *s)
{
	struct address at = address_of(ip_v4(127, 0, 0, 1), 0);
	bool tls = s->road != ROAD_PLAIN;
	struct http_server_options server = {.handler = handle, .no_http2 = s->road == ROAD_TLS};
	struct http_client_options client = {.no_http2 = s->road == ROAD_TLS};
	struct http_server_options proxy = {.handler = tunnel_handle, .ctx = s};
	char proxy_url[64];

	server.tls = tls ? s->configs->server : NULL;
	client.tls = tls ? s->configs->client : NULL;
	s->server = http_server_new(s->t->env, s->t->root, &server);
	if (s->road == ROAD_TUNNEL) {
		s->proxy = http_server_new(s->t->env, s->t->root, &proxy);
		EXPECT_INT(http_server_listen(s->proxy, &at, &at, NULL), 0);
		snprintf(proxy_url, sizeof(proxy_url), "http://me:secret@127.0.0.1:%u", at.port);
		client.https_proxy = str_from(proxy_url);
		snprintf(s->url, sizeof(s->url), "https://server.example/");
	} else {
		EXPECT_INT(http_server_listen(s->server, &at, &at, NULL), 0);
		snprintf(s->url, sizeof(s->url), "%s://127.0.0.1:%u/", tls ? "https" : "http",
			at.port);
	}
	s->client = http_client_new(s->t->env, s->t->root, &client);
}

static void scene_start(struct loop_test *t, void *ctx)
{
	struct scene *s = ctx;
	bool streamed = s->streamed;

	*s = (struct scene){.t = t, .streamed = streamed, .road = s->road, .configs = s->configs};
	buf_init(&s->got, MIB);
	scene_open(s);
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

static void configs_make(struct configs *c, const char *protocol)
{
	const char *const alpn[] = {protocol, NULL};
	struct tls_world_want want = {.name = "server",
		.usages = CERT_SERVER,
		.dns = "server.example",
		.ip = "127.0.0.1"};

	tls_world_init(&c->world, clock_wall());
	tls_world_issue(&c->world, &want, &c->identity);
	struct tls_server_options server = {
		.identities = &c->identity.identity, .identity_count = 1, .alpn = alpn};
	struct tls_client_options client = {.roots = &c->world.ca, .alpn = alpn};
	REQUIRE(tls_config_new_server(&server, &c->server, NULL) == 0);
	REQUIRE(tls_config_new_client(&client, &c->client, NULL) == 0);
}

static void configs_done(struct configs *c)
{
	tls_config_unref(c->server);
	tls_config_unref(c->client);
	tls_world_identity_done(&c->identity);
	tls_world_done(&c->world);
}

static void run(enum road road, bool streamed)
{
	struct configs configs = {0};
	struct scene s = {.road = road, .streamed = streamed, .configs = &configs};

	if (road != ROAD_PLAIN)
		configs_make(&configs, road == ROAD_H2 ? "h2" : "http/1.1");
	EXPECT(loop_torture_run(LOOP_TEST_REAL, scene_start, scene_check, &s) > 20);
	if (road != ROAD_PLAIN)
		configs_done(&configs);
}

TEST(each_await_of_a_call_may_fail)
{
	run(ROAD_PLAIN, false);
}

TEST(each_await_of_a_streamed_call_may_fail)
{
	run(ROAD_PLAIN, true);
}

TEST(each_await_of_a_call_over_tls_may_fail)
{
	run(ROAD_TLS, false);
}

TEST(each_await_of_a_streamed_call_over_tls_may_fail)
{
	run(ROAD_TLS, true);
}

TEST(each_await_of_a_call_over_h2_may_fail)
{
	run(ROAD_H2, false);
}

TEST(each_await_of_a_streamed_call_over_h2_may_fail)
{
	run(ROAD_H2, true);
}

TEST(each_await_of_a_call_through_a_proxy_may_fail)
{
	run(ROAD_TUNNEL, false);
}
