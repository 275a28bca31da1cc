/* Lists and watches that take many writes: whole, and given up after any of them. */
#include "api_rig.h"

#include "apiserver/server.h"

#include <kube/http_client.h>
#include <kube/mem.h>

#define OBJECTS 700
#define BASE    "/api/v1/namespaces/default/configmaps"
#define WATCH   BASE "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
#define MARK    "\"large\":\""
#define PIECE   (64 * KIB)

static struct {
	struct api_rig rig;
	struct http_client *h1, *h2;
	struct tls_config *tls;
} world;

static const struct resource *maps(void)
{
	return resource_find(STR(""), STR("v1"), STR("configmaps"));
}

static void put(int i)
{
	_cleanup_(arena_done) struct arena a;
	struct own_write w = {.resource = maps()};
	struct told written = {0};
	struct str value;

	arena_init(&a);
	/* Every hundredth is as large as items that lists do not gather. */
	value = arena_print(&a,
		"{\"metadata\":{\"name\":\"m-%d\",\"namespace\":\"default\"},\"data\":{\"large\":"
		"\"%0*d\"}}",
		i, i % 100 == 7 ? 50000 : 1000, i);
	EXPECT_INT(json_parse(&a, value, NULL, &w.object, NULL), 0);
	server_write(world.rig.server, told_op(&written, world.rig.t.root, OP_NO_DEADLINE), &w);
	loop_test_run_until(&world.rig.t, &written.done);
	EXPECT_INT(written.err.code, 0);
	told_done(&written);
}

static bool world_open(void)
{
	struct tls_client_options tls = {.insecure = true};
	struct http_client_options options = {0};

	if (!api_rig_open(&world.rig, API_RIG_HTTPS))
		return false;
	static const char *const alpn[] = {"h2", "http/1.1", NULL};
	tls.alpn = alpn;
	EXPECT_INT(tls_config_new_client(&tls, &world.tls, NULL), 0);
	options.tls = world.tls;
	world.h2 = http_client_new(world.rig.t.env, world.rig.t.root, &options);
	tls_config_unref(world.tls);
	tls.alpn = NULL;
	EXPECT_INT(tls_config_new_client(&tls, &world.tls, NULL), 0);
	options.tls = world.tls;
	options.no_http2 = true;
	world.h1 = http_client_new(world.rig.t.env, world.rig.t.root, &options);
	tls_config_unref(world.tls);
	for (int i = 0; i < OBJECTS; i++)
		put(i);
	return true;
}

static void drop_client(struct http_client *c)
{
	struct told told = {0};

	http_client_stop(c, told_op(&told, world.rig.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&world.rig.t, &told.done);
	told_done(&told);
	http_client_free(c);
}

static void world_close(void)
{
	drop_client(world.h1);
	drop_client(world.h2);
	api_rig_close(&world.rig);
}

/* References to all objects together, history's too. */
static size_t references(void)
{
	struct store_iter it =
		store_seek(server_bucket(world.rig.server, maps()), STR(""), STR(""));
	size_t count = 0;

	while (store_next(&it))
		count += it.object->refs;
	return count;
}

static size_t occurrences(struct str text, const char *mark)
{
	size_t count = 0;
	ssize_t at;

	for (; (at = str_find(text, str_from(mark))) >= 0; count++)
		text = str_skip(text, (size_t)at + 1);
	return count;
}

static void expect_list(struct arena *a, struct str body)
{
	struct cJSON *list = NULL;
	int i = 0;

	EXPECT_INT(json_parse(a, body, NULL, &list, NULL), 0);
	json_each (item, json_get(list, STR("items")))
		i += json_path(item, "data.large") != NULL;
	EXPECT_INT(i, OBJECTS);
}

/* Reads so many pieces (or, with a mark, until that many of it have come), then gives it up. */
static size_t fetch(struct http_client *client, const char *path, size_t pieces, size_t marks)
{
	struct http_call c;
	struct told told = {0};
	struct buf body = BUF_INIT(64 * MIB);
	struct loop_test *t = &world.rig.t;
	size_t found = 0;

	http_call_init(&c, client, STR("GET"), STR(""));
	c.url = arena_print(&c.arena, "%s%s", world.rig.url, path);
	http_headers_add(&c.arena, &c.headers, STR("Authorization"), STR("Bearer rigtoken"));
	http_call_start(&c, told_op(&told, t->root, loop_in(t->loop, 10 * SEC)));
	loop_test_run_until(t, &told.done);
	EXPECT_INT(told.err.code, 0);
	EXPECT_INT(c.status, 200);
	for (size_t i = 0; i < pieces && found < marks && !told.err.code; i++) {
		http_call_read(
			&c, told_op(&told, t->root, loop_in(t->loop, 10 * SEC)), &body, PIECE);
		loop_test_run_until(t, &told.done);
		if (!told.n)
			break;
		found = occurrences(buf_str(&body), MARK);
	}
	EXPECT_INT(told.err.code, 0);
	if (marks == SIZE_MAX)
		expect_list(&c.arena, buf_str(&body));
	told_done(&told);
	http_call_done(&c);
	buf_done(&body);
	return found;
}

TEST(large_answers_come_whole_and_leave_nothing_when_given_up)
{
	if (!world_open())
		return;
	size_t before = references();
	struct http_client *clients[] = {world.h1, world.h2};
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		EXPECT_INT(fetch(clients[i], BASE, SIZE_MAX, SIZE_MAX), OBJECTS);
		EXPECT_INT(fetch(clients[i], WATCH, SIZE_MAX, OBJECTS), OBJECTS);
		API_RIG_AWAIT(&world.rig, references() == before);
		for (size_t pieces = 0; pieces < 8; pieces++) {
			test_context("http %zu, %zu pieces", i + 1, pieces);
			EXPECT(fetch(clients[i], BASE, pieces, OBJECTS) < OBJECTS);
			EXPECT(fetch(clients[i], WATCH, pieces, OBJECTS) < OBJECTS);
			API_RIG_AWAIT(&world.rig, references() == before);
		}
	}
	test_context_end();
	world_close();
}

/* What changes while the beginning is still being shown comes behind it. */
TEST(a_watch_that_is_slow_to_begin_misses_nothing)
{
	struct http_call c;
	struct told told = {0};
	struct buf body = BUF_INIT(64 * MIB);
	struct loop_test *t = &world.rig.t;
	const char late[] = "\"name\":\"m-9999\"", end[] = "k8s.io/initial-events-end";
	ssize_t late_at = -1, end_at = -1;

	if (!world_open())
		return;
	http_call_init(&c, world.h2, STR("GET"), STR(""));
	c.url = arena_print(&c.arena, "%s%s&allowWatchBookmarks=true", world.rig.url, WATCH);
	http_headers_add(&c.arena, &c.headers, STR("Authorization"), STR("Bearer rigtoken"));
	http_call_start(&c, told_op(&told, t->root, OP_NO_DEADLINE));
	loop_test_run_until(t, &told.done);
	put(9999);
	while (late_at < 0 && !told.err.code) {
		http_call_read(
			&c, told_op(&told, t->root, loop_in(t->loop, 10 * SEC)), &body, PIECE);
		loop_test_run_until(t, &told.done);
		late_at = str_find(buf_str(&body), str_from(late));
		end_at = str_find(buf_str(&body), str_from(end));
	}
	EXPECT_INT(told.err.code, 0);
	EXPECT(end_at >= 0 && end_at < late_at);
	EXPECT_INT(occurrences(str_sub(buf_str(&body), 0, (size_t)end_at), MARK), OBJECTS);
	told_done(&told);
	http_call_done(&c);
	buf_done(&body);
	world_close();
}
