/*
 * A cluster written down in a few lines of YAML, and one pod to decide about:
 *
 *	nodes:
 *	- {name: a, cpu: 2, labels: {zone: x}}
 *	pods:
 *	- {name: p, at: a, cpu: 1, priority: 5, labels: {app: web}}
 *	- {name: q, nominated: a, …}
 *	claims: [{name: c, spec: {…}}]   also volumes, classes, drivers (CSINodes)
 *	pod: {cpu: 2, spec: {tolerations: […]}}
 *
 * Nodes have 4 CPUs, 8Gi, room for 110 pods unless told otherwise; `spec`, `status` and `meta` are
 * parts of the object itself.
 */
#ifndef TEST_SCHEDULER_WORLD_H
#define TEST_SCHEDULER_WORLD_H

#include "scheduler/plugins.h"
#include "test.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/yaml.h>

struct world {
	struct arena arena, cycle_arena;
	struct cluster cluster;
	struct profile profile;
	struct pod *pod;
	struct cycle cycle;
	struct decision decision;
	int pods;
};

/* Under what name of its own a test's key stands in the object. */
static inline void world_take(struct arena *a, struct cJSON *to, const char *path,
	const struct cJSON *from, const char *key)
{
	const struct cJSON *value = json_get(from, str_from(key));

	if (value)
		tree_set(a, to, path, json_copy(a, value));
}

static inline struct str world_text(struct arena *a, const struct cJSON *n)
{
	return json_is(n, JSON_NUMBER) ? json_number_text(a, n) : json_str(n);
}

static inline void world_quantity(struct arena *a, struct cJSON *to, const char *path,
	const struct cJSON *from, const char *key, const char *fallback)
{
	const struct cJSON *value = json_get(from, str_from(key));

	if (value || fallback)
		tree_set_str(a, to, path, value ? world_text(a, value) : str_from(fallback));
}

static inline struct node_facts *world_node(struct arena *a, const struct cJSON *from)
{
	struct cJSON *n = json_new(a, JSON_OBJECT);

	world_take(a, n, "spec", from, "spec");
	world_take(a, n, "status", from, "status");
	world_take(a, n, "metadata.name", from, "name");
	world_take(a, n, "metadata.labels", from, "labels");
	world_take(a, n, "spec.taints", from, "taints");
	world_take(a, n, "spec.unschedulable", from, "unschedulable");
	world_take(a, n, "status.allocatable", from, "more");
	world_take(a, n, "status.images", from, "images");
	world_quantity(a, n, "status.allocatable.cpu", from, "cpu", "4");
	world_quantity(a, n, "status.allocatable.memory", from, "memory", "8Gi");
	world_quantity(a, n, "status.allocatable.pods", from, "room", "110");
	return node_facts_from_tree(n);
}

static inline struct pod *world_pod(struct world *w, const struct cJSON *from)
{
	struct arena *a = &w->arena;
	struct cJSON *p = json_new(a, JSON_OBJECT), *c = json_new(a, JSON_OBJECT);
	struct cJSON *containers = json_new(a, JSON_ARRAY);
	struct str fallback = arena_print(a, "pod-%d", w->pods++);
	struct str name = tree_str(from, "name");

	world_take(a, p, "metadata", from, "meta");
	tree_set_str(a, p, "metadata.namespace", STR("ns"));
	world_take(a, p, "metadata.namespace", from, "namespace");
	tree_set_str(a, p, "metadata.name", name.len ? name : fallback);
	tree_set_str(a, p, "metadata.uid", arena_print(a, "uid-%.*s", STRF(fallback)));
	world_take(a, p, "metadata.labels", from, "labels");
	tree_set_str(a, c, "name", STR("c"));
	tree_set_str(a, c, "image", STR("img:1"));
	world_take(a, c, "image", from, "image");
	world_take(a, c, "ports", from, "ports");
	world_take(a, c, "resources.requests", from, "more");
	world_quantity(a, c, "resources.requests.cpu", from, "cpu", NULL);
	world_quantity(a, c, "resources.requests.memory", from, "memory", NULL);
	json_append(containers, c);
	tree_set(a, p, "spec.containers", containers);
	json_each (part, json_get(from, STR("spec")))
		json_set(a, json_get(p, STR("spec")), json_key(part), json_copy(a, part));
	world_take(a, p, "spec.nodeName", from, "at");
	world_take(a, p, "spec.priority", from, "priority");
	world_take(a, p, "status", from, "status");
	world_take(a, p, "status.nominatedNodeName", from, "nominated");
	return pod_facts_from_tree(p);
}

/* Objects of the API as they are, but for their names. */
static inline void world_shelve(
	struct world *w, enum shelf shelf, const struct cJSON *list, bool namespaced)
{
	json_each (from, list) {
		struct cJSON *tree = json_copy(&w->arena, from);
		struct buf text = BUF_INIT(MIB);
		struct str name = tree_str(from, "name");

		tree_set_str(&w->arena, tree, "metadata.name", name);
		if (namespaced)
			tree_set_str(&w->arena, tree, "metadata.namespace", STR("ns"));
		json_print(&text, tree, JSON_COMPACT);
		struct object *o = object_from_text(buf_str(&text), 1);
		cluster_shelve(&w->cluster, shelf,
			namespaced ? arena_print(&w->arena, "ns/%.*s", STRF(name)) : name, o);
		object_unref(o);
		buf_done(&text);
	}
}

static inline bool world_init(struct world *w, const char *yaml)
{
	struct cJSON *tree;
	struct err err = {0};

	*w = (struct world){0};
	arena_init(&w->arena);
	arena_init(&w->cycle_arena);
	cluster_init(&w->cluster, 7);
	profile_init(&w->profile, STR("default-scheduler"));
	if (!EXPECT_OK(yaml_read(&w->arena, str_from(yaml), NULL, &tree, &err), &err)) {
		err_done(&err);
		return false;
	}
	json_each (n, json_get(tree, STR("nodes")))
		cluster_set_node(&w->cluster, world_node(&w->arena, n));
	world_shelve(w, SHELF_CLAIMS, json_get(tree, STR("claims")), true);
	world_shelve(w, SHELF_VOLUMES, json_get(tree, STR("volumes")), false);
	world_shelve(w, SHELF_CLASSES, json_get(tree, STR("classes")), false);
	world_shelve(w, SHELF_CSI_NODES, json_get(tree, STR("drivers")), false);
	json_each (from, json_get(tree, STR("pods"))) {
		struct pod *p = world_pod(w, from);

		if (p->node_name.len)
			cluster_place(&w->cluster, p, p->node_name, false);
		else if (p->nominated.len)
			cluster_nominate(&w->cluster, p, p->nominated);
		pod_facts_unref(p);
	}
	w->pod = world_pod(w, json_get(tree, STR("pod")));
	return true;
}

static inline void world_decide(struct world *w)
{
	arena_reset(&w->cycle_arena);
	w->cycle = (struct cycle){.cluster = &w->cluster,
		.profile = &w->profile,
		.pod = w->pod,
		.arena = &w->cycle_arena};
	schedule(&w->cycle, &w->decision);
}

static inline void world_done(struct world *w)
{
	pod_facts_unref(w->pod);
	cluster_done(&w->cluster);
	arena_done(&w->cycle_arena);
	arena_done(&w->arena);
}

/* The node that is chosen, or the message; in w's arena. */
static inline struct str world_answer(struct world *w)
{
	world_decide(w);
	return w->decision.node ? w->decision.node->facts->name : w->decision.message;
}

struct world_case {
	const char *name, *yaml, *answer;
};
static inline void world_cases(const struct world_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct world w;

		test_context("%s", cases[i].name);
		if (world_init(&w, cases[i].yaml))
			EXPECT_STR(world_answer(&w), cases[i].answer);
		world_done(&w);
	}
	test_context_end();
}

#endif
