#include "scheduler/queue.h"

#include "world.h"

#include <kube/time.h>

struct bench {
	struct world w;
	struct queue q;
};

/* Pods are made of the world's; their uids are uid-pod-0, uid-pod-1, … in the order of making. */
static void open_bench(struct bench *b)
{
	world_init(&b->w, "pod: {}");
	queue_init(&b->q, &(struct queue_options){0});
}

static void close_bench(struct bench *b)
{
	queue_done(&b->q);
	world_done(&b->w);
}

static void add(struct bench *b, const char *yaml, int64_t now)
{
	struct cJSON *tree = NULL;

	yaml_read(&b->w.arena, str_from(yaml), NULL, &tree, NULL);
	struct pod *p = world_pod(&b->w, tree);
	queue_set(&b->q, &b->w.cluster, &b->w.profile, p, now);
	pod_facts_unref(p);
}

static struct str take(struct bench *b, int64_t now)
{
	struct queued *e = queue_take(&b->q, now);

	return e ? e->pod->name : STR("");
}

static uint32_t bit_of(const struct bench *b, const struct plugin *plugin)
{
	for (uint32_t i = 0; i < b->w.profile.count; i++)
		if (b->w.profile.plugins[i].plugin == plugin)
			return 1u << i;
	return 0;
}

static void reject(struct bench *b, const char *uid, const struct plugin *by, int64_t now)
{
	queue_rejected(&b->q, queue_find(&b->q, str_from(uid)), bit_of(b, by), false, now);
}

TEST(the_important_go_first_then_those_who_came_first)
{
	struct bench b;

	open_bench(&b);
	add(&b, "{name: a}", 1);
	add(&b, "{name: b, priority: 5}", 2);
	add(&b, "{name: c, priority: 5}", 3);
	EXPECT_STR(take(&b, 4), "b");
	EXPECT_STR(take(&b, 4), "c");
	EXPECT_STR(take(&b, 4), "a");
	EXPECT_STR(take(&b, 4), "");
	close_bench(&b);
}

TEST(who_found_nothing_waits_for_what_may_help)
{
	struct bench b;
	struct happening add_small = {.kind = HAPPENED_NODE_ADD}, add_large = add_small;
	struct happening labels = {.kind = HAPPENED_NODE_LABELS};
	struct world nodes;

	world_init(&nodes, "nodes:\n- {name: small, cpu: 1}\n- {name: large}\npod: {}");
	add_small.node = cluster_node(&nodes.cluster, STR("small"))->facts;
	labels.node = add_large.node = cluster_node(&nodes.cluster, STR("large"))->facts;
	open_bench(&b);
	add(&b, "{name: a, cpu: 2}", 1);
	EXPECT_STR(take(&b, 2), "a");
	reject(&b, "uid-pod-1", &plugin_node_resources_fit, 3);
	EXPECT_STR(take(&b, 4), "");
	queue_happened(&b.q, &b.w.cluster, &add_small, 5);
	queue_happened(&b.q, &b.w.cluster, &labels, 5);
	EXPECT_STR(take(&b, 5), "");
	queue_happened(&b.q, &b.w.cluster, &add_large, 6);
	/* In its backoff, but nobody else is there. */
	EXPECT_INT(queue_find(&b.q, STR("uid-pod-1"))->place, QUEUE_BACKOFF);
	EXPECT_STR(take(&b, 6), "a");
	close_bench(&b);
	world_done(&nodes);
}

TEST(backoffs_double_up_to_ten_seconds)
{
	static const int64_t waits[] = {1, 2, 4, 8, 10, 10};
	struct bench b;
	int64_t now = 1;

	open_bench(&b);
	add(&b, "{name: a}", now);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		EXPECT_STR(take(&b, now), "a");
		queue_failed(&b.q, queue_find(&b.q, STR("uid-pod-1")), now);
		/* After an error nobody is tried early. */
		EXPECT_STR(take(&b, now + waits[i] * SEC - 1), "");
		EXPECT_INT(queue_next(&b.q), now + waits[i] * SEC);
		now += waits[i] * SEC;
	}
	close_bench(&b);
}

TEST(nobody_waits_longer_than_five_minutes)
{
	struct bench b;

	open_bench(&b);
	add(&b, "{name: a}", 1);
	EXPECT_STR(take(&b, 2), "a");
	reject(&b, "uid-pod-1", &plugin_node_affinity, 2);
	queue_flush(&b.q, 5 * MINUTE);
	EXPECT_STR(take(&b, 5 * MINUTE), "");
	queue_flush(&b.q, 5 * MINUTE + 29 * SEC);
	EXPECT_STR(take(&b, 5 * MINUTE + 29 * SEC), "");
	queue_flush(&b.q, 5 * MINUTE + 30 * SEC);
	EXPECT_STR(take(&b, 5 * MINUTE + 30 * SEC), "a");
	close_bench(&b);
}

TEST(who_has_gates_is_not_tried)
{
	struct bench b;

	open_bench(&b);
	add(&b, "{name: a, spec: {schedulingGates: [{name: g}]}}", 1);
	EXPECT_STR(take(&b, 2), "");
	EXPECT_INT(b.q.gated, 1);
	b.w.pods = 1; /* the same pod again */
	add(&b, "{name: a}", 3);
	EXPECT_STR(take(&b, 4), "a");
	EXPECT_INT(b.q.gated, 0);
	queue_remove(&b.q, STR("uid-pod-1"));
	EXPECT_STR(take(&b, MINUTE), "");
	close_bench(&b);
}

TEST(who_preempts_waits_for_its_victims)
{
	struct bench b;
	struct happening gone = {.kind = HAPPENED_POD_DELETE};
	struct queued *e;

	open_bench(&b);
	add(&b, "{name: a, cpu: 2}", 1);
	EXPECT_STR(take(&b, 2), "a");
	e = queue_find(&b.q, STR("uid-pod-1"));
	reject(&b, "uid-pod-1", &plugin_node_resources_fit, 3);
	e->preempting = true;
	gone.old_pod = e->pod;
	queue_happened(&b.q, &b.w.cluster, &gone, 4);
	EXPECT_INT(e->place, QUEUE_WAITING);
	queue_preempted(&b.q, e, false, 5);
	EXPECT_STR(take(&b, 2 * SEC), "a");
	close_bench(&b);
}
