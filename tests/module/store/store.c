/* The store on a real disk: what is acknowledged stays, in order, across restarts. */
#include <kube/mem.h>
#include <kube/store.h>
#include <kube/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop_test.h"

struct world {
	struct loop_test t;
	char dir[64];
	struct store *store;
	struct bucket *bucket;
	struct store_options options;
};

static void world_open(struct world *w)
{
	struct told told = {0};

	loop_test_init(&w->t, LOOP_TEST_REAL);
	w->options.path = w->dir;
	store_open(w->t.env, told_op(&told, w->t.root, OP_NO_DEADLINE), w->t.root, &w->options,
		&w->store);
	loop_test_run_until(&w->t, &told.done);
	EXPECT_OK(told.err.code, &told.err);
	told_done(&told);
	w->bucket = w->store ? store_bucket(w->store, STR("/registry/configmaps/")) : NULL;
}

static void world_init(struct world *w)
{
	*w = (struct world){0};
	snprintf(w->dir, sizeof(w->dir), "/tmp/kube-store-XXXXXX");
	EXPECT(mkdtemp(w->dir) != NULL);
	world_open(w);
}

static void world_close(struct world *w)
{
	struct told told = {0};

	store_close(w->store, told_op(&told, w->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&w->t, &told.done);
	loop_test_done(&w->t);
	w->store = NULL;
}

static void world_done(struct world *w)
{
	static const char *const files[] = {"state.db", "state.db-wal", "state.db.good", NULL};

	world_close(w);
	for (size_t i = 0; files[i]; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", w->dir, files[i]);
		unlink(path);
	}
	rmdir(w->dir);
}

static struct draft draft(const char *value)
{
	_cleanup_(arena_done) struct arena a;
	struct cJSON *tree = NULL;
	struct draft d;

	arena_init(&a);
	struct str text = arena_print(&a,
		"{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\","
		"\"labels\":{\"l\":\"%s\"}},\"data\":{\"v\":\"%s\"}}",
		value, value);
	json_parse(&a, text, NULL, &tree, NULL);
	draft_from_tree(&d, tree);
	return d;
}

/* One write, to its end. Gives the code; the revision is in *revision. */
static int put(
	struct world *w, const char *key, int64_t expected, const char *value, int64_t *revision)
{
	struct told told = {0};
	struct commit c = {.bucket = w->bucket, .key = str_from(key), .expected = expected};

	c.draft = draft(value ? value : "gone");
	c.delete_ = !value;
	store_commit(w->store, told_op(&told, w->t.root, OP_NO_DEADLINE), &c);
	loop_test_run_until(&w->t, &told.done);
	int code = told.err.code;
	if (!code && revision)
		*revision = c.result->revision;
	object_unref(c.result);
	object_unref(c.found);
	told_done(&told);
	return code;
}

static void no_wake(struct watch *watch)
{
	(void)watch;
}

TEST(writes_that_meet_the_end_are_answered)
{
	/* Alone, or behind a transaction that a worker has in hand. */
	for (int round = 0; round < 20 && !test_failed(); round++) {
		struct world w;
		struct told told[8] = {0}, settled = {0};
		struct commit c[ARRAY_LEN(told)];
		struct settling settling;
		char keys[ARRAY_LEN(told)][8];

		world_init(&w);
		for (size_t i = 0; i < ARRAY_LEN(told); i++) {
			snprintf(keys[i], sizeof(keys[i]), "d/%zu", i);
			c[i] = (struct commit){
				.bucket = w.bucket, .key = str_from(keys[i]), .draft = draft("1")};
			store_commit(w.store, told_op(&told[i], w.t.root, OP_NO_DEADLINE), &c[i]);
			if (i == 0 && round % 2) /* long enough for the worker to begin */
				usleep(300);
		}
		store_settle(w.store, told_op(&settled, w.t.root, OP_NO_DEADLINE), &settling);
		world_done(&w);
		EXPECT(settled.done);
		for (size_t i = 0; i < ARRAY_LEN(told); i++) {
			EXPECT(told[i].done);
			EXPECT_INT(told[i].err.code != 0, !c[i].result);
			object_unref(c[i].result);
			told_done(&told[i]);
		}
		told_done(&settled);
	}
}

TEST(who_settles_hears_when_what_was_on_its_way_is_seen)
{
	struct world w;
	struct told told = {0}, settled = {0}, idle = {0};
	struct commit c;
	struct settling settling, none;

	world_init(&w);
	c = (struct commit){.bucket = w.bucket, .key = STR("d/a"), .draft = draft("1")};
	store_settle(w.store, told_op(&idle, w.t.root, OP_NO_DEADLINE), &none);
	store_commit(w.store, told_op(&told, w.t.root, OP_NO_DEADLINE), &c);
	store_settle(w.store, told_op(&settled, w.t.root, OP_NO_DEADLINE), &settling);
	EXPECT(!store_get(w.bucket, STR("d/a")));
	loop_test_run_until(&w.t, &idle.done);
	EXPECT(!settled.done);
	loop_test_run_until(&w.t, &settled.done);
	EXPECT(told.done && idle.order < told.order);
	EXPECT_INT(settled.err.code, 0);
	EXPECT(store_get(w.bucket, STR("d/a")) != NULL);
	object_unref(c.result);
	told_done(&told);
	told_done(&settled);
	told_done(&idle);
	world_done(&w);
}

TEST(writes_are_compared_with_what_stands_there)
{
	struct world w;
	int64_t first = 0, second = 0;

	world_init(&w);
	EXPECT_INT(put(&w, "d/a", COMMIT_FRESH, "1", &first), 0);
	EXPECT_INT(put(&w, "d/a", COMMIT_FRESH, "2", NULL), ERR_ALREADY_EXISTS);
	EXPECT_INT(put(&w, "d/a", first + 7, "2", NULL), ERR_CONFLICT);
	EXPECT_INT(put(&w, "d/b", 3, "2", NULL), ERR_NOT_FOUND);
	EXPECT_INT(put(&w, "d/a", first, "2", &second), 0);
	EXPECT(second > first);
	EXPECT_INT(store_revision(w.store), second);
	EXPECT_STR(object_scan(store_get(w.bucket, STR("d/a")), "data.v"), "2");
	EXPECT_STR(object_labels(store_get(w.bucket, STR("d/a"))), "{\"l\":\"2\"}");
	world_done(&w);
}

TEST(what_was_written_is_there_after_a_restart_and_so_is_history)
{
	struct world w;
	struct watch watch;
	struct store_change change;
	int64_t first = 0, last = 0;

	world_init(&w);
	put(&w, "d/a", COMMIT_FRESH, "1", &first);
	put(&w, "d/b", COMMIT_FRESH, "1", NULL);
	put(&w, "d/a", COMMIT_ANY, "2", NULL);
	put(&w, "d/b", COMMIT_ANY, NULL, &last);
	world_close(&w);
	world_open(&w);
	EXPECT_INT(store_count(w.bucket), 1);
	EXPECT_INT(store_revision(w.store), last);
	EXPECT_STR(object_scan(store_get(w.bucket, STR("d/a")), "data.v"), "2");
	REQUIRE(watch_init(&watch, w.bucket, first, no_wake, NULL) == 0);
	EXPECT_INT(watch_next(&watch, &change, NULL), 1);
	EXPECT_INT(change.type, CHANGE_ADDED);
	EXPECT_STR(change.key, "d/b");
	EXPECT_INT(watch_next(&watch, &change, NULL), 1);
	EXPECT_INT(change.type, CHANGE_MODIFIED);
	EXPECT_STR(object_scan(change.old, "data.v"), "1");
	EXPECT_INT(watch_next(&watch, &change, NULL), 1);
	EXPECT_INT(change.type, CHANGE_DELETED);
	EXPECT_INT(change.object->revision, last);
	EXPECT_INT(watch_next(&watch, &change, NULL), 0);
	watch_done(&watch);
	world_done(&w);
}

TEST(what_is_written_lazily_begins_anew_with_the_opening)
{
	struct world w;
	struct watch watch;
	struct store_found found;
	int64_t first = 0, last = 0;

	world_init(&w);
	put(&w, "d/a", COMMIT_FRESH, "1", &first);
	put(&w, "d/a", COMMIT_ANY, "2", &last);
	world_close(&w);
	world_open(&w);
	store_bucket_set_lazy(w.bucket);
	EXPECT_INT(watch_init(&watch, w.bucket, first, no_wake, NULL), ERR_EXPIRED);
	EXPECT_INT(
		store_list_at(w.bucket, first, STR("d/"), STR(""), 0, &found, NULL), ERR_EXPIRED);
	REQUIRE(watch_init(&watch, w.bucket, last, no_wake, NULL) == 0);
	watch_done(&watch);
	world_done(&w);
}

TEST(the_past_can_be_listed_until_it_is_compacted)
{
	struct world w;
	struct store_found found;
	int64_t then = 0;

	world_init(&w);
	put(&w, "d/a", COMMIT_FRESH, "1", NULL);
	put(&w, "d/c", COMMIT_FRESH, "1", &then);
	put(&w, "d/a", COMMIT_ANY, "2", NULL);
	put(&w, "d/b", COMMIT_FRESH, "1", NULL);
	put(&w, "d/c", COMMIT_ANY, NULL, NULL);
	REQUIRE(store_list_at(w.bucket, then, STR("d/"), STR(""), 0, &found, NULL) == 0);
	REQUIRE(found.count == 2);
	EXPECT_STR(found.keys[0], "d/a");
	EXPECT_STR(object_scan(found.items[0], "data.v"), "1");
	EXPECT_STR(found.keys[1], "d/c");
	store_found_done(&found);
	REQUIRE(store_list_at(w.bucket, then, STR("d/"), STR(""), 1, &found, NULL) == 0);
	EXPECT_INT(found.count, 1);
	EXPECT_INT(found.more, 1);
	store_found_done(&found);
	store_compact(w.store, store_revision(w.store));
	EXPECT_INT(store_list_at(w.bucket, then, STR("d/"), STR(""), 0, &found, NULL), ERR_EXPIRED);
	world_done(&w);
}

TEST(what_a_revision_wrote_is_found_as_long_as_history_has_it)
{
	struct world w;
	int64_t first = 0, second = 0, gone = 0;

	world_init(&w);
	put(&w, "d/a", COMMIT_FRESH, "1", &first);
	put(&w, "d/a", COMMIT_ANY, "2", &second);
	put(&w, "d/a", COMMIT_ANY, NULL, &gone);
	REQUIRE(store_written(w.bucket, STR("d/a"), first));
	EXPECT_STR(object_scan(store_written(w.bucket, STR("d/a"), first), "data.v"), "1");
	EXPECT_STR(object_scan(store_written(w.bucket, STR("d/a"), second), "data.v"), "2");
	REQUIRE(store_written(w.bucket, STR("d/a"), gone));
	EXPECT_INT(store_written(w.bucket, STR("d/a"), gone)->revision, gone);
	EXPECT(!store_written(w.bucket, STR("d/b"), second));
	EXPECT(!store_written(w.bucket, STR("d/a"), gone + 1));
	store_compact(w.store, second);
	EXPECT(!store_written(w.bucket, STR("d/a"), first));
	EXPECT(store_written(w.bucket, STR("d/a"), gone));
	world_done(&w);
}

struct writer {
	struct told told;
	struct commit commit;
	char key[16];
};

TEST(many_writers_share_transactions)
{
	struct world w;
	struct store_stats stats;
	struct writer *writers = mem_new(500 * sizeof(*writers));

	world_init(&w);
	for (int i = 0; i < 500; i++) {
		snprintf(writers[i].key, sizeof(writers[i].key), "d/%03d", i);
		writers[i].commit = (struct commit){.bucket = w.bucket,
			.key = str_from(writers[i].key),
			.expected = COMMIT_FRESH,
			.draft = draft("x")};
		store_commit(w.store, told_op(&writers[i].told, w.t.root, OP_NO_DEADLINE),
			&writers[i].commit);
	}
	for (int i = 0; i < 500; i++) {
		loop_test_run_until(&w.t, &writers[i].told.done);
		EXPECT_INT(writers[i].told.err.code, 0);
		EXPECT(i == 0 || writers[i].commit.result->revision >
					 writers[i - 1].commit.result->revision);
	}
	for (int i = 0; i < 500; i++)
		object_unref(writers[i].commit.result);
	store_stats(w.store, &stats);
	EXPECT_INT(stats.objects, 500);
	EXPECT(stats.transactions < 50);
	mem_free(writers);
	world_done(&w);
}

TEST(objects_expire_by_themselves)
{
	struct world w;
	struct told told = {0}, wait = {0};
	struct commit c;

	world_init(&w);
	c = (struct commit){.bucket = w.bucket,
		.key = STR("d/e"),
		.expected = COMMIT_FRESH,
		.draft = draft("x"),
		.expires = env_wall(w.t.env) + 50 * MSEC};
	store_commit(w.store, told_op(&told, w.t.root, OP_NO_DEADLINE), &c);
	loop_test_run_until(&w.t, &told.done);
	object_unref(c.result);
	EXPECT_INT(store_count(w.bucket), 1);
	timer_wait(told_op(&wait, w.t.root, OP_NO_DEADLINE), loop_now(w.t.loop) + 2 * SEC);
	loop_test_run_until(&w.t, &wait.done);
	EXPECT_INT(store_count(w.bucket), 0);
	world_done(&w);
}
