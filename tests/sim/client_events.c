/* Events on virtual time: counted, combined, held back, and tried again. */
#include "sim_world.h"

#include <kube/events.h>

static const struct event_about about = {.kind = STR_INIT("Pod"),
	.namespace = STR_INIT("a"),
	.name = STR_INIT("web"),
	.uid = STR_INIT("u1"),
	.api_version = STR_INIT("v1")};

static void say(struct event_recorder *r, const char *reason, const char *message)
{
	event_record(r, &about, STR("Warning"), str_from(reason), str_from(message));
}

static void drop(struct world *w, struct event_recorder *r)
{
	struct told told = {0};

	event_recorder_stop(r, told_op(&told, w->root, OP_NO_DEADLINE));
	world_await(w, &told);
	told_done(&told);
	event_recorder_free(r);
}

static struct cJSON *event_of(struct world *w, struct arena *a, size_t index)
{
	struct cJSON *tree = NULL;
	size_t at = 0;

	omap_each (it, &w->api.objects)
		if (at++ == index)
			EXPECT_INT(json_parse(a, str_from(((struct fake_change *)it.value)->text),
					   NULL, &tree, NULL),
				0);
	return tree;
}

TEST(what_repeats_is_counted)
{
	struct world w = {0};
	struct arena a;

	arena_init(&a);
	world_open(&w, 1);
	struct event_recorder *r = event_recorder_new(w.client, w.root, STR("tester"), STR("h"));
	for (int i = 0; i < 5; i++) {
		say(r, "BackOff", "back-off");
		world_pass(&w, SEC);
	}
	EXPECT_INT(w.api.objects.count, 1);
	EXPECT_INT(w.api.patches, 4);
	struct cJSON *e = event_of(&w, &a, 0);
	EXPECT_INT(tree_int(e, "count", 0), 5);
	EXPECT_STR(tree_str(e, "involvedObject.uid"), "u1");
	EXPECT_STR(tree_str(e, "source.component"), "tester");
	EXPECT_STR(tree_str(e, "reportingInstance"), "h");
	EXPECT(!str_eq(tree_str(e, "firstTimestamp"), tree_str(e, "lastTimestamp")));
	/* Gone from the server: written anew. */
	omap_each (it, &w.api.objects) {
		fake_put(&w.api, arena_str(&a, it.key).at, NULL);
		break;
	}
	say(r, "BackOff", "back-off");
	world_pass(&w, SEC);
	EXPECT_INT(w.api.objects.count, 1);
	EXPECT_INT(tree_int(event_of(&w, &a, 0), "count", 0), 6);
	drop(&w, r);
	world_close(&w);
	arena_done(&a);
}

TEST(what_is_alike_is_combined)
{
	struct world w = {0};
	struct arena a;
	int combined = 0;

	arena_init(&a);
	world_open(&w, 1);
	struct event_recorder *r = event_recorder_new(w.client, w.root, STR("tester"), STR(""));
	for (int i = 0; i < 15; i++) {
		say(r, "Failed", arena_print(&a, "failure %d", i).at);
		world_pass(&w, SEC);
	}
	EXPECT_INT(w.api.objects.count, 10);
	for (size_t i = 0; i < 10; i++) {
		struct cJSON *e = event_of(&w, &a, i);

		if (!str_starts(tree_str(e, "message"), STR("(combined from similar events): ")))
			continue;
		combined++;
		EXPECT_STR(tree_str(e, "message"), "(combined from similar events): failure 14");
		EXPECT_INT(tree_int(e, "count", 0), 6);
	}
	EXPECT_INT(combined, 1);
	drop(&w, r);
	world_close(&w);
	arena_done(&a);
}

TEST(who_talks_too_much_is_held_back)
{
	struct world w = {0};
	struct arena a;

	arena_init(&a);
	world_open(&w, 1);
	struct event_recorder *r = event_recorder_new(w.client, w.root, STR("tester"), STR(""));
	for (int i = 0; i < 100; i++)
		say(r, arena_print(&a, "Reason%d", i).at, "x");
	world_pass(&w, SEC);
	EXPECT_INT(w.api.objects.count, 25);
	world_pass(&w, 5 * MINUTE);
	for (int i = 100; i < 110; i++)
		say(r, arena_print(&a, "Reason%d", i).at, "x");
	world_pass(&w, SEC);
	EXPECT_INT(w.api.objects.count, 26);
	drop(&w, r);
	world_close(&w);
	arena_done(&a);
}

static void record(struct world *w)
{
	struct event_recorder *r = event_recorder_new(w->client, w->root, STR("tester"), STR(""));

	for (int i = 0; i < 3; i++) {
		say(r, "A", "x");
		say(r, "B", "x");
		world_pass(w, 3 * MINUTE);
	}
	EXPECT_INT(w->api.objects.count, 2);
	EXPECT_INT(event_recorder_pending(r), 0);
	drop(w, r);
}

TEST(events_come_whatever_await_fails)
{
	world_torture(record);
}

TEST(a_refused_event_is_not_tried_again)
{
	struct world w = {0};

	world_open(&w, 1);
	struct event_recorder *r = event_recorder_new(w.client, w.root, STR("tester"), STR(""));
	w.api.refuse_code = 403;
	w.api.refuse_reason = "Forbidden";
	w.api.refuse_times = 1;
	say(r, "A", "x");
	say(r, "B", "x");
	world_pass(&w, MINUTE);
	EXPECT_INT(w.api.objects.count, 1);
	drop(&w, r);
	world_close(&w);
}
