/*
 * Requests on virtual time: sent again when the server says when, bounded by their deadline,
 * whole or not at all whatever breaks, over both transports.
 */
#include "sim_world.h"

#include <kube/http_server.h>

#define MAP "{\"metadata\":{\"labels\":{\"v\":\"1\"}}}"

static const struct resource *maps(void)
{
	return resource_find(STR(""), STR("v1"), STR("configmaps"));
}

struct asked {
	struct client_request request;
	struct told told;
};

static void ask(
	struct world *w, struct asked *q, enum client_verb verb, const char *name, int64_t deadline)
{
	*q = (struct asked){0};
	client_request_init(&q->request, verb, maps(), STR("a"), str_from(name));
	if (verb == CLIENT_CREATE) {
		struct cJSON *body = json_new(&q->request.arena, JSON_OBJECT);

		tree_set_str(&q->request.arena, body, "metadata.name", str_from(name));
		q->request.body = body;
	}
	client_send(w->client, told_op(&q->told, w->root, deadline), &q->request);
}

static int finish(struct world *w, struct asked *q)
{
	world_await(w, &q->told);
	int code = q->told.err.code;
	client_request_done(&q->request);
	told_done(&q->told);
	return code;
}

static void refuse(struct world *w, int code, const char *reason, int times, int after)
{
	w->api.refuse_code = code;
	w->api.refuse_reason = reason;
	w->api.refuse_times = times;
	w->api.retry_after = after;
}

TEST(who_is_told_when_comes_again_then)
{
	struct world w = {0};
	struct asked q;

	world_open(&w, 1);
	fake_put(&w.api, "configmaps/a/m", MAP);
	refuse(&w, 429, "TooManyRequests", 2, 3);
	int64_t start = loop_now(w.loop);
	ask(&w, &q, CLIENT_GET, "m", OP_NO_DEADLINE);
	EXPECT_INT(finish(&w, &q), 0);
	EXPECT_INT(loop_now(w.loop) - start, 6 * SEC);
	EXPECT_INT(w.api.requests, 3);
	/* So with 503; but not for ever, and not without being told. */
	refuse(&w, 503, "ServiceUnavailable", 100, 1);
	start = loop_now(w.loop);
	ask(&w, &q, CLIENT_GET, "m", OP_NO_DEADLINE);
	EXPECT_INT(finish(&w, &q), ERR_UNAVAILABLE);
	EXPECT_INT(loop_now(w.loop) - start, 10 * SEC);
	refuse(&w, 429, "TooManyRequests", 1, 0);
	start = loop_now(w.loop);
	ask(&w, &q, CLIENT_GET, "m", OP_NO_DEADLINE);
	EXPECT_INT(finish(&w, &q), ERR_TOO_MANY_REQUESTS);
	EXPECT_INT(loop_now(w.loop) - start, 0);
	/* A conflict is no reason to come again, whatever the header says. */
	refuse(&w, 409, "Conflict", 1, 3);
	ask(&w, &q, CLIENT_GET, "m", OP_NO_DEADLINE);
	EXPECT_INT(finish(&w, &q), ERR_CONFLICT);
	world_close(&w);
}

TEST(a_deadline_bounds_the_waits_too)
{
	struct world w = {0};
	struct asked q;

	world_open(&w, 1);
	refuse(&w, 429, "TooManyRequests", 100, 3);
	int64_t start = loop_now(w.loop);
	ask(&w, &q, CLIENT_GET, "m", start + 5 * SEC);
	EXPECT_INT(finish(&w, &q), ERR_TIMEOUT);
	EXPECT_INT(loop_now(w.loop) - start, 5 * SEC);
	ask(&w, &q, CLIENT_GET, "m", OP_NO_DEADLINE);
	world_pass(&w, SEC);
	op_cancel(&q.told.op);
	EXPECT_INT(finish(&w, &q), ERR_CANCELLED);
	world_close(&w);
}

TEST(a_client_keeps_to_its_rate)
{
	struct world w = {0};
	struct asked q[4];
	struct client_options options = {.user_agent = "slow", .qps = 1, .burst = 2};
	struct told told = {0};

	world_open(&w, 1);
	struct client *fast = w.client;
	w.client = client_new(
		w.env, client_transport_local(w.env, w.root, fake_handle, &w.api), &options);
	int64_t start = loop_now(w.loop);
	for (int i = 0; i < 4; i++)
		ask(&w, &q[i], CLIENT_GET, "m", OP_NO_DEADLINE);
	for (int i = 0; i < 4; i++)
		EXPECT_INT(finish(&w, &q[i]), ERR_NOT_FOUND);
	EXPECT_INT((loop_now(w.loop) - start) / MSEC, 2000);
	client_stop(w.client, told_op(&told, w.root, OP_NO_DEADLINE));
	world_await(&w, &told);
	told_done(&told);
	client_free(w.client);
	w.client = fast;
	world_close(&w);
}

/* ---- lists ---- */

struct listing {
	struct client_list list;
	struct told told;
	int items, again;
};

static int count_item(void *ctx, struct object *o, const struct cJSON *tree, struct err *err)
{
	struct listing *l = ctx;

	(void)o;
	(void)tree;
	(void)err;
	l->items++;
	return 0;
}

static void count_again(void *ctx)
{
	struct listing *l = ctx;

	l->again++;
	l->items = 0;
}

static int list(struct world *w, struct listing *l, bool can_restart)
{
	*l = (struct listing){0};
	l->list = (struct client_list){.resource = maps(),
		.page = 2,
		.item = count_item,
		.again = can_restart ? count_again : NULL,
		.ctx = l};
	client_list_start(w->client, told_op(&l->told, w->root, OP_NO_DEADLINE), &l->list);
	world_await(w, &l->told);
	int code = l->told.err.code;
	client_list_done(&l->list);
	told_done(&l->told);
	return code;
}

TEST(a_token_that_expires_begins_the_list_again)
{
	struct world w = {0};
	struct listing l;

	world_open(&w, 1);
	for (char c = 'a'; c < 'f'; c++)
		fake_put(&w.api,
			(char[]){'c', 'o', 'n', 'f', 'i', 'g', 'm', 'a', 'p', 's', '/', 'x', '/', c,
				0},
			MAP);
	EXPECT_INT(list(&w, &l, false), 0);
	EXPECT_INT(l.items, 5);
	EXPECT_INT(w.api.lists, 3);
	EXPECT_INT(l.list.revision, w.api.revision);
	w.api.expire_continue = true;
	EXPECT_INT(list(&w, &l, true), 0);
	EXPECT_INT(l.items, 5);
	EXPECT_INT(l.again, 1);
	w.api.expire_continue = true;
	EXPECT_INT(list(&w, &l, false), ERR_EXPIRED);
	world_close(&w);
}

/* ---- handlers that misbehave ---- */

static void over(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void leave(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	http_exchange_done(x);
}

static void answer_half(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	op_init(&x->op, &x->scope, over, OP_NO_DEADLINE);
	http_respond_start(x, &x->op, 200, NULL, 0, HTTP_LENGTH_UNKNOWN);
}

static void answer_garbage(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	op_init(&x->op, &x->scope, over, OP_NO_DEADLINE);
	http_respond(x, &x->op, 200, NULL, 0, STR("<html>"));
}

static void answer_never(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	op_init(&x->op, &x->scope, over, OP_NO_DEADLINE);
	timer_wait(&x->op, loop_in(x->env->loop, HOUR));
}

TEST(servers_that_misbehave_are_errors)
{
	static const struct {
		http_handler_fn *handler;
		int code;
	} cases[] = {{leave, ERR_CLOSED}, {answer_half, ERR_CLOSED}, {answer_garbage, ERR_SYNTAX},
		{answer_never, ERR_TIMEOUT}};
	struct client_options options = {.user_agent = "sim"};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w = {0};
		struct asked q;
		struct listing l;
		struct told told = {0};

		test_context("case %zu", i);
		world_open(&w, 1);
		struct client *good = w.client;
		w.client = client_new(w.env,
			client_transport_local(w.env, w.root, cases[i].handler, NULL), &options);
		ask(&w, &q, CLIENT_GET, "m", loop_in(w.loop, MINUTE));
		EXPECT_INT(finish(&w, &q), cases[i].code);
		if (cases[i].handler != answer_never)
			EXPECT_INT(list(&w, &l, true), cases[i].code);
		client_stop(w.client, told_op(&told, w.root, OP_NO_DEADLINE));
		world_await(&w, &told);
		told_done(&told);
		client_free(w.client);
		w.client = good;
		world_close(&w);
	}
	test_context_end();
}

/* ---- over HTTP ---- */

struct far {
	struct env *env;
	struct http_server *server;
	struct http_server_options options;
	struct client *near; /* the one that the world came with */
};

static void far_open(struct world *w, struct far *f, const struct client_config *config)
{
	struct client_options options = {.user_agent = "sim"};
	struct address at = address_of(ip_v4(10, 0, 0, 2), 80);
	struct err err = {0};

	f->env = sim_host(w->sim, "far", ip_v4(10, 0, 0, 2));
	w->api.env = f->env;
	f->options = (struct http_server_options){.handler = fake_handle, .ctx = &w->api};
	f->server = http_server_new(f->env, w->root, &f->options);
	EXPECT_OK(http_server_listen(f->server, &at, &at, &err), &err);
	f->near = w->client;
	w->client = client_new(w->env, client_transport_https(w->env, w->root, config), &options);
}

static void far_close(struct world *w, struct far *f)
{
	struct told told = {0}, stopped = {0};

	client_stop(w->client, told_op(&told, w->root, OP_NO_DEADLINE));
	world_await(w, &told);
	told_done(&told);
	client_free(w->client);
	http_server_stop(f->server, told_op(&stopped, w->root, OP_NO_DEADLINE), 0);
	world_await(w, &stopped);
	told_done(&stopped);
	http_server_free(f->server);
	w->client = f->near;
}

TEST(token_files_are_read_again)
{
	struct world w = {0};
	struct far f;
	struct asked q;
	struct err err = {0};
	struct client_config config = {
		.server = STR("http://far"), .token = STR("old"), .token_file = STR("/token")};

	world_open(&w, 1);
	far_open(&w, &f, &config);
	/* Nothing to begin with. */
	ask(&w, &q, CLIENT_GET, "m", OP_NO_DEADLINE);
	EXPECT_INT(finish(&w, &q), ERR_IO);
	EXPECT_INT(w.api.requests, 0);
	EXPECT_OK(disk_write_file(w.env->disk, "/token", STR("one\n"), 0600, &err), &err);
	ask(&w, &q, CLIENT_GET, "m", OP_NO_DEADLINE);
	EXPECT_INT(finish(&w, &q), ERR_NOT_FOUND);
	EXPECT_TEXT(w.api.authorization, "Bearer one");
	EXPECT_OK(disk_write_file(w.env->disk, "/token", STR("two\n"), 0600, &err), &err);
	ask(&w, &q, CLIENT_GET, "m", OP_NO_DEADLINE);
	finish(&w, &q);
	EXPECT_TEXT(w.api.authorization, "Bearer one");
	world_pass(&w, 61 * SEC);
	ask(&w, &q, CLIENT_GET, "m", OP_NO_DEADLINE);
	finish(&w, &q);
	EXPECT_TEXT(w.api.authorization, "Bearer two");
	/* What cannot be read stays. */
	EXPECT_INT(w.env->disk->ops->remove(w.env->disk, "/token", &err), 0);
	world_pass(&w, 61 * SEC);
	ask(&w, &q, CLIENT_GET, "m", OP_NO_DEADLINE);
	EXPECT_INT(finish(&w, &q), ERR_NOT_FOUND);
	EXPECT_TEXT(w.api.authorization, "Bearer two");
	far_close(&w, &f);
	world_close(&w);
}

TEST(names_and_passwords_are_shown)
{
	struct world w = {0};
	struct far f;
	struct asked q;
	struct client_config config = {
		.server = STR("far:80/"), .username = STR("me"), .password = STR("secret")};

	world_open(&w, 1);
	config.server = STR("http://far:80/");
	far_open(&w, &f, &config);
	ask(&w, &q, CLIENT_GET, "m", OP_NO_DEADLINE);
	EXPECT_INT(finish(&w, &q), ERR_NOT_FOUND);
	EXPECT_TEXT(w.api.authorization, "Basic bWU6c2VjcmV0");
	far_close(&w, &f);
	world_close(&w);
}

TEST(a_cluster_s_proxy_is_used)
{
	struct world w = {0};
	struct far f;
	struct asked q;
	struct client_config config = {
		.server = STR("http://elsewhere.example:8080"), .proxy_url = STR("http://far:80")};

	world_open(&w, 1);
	far_open(&w, &f, &config);
	ask(&w, &q, CLIENT_GET, "m", OP_NO_DEADLINE);
	EXPECT_INT(finish(&w, &q), ERR_NOT_FOUND);
	EXPECT_INT(w.api.requests, 1);
	far_close(&w, &f);
	world_close(&w);
}

/* ---- torture ---- */

/* One of each, with whatever outcome; nothing may be left behind. */
static void use_all(struct world *w)
{
	struct asked q;
	struct listing l;
	struct told told = {0}, next = {0};
	struct client_watch watch = {.resource = maps(), .send_initial = true, .bookmarks = true};

	fake_put(&w->api, "configmaps/a/m", MAP);
	fake_put(&w->api, "configmaps/a/n", MAP);
	fake_put(&w->api, "configmaps/a/o", MAP);
	refuse(w, 429, "TooManyRequests", 1, 1);
	ask(w, &q, CLIENT_CREATE, "fresh", loop_in(w->loop, MINUTE));
	finish(w, &q);
	list(w, &l, true);
	client_watch_start(w->client, told_op(&told, w->root, loop_in(w->loop, MINUTE)), &watch);
	world_await(w, &told);
	for (int i = 0; i < 4 && !told.err.code && !next.err.code; i++) {
		told_done(&next);
		next = (struct told){0};
		client_watch_next(&watch, told_op(&next, w->root, loop_in(w->loop, MINUTE)));
		world_await(w, &next);
	}
	client_watch_done(&watch);
	told_done(&told);
	told_done(&next);
}

TEST(nothing_is_left_behind_inside)
{
	world_torture(use_all);
}

static void use_all_over_http(struct world *w)
{
	struct far f;
	struct err err = {0};
	struct client_config config = {.server = STR("http://far"), .token_file = STR("/token")};

	EXPECT_OK(disk_write_file(w->env->disk, "/token", STR("t"), 0600, &err), &err);
	far_open(w, &f, &config);
	use_all(w);
	far_close(w, &f);
}

TEST(nothing_is_left_behind_over_http)
{
	world_torture(use_all_over_http);
}
