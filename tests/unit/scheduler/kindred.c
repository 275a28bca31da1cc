#include "world.h"

#include <kube/random.h>

#include <stdio.h>

#define NODES  4
#define LABELS 200 /* more than there are columns */
#define MOVES  4000

static struct pod *make_pod(struct arena *a, int number, int app, bool terminating)
{
	char text[256];
	struct cJSON *tree = NULL;

	snprintf(text, sizeof(text),
		"{\"metadata\":{\"namespace\":\"%s\",\"uid\":\"u%d\",\"labels\":{\"app\":\"a%d\"}%"
		"s},"
		"\"spec\":{}}",
		number % 3 ? "one" : "two", number, app,
		terminating ? ",\"deletionTimestamp\":\"x\"" : "");
	json_parse(a, str_from(text), NULL, &tree, NULL);
	return pod_facts_from_tree(tree);
}

static void expect_counts(struct cluster *c, struct arena *a, int app)
{
	char text[32];
	struct selector s;

	snprintf(text, sizeof(text), "app=a%d", app);
	label_selector_parse(a, str_from(text), &s, NULL);
	size_t column = kindred_ask(c, a, STR("one"), &s);
	omap_each (it, &c->by_name) {
		const struct node *n = it.value;
		int64_t count = 0;

		for (size_t i = 0; i < n->pods.count; i++)
			count += kindred_alike(n->pods.items[i], STR("one"), &s);
		EXPECT_INT(n->kindred ? n->kindred[column] : 0, count);
	}
}

TEST(columns_hold_what_counting_would_give)
{
	static const char nodes[] = "nodes:\n- {name: n0}\n- {name: n1}\n- {name: n2}\npod: {}";
	struct world w;
	struct rng rng = {0};

	world_init(&w, nodes);
	rng_init(&rng, 1);
	for (int i = 0; i < MOVES && !test_failed(); i++) {
		/* The fourth node is not known but by its pods. */
		char node[8], uid[16];
		int number = (int)rng_below(&rng, 500), app = (int)rng_below(&rng, LABELS);

		snprintf(node, sizeof(node), "n%d", (int)rng_below(&rng, NODES));
		snprintf(uid, sizeof(uid), "u%d", number);
		if (rng_below(&rng, 3) == 0) {
			cluster_displace(&w.cluster, str_from(uid));
		} else {
			struct pod *p =
				make_pod(&w.cycle_arena, number, app, rng_below(&rng, 4) == 0);

			cluster_place(&w.cluster, p, str_from(node), false);
			pod_facts_unref(p);
		}
		expect_counts(&w.cluster, &w.cycle_arena, (int)rng_below(&rng, LABELS));
		arena_reset(&w.cycle_arena);
	}
	world_done(&w);
}

static struct object *make_object(const char *kind, const char *selector)
{
	char text[256];

	snprintf(text, sizeof(text),
		"{\"kind\":\"%s\",\"metadata\":{\"name\":\"x\",\"namespace\":\"ns\"},\"spec\":{"
		"\"selector\":%s}}",
		kind, selector);
	return object_from_text(str_from(text), 1);
}

static void shelve(struct world *w, enum shelf shelf, const char *kind, const char *selector)
{
	struct object *o = selector ? make_object(kind, selector) : NULL;

	cluster_shelve(&w->cluster, shelf, STR("ns/x"), o);
	object_unref(o);
}

static struct str selected(struct world *w)
{
	struct selector s = kindred_selector(&w->cluster, &w->arena, w->pod);

	return label_selector_print(&w->arena, &s);
}

TEST(services_and_controllers_say_who_belongs_together)
{
	struct world w;

	world_init(&w, "pod: {labels: {a: b, c: d}, meta: {ownerReferences: [{kind: ReplicaSet, "
		       "name: x, controller: true}]}}");
	EXPECT_STR(selected(&w), "");
	shelve(&w, SHELF_SERVICES, "Service", "{\"a\":\"b\"}");
	EXPECT_STR(selected(&w), "a=b");
	shelve(&w, SHELF_REPLICA_SETS, "ReplicaSet", "{\"matchLabels\":{\"c\":\"d\"}}");
	EXPECT_STR(selected(&w), "a=b,c=d");
	shelve(&w, SHELF_SERVICES, "Service", "{\"a\":\"other\"}");
	EXPECT_STR(selected(&w), "c=d");
	shelve(&w, SHELF_REPLICA_SETS, "ReplicaSet", NULL);
	EXPECT_STR(selected(&w), "");
	world_done(&w);
}
