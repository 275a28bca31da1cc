/*
 * Plans on virtual time: a controller that wants two config maps for each one that is labelled,
 * and a note in the labelled one of how many there are.
 */
#include "sim_world.h"

#include <kube/api_codec.h>
#include <kube/plan.h>

#include <stdio.h>

struct toy {
	struct world *world;
	struct informer *maps;
	struct informer_handler handler;
	struct controller *controller;
	struct event_recorder *recorder;
	int reconciles;
};

static const struct resource *maps(void)
{
	return resource_find(STR(""), STR("v1"), STR("configmaps"));
}

static void make_child(struct toy *toy, struct plan *p, const struct cJSON *owner, char letter)
{
	struct arena *a = p->arena;
	struct str name = arena_print(a, "%.*s-%c", STRF(tree_str(owner, "metadata.name")), letter);

	if (informer_get(toy->maps, tree_str(owner, "metadata.namespace"), name))
		return;
	struct cJSON *child = json_new(a, JSON_OBJECT);
	struct cJSON *refs = json_new(a, JSON_ARRAY), *ref = json_new(a, JSON_OBJECT);
	tree_set_str(a, child, "metadata.name", name);
	tree_set_str(a, child, "metadata.namespace", tree_str(owner, "metadata.namespace"));
	tree_set_str(a, ref, "uid", tree_str(owner, "metadata.uid"));
	json_append(refs, ref);
	tree_set(a, child, "metadata.ownerReferences", refs);
	plan_create(p, maps(), child);
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct toy *toy = ctx;
	struct object *o = informer_get_key(toy->maps, key);
	int64_t count = 0;

	(void)now;
	toy->reconciles++;
	if (!o)
		return;
	struct cJSON *owner = object_tree(p->arena, o);
	if (!tree_has(owner, "metadata.labels"))
		return;
	make_child(toy, p, owner, 'a');
	make_child(toy, p, owner, 'b');
	informer_each(it, informer_by(toy->maps, "owner", tree_str(owner, "metadata.uid")))
	{
		count++;
		if (!str_ends(client_object_name(it.object), STR("-extra")))
			continue;
		plan_delete(p, maps(), client_object_namespace(it.object),
			client_object_name(it.object), object_scan(it.object, "metadata.uid"),
			NULL);
	}
	if (tree_int(owner, "data.count", -1) != count) {
		tree_set_int(p->arena, owner, "data.count", count);
		plan_update(p, maps(), owner);
		plan_event(p, owner, "Normal", "Counted", STR("counted"));
	}
}

static void changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct toy *toy = h->ctx;
	struct object *o = fresh ? fresh : old;
	struct arena a;

	(void)initial;
	arena_init(&a);
	controller_enqueue(toy->controller, client_object_key(&a, o));
	struct str owner = tree_str(
		json_at(json_path(object_tree(&a, o), "metadata.ownerReferences"), 0), "uid");
	informer_each(it,
		informer_all(toy->maps)) if (owner.len &&
					     str_eq(object_scan(it.object, "metadata.uid"), owner))
		controller_enqueue(toy->controller, client_object_key(&a, it.object));
	arena_done(&a);
}

static void toy_open_with(struct toy *toy, struct world *w, reconcile_fn *decide)
{
	const struct informer_index index = index_by_owner();

	*toy = (struct toy){.world = w};
	toy->maps = informer_new(w->root, &(struct informer_options){.client = w->client,
						  .resource = maps(),
						  .indexes = &index,
						  .index_count = 1});
	toy->recorder = event_recorder_new(w->client, w->root, STR("toy"), STR(""));
	struct controller_options options = {.name = "toy",
		.client = w->client,
		.recorder = toy->recorder,
		.reconcile = decide,
		.ctx = toy,
		.informers = &toy->maps,
		.informer_count = 1,
		.workers = 2};
	toy->controller = controller_new(w->root, &options);
	toy->handler = (struct informer_handler){.changed = changed, .ctx = toy};
	informer_add_handler(toy->maps, &toy->handler);
}

static void toy_open(struct toy *toy, struct world *w)
{
	toy_open_with(toy, w, reconcile);
}

static void toy_close(struct toy *toy)
{
	struct told told[3] = {0};
	struct world *w = toy->world;

	controller_stop(toy->controller, told_op(&told[0], w->root, OP_NO_DEADLINE));
	world_await(w, &told[0]);
	event_recorder_stop(toy->recorder, told_op(&told[1], w->root, OP_NO_DEADLINE));
	world_await(w, &told[1]);
	informer_stop(toy->maps, told_op(&told[2], w->root, OP_NO_DEADLINE));
	world_await(w, &told[2]);
	for (int i = 0; i < 3; i++)
		told_done(&told[i]);
	controller_free(toy->controller);
	event_recorder_free(toy->recorder);
	informer_free(toy->maps);
}

static size_t count_of(struct world *w, const char *prefix)
{
	size_t count = 0;

	omap_each (it, &w->api.objects)
		count += str_starts(it.key, str_from(prefix));
	return count;
}

#define OWNER "{\"metadata\":{\"labels\":{\"v\":\"1\"}}}"

static void expect_good(struct world *w, const char *name)
{
	char key[64];

	snprintf(key, sizeof(key), "configmaps/a/%s", name);
	EXPECT(str_find(world_text(w, key), STR("\"count\":2")) >= 0);
	snprintf(key, sizeof(key), "configmaps/a/%s-", name);
	EXPECT_INT(count_of(w, key), 2);
}

TEST(a_plan_is_written_once_and_seen_before_the_next)
{
	struct world w = {0};
	struct toy toy;
	struct controller_stats stats;

	world_open(&w, 1);
	for (int i = 0; i < 20; i++) {
		char key[64];

		snprintf(key, sizeof(key), "configmaps/a/m%02d", i);
		fake_put(&w.api, key, OWNER);
	}
	toy_open(&toy, &w);
	world_pass(&w, MINUTE);
	expect_good(&w, "m00");
	expect_good(&w, "m19");
	controller_stats(toy.controller, &stats);
	/* Two creations and one update or two each: nothing was written twice, nothing refused. */
	EXPECT_INT(stats.conflicts, 0);
	EXPECT_INT(stats.failures, 0);
	EXPECT(stats.writes <= 20 * 5);
	EXPECT(count_of(&w, "events/a/") > 0);
	/* What is taken away comes again; what is too much goes. */
	fake_put(&w.api, "configmaps/a/m03-b", NULL);
	struct arena a;
	arena_init(&a);
	struct str uid = world_field(&w, &a, "configmaps/a/m04", "metadata.uid");
	fake_put(&w.api, "configmaps/a/m04-extra",
		arena_print(
			&a, "{\"metadata\":{\"ownerReferences\":[{\"uid\":\"%.*s\"}]}}", STRF(uid))
			.at);
	arena_done(&a);
	world_pass(&w, MINUTE);
	expect_good(&w, "m03");
	expect_good(&w, "m04");
	int before = toy.reconciles;
	world_pass(&w, HOUR);
	EXPECT_INT(toy.reconciles, before); /* nothing happens, nothing is done */
	toy_close(&toy);
	world_close(&w);
}

TEST(refused_writes_come_again_later_each_time)
{
	struct world w = {0};
	struct toy toy;
	struct controller_stats stats;

	world_open(&w, 1);
	toy_open(&toy, &w);
	world_pass(&w, SEC);
	w.api.refuse_code = 500;
	w.api.refuse_reason = "InternalError";
	w.api.refuse_times = 8;
	fake_put(&w.api, "configmaps/a/m", OWNER);
	world_pass(&w, 300 * MSEC);
	controller_stats(toy.controller, &stats);
	EXPECT(stats.failures >= 4 && stats.failures <= 8);
	world_pass(&w, MINUTE);
	expect_good(&w, "m");
	toy_close(&toy);
	world_close(&w);
}

/* One that is there, and one that somebody else has taken away. */
static void drop(void *ctx, struct str key, int64_t now, struct plan *p)
{
	static const char *const names[] = {"old", "nobody"};
	struct toy *toy = ctx;
	struct object *o = informer_get_key(toy->maps, key);

	(void)now;
	if (!o || !str_eq_text(key, "a/m") || toy->reconciles++)
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		plan_delete(p, maps(), STR("a"), str_from(names[i]), STR(""), NULL);
		plan_event_naming(
			p, object_tree(p->arena, o), "Normal", names[i], STR("Dropped: "));
	}
}

TEST(what_was_gone_already_is_not_told_as_done)
{
	struct world w = {0};
	struct toy toy;
	bool old = false;

	world_open(&w, 1);
	fake_put(&w.api, "configmaps/a/old", "{}");
	fake_put(&w.api, "configmaps/a/m", OWNER);
	toy_open_with(&toy, &w, drop);
	world_pass(&w, MINUTE);
	EXPECT_INT(count_of(&w, "events/a/"), 1);
	omap_each (it, &w.api.objects) {
		const struct fake_change *c = it.value;

		if (str_starts(it.key, STR("events/a/")))
			old = str_find(str_from(c->text), STR("Dropped: old")) >= 0;
	}
	EXPECT(old);
	toy_close(&toy);
	world_close(&w);
}

/* ---- decisions are seen by the next one ---- */

/* From here on the caches hear nothing. */
static void hold_first(struct toy *toy)
{
	if (!toy->reconciles++)
		fake_hold_watches(&toy->world->api, true);
}

/* One child, by its name. */
static void want_child(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct toy *toy = ctx;
	struct object *o = informer_get_key(toy->maps, key);

	(void)now;
	if (!o || !str_eq_text(key, "a/m"))
		return;
	hold_first(toy);
	make_child(toy, p, object_tree(p->arena, o), 'a');
}

static void expect_decided(struct toy *toy, int times)
{
	struct controller_stats stats;

	/* Whoever asks meanwhile waits, too. */
	controller_enqueue(toy->controller, STR("a/m"));
	world_pass(toy->world, SEC);
	EXPECT_INT(toy->reconciles, times);
	controller_stats(toy->controller, &stats);
	EXPECT_INT(stats.conflicts, 0);
}

TEST(what_was_written_is_waited_for_on_a_watch_that_is_slow)
{
	struct world w = {0};
	struct toy toy;

	world_open(&w, 1);
	fake_put(&w.api, "configmaps/a/x", "{}");
	toy_open_with(&toy, &w, want_child);
	world_pass(&w, SEC);
	fake_put(&w.api, "configmaps/a/m", OWNER);
	world_pass(&w, 5 * SEC);
	expect_decided(&toy, 1);
	fake_hold_watches(&w.api, false);
	expect_decided(&toy, 2);
	EXPECT_INT(w.api.writes, 1);
	toy_close(&toy);
	world_close(&w);
}

TEST(a_watch_that_has_fallen_silent_is_opened_anew)
{
	struct world w = {0};
	struct toy toy;

	world_open(&w, 1);
	toy_open_with(&toy, &w, want_child);
	world_pass(&w, SEC);
	fake_put(&w.api, "configmaps/a/m", OWNER);
	world_pass(&w, 8 * SEC);
	expect_decided(&toy, 1);
	world_pass(&w, 10 * SEC);
	EXPECT(toy.reconciles > 1);
	EXPECT(informer_get(toy.maps, STR("a"), STR("m-a")));
	EXPECT_INT(w.api.writes, 1);
	toy_close(&toy);
	world_close(&w);
}

TEST(what_may_have_been_written_is_seen_before_the_next)
{
	struct world w = {0};
	struct toy toy;

	world_open(&w, 1);
	toy_open_with(&toy, &w, want_child);
	world_pass(&w, SEC);
	w.api.lost_answers = 1;
	fake_put(&w.api, "configmaps/a/m", OWNER);
	world_pass(&w, 5 * SEC);
	EXPECT_INT(w.api.lost_answers, 0);
	expect_decided(&toy, 1);
	fake_hold_watches(&w.api, false);
	world_pass(&w, SEC);
	EXPECT(toy.reconciles > 1);
	EXPECT_INT(w.api.writes, 1);
	EXPECT(informer_get(toy.maps, STR("a"), STR("m-a")));
	toy_close(&toy);
	world_close(&w);
}

/* Takes away what holds an object that is being deleted. */
static void let_go(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct toy *toy = ctx;
	struct object *o = informer_get_key(toy->maps, key);

	(void)now;
	hold_first(toy);
	if (!o)
		return;
	struct cJSON *patch = json_new(p->arena, JSON_OBJECT);
	tree_set(p->arena, patch, "metadata.finalizers", json_new(p->arena, JSON_NULL));
	plan_patch(p, maps(), STR("a"), STR("m"), patch);
}

TEST(what_a_write_has_let_go_is_gone_before_the_next)
{
	struct world w = {0};
	struct toy toy;
	struct controller_stats stats;

	world_open(&w, 1);
	toy_open_with(&toy, &w, let_go);
	world_pass(&w, SEC);
	fake_put(&w.api, "configmaps/a/m",
		"{\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"finalizers\":["
		"\"test/f\"]}}");
	world_pass(&w, 5 * SEC);
	EXPECT(!fake_find(&w.api, STR("configmaps/a/m")));
	expect_decided(&toy, 1);
	fake_hold_watches(&w.api, false);
	expect_decided(&toy, 2);
	EXPECT_INT(w.api.writes, 1);
	controller_stats(toy.controller, &stats);
	EXPECT_INT(stats.failures, 0);
	toy_close(&toy);
	world_close(&w);
}

static void drive(struct world *w)
{
	struct toy toy;

	fake_put(&w->api, "configmaps/a/m", OWNER);
	toy_open(&toy, w);
	world_pass(w, MINUTE);
	expect_good(w, "m");
	fake_put(&w->api, "configmaps/a/m-a", NULL);
	fake_break_watches(&w->api);
	world_pass(w, 2 * MINUTE);
	expect_good(w, "m");
	toy_close(&toy);
}

TEST(the_plan_gets_done_whatever_await_fails)
{
	world_torture(drive);
}
