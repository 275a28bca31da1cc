/*
 * Nodes of a cluster on virtual time: hosts whose kubelet says of its pods what `kube debug
 * fake-node` would, once their time has come. What becomes of a pod follows from the seed and its
 * uid alone, so that a kubelet may die and come back: how long it takes to begin, to get ready and
 * to end, whether it fails, whether it is out of breath for a while. Templates say how far:
 *
 *	annotations: {sim/fate: steady | flaky | never, sim/fails: "30"}    per cent of those that
 *end
 *
 * In peace nobody fails who is to go on, and everybody gets ready.
 */
#ifndef KUBE_CLUSTER_NODE_H
#define KUBE_CLUSTER_NODE_H

#include "cluster_world.h"

#include "main/fake_node_plan.c"

#define NODES 4

struct node {
	struct cluster_world *world;
	int number;
	struct env *host;
	struct component_base base;
	struct informer *nodes, *leases, *pods;
	struct informer_handler on_node, on_pod;
	struct controller *node_keeper, *pod_keeper;
	bool up;
	int64_t again;
	uint8_t last_ip;
	char name[8];
};

struct cluster_nodes {
	struct node items[NODES];
	bool peace;
};

static const struct fake_node_shape cluster_shape = {.prefix = STR_INIT("n"),
	.count = NODES,
	.pods = 12,
	.cpu = STR_INIT("4"),
	.memory = STR_INIT("8Gi"),
	.storage = STR_INIT("9Gi")};

static struct cluster_nodes *cluster_nodes_of(const struct node *n)
{
	return CONTAINER_OF(n - n->number, struct cluster_nodes, items[0]);
}

/* ---- fates ---- */

static uint64_t fate_of(const struct node *n, const struct cJSON *pod)
{
	struct str uid = tree_str(pod, "metadata.uid");
	uint64_t h = 14695981039346656037u ^ n->world->seed;

	for (size_t i = 0; i < uid.len; i++)
		h = (h ^ (uint8_t)uid.at[i]) * 1099511628211u;
	return h ^ h >> 29;
}

static bool has_fate(const struct cJSON *pod, const char *fate)
{
	return str_eq_text(
		json_str(json_get(json_path(pod, "metadata.annotations"), STR("sim/fate"))), fate);
}

static void set_note(struct arena *a, struct cJSON *pod, const char *key, struct str text)
{
	struct cJSON *notes = json_path(pod, "metadata.annotations");

	if (!notes) {
		notes = json_new(a, JSON_OBJECT);
		tree_set(a, pod, "metadata.annotations", notes);
	}
	json_set(a, notes, str_from(key), json_new_str(a, text));
}

/* What ends by itself: after 1 to 30 s, well or badly. */
static void fate_end(const struct node *n, struct arena *a, struct cJSON *pod, uint64_t h)
{
	int64_t percent = 0;

	str_to_i64(json_str(json_get(json_path(pod, "metadata.annotations"), STR("sim/fails"))),
		&percent);
	bool fails = !cluster_nodes_of(n)->peace && (int64_t)((h >> 16) % 100) < percent;
	set_note(a, pod, fails ? FAKE_FAILS : FAKE_SUCCEEDS,
		arena_print(a, "%ds", (int)(1 + (h >> 8) % 30)));
}

/* A gate that stands in no pod: open while this one is to count as ready. */
static void fate_gate(struct arena *a, struct cJSON *pod, bool open)
{
	struct cJSON *gates = json_new(a, JSON_ARRAY), *list = json_new(a, JSON_ARRAY), *c;

	c = json_new(a, JSON_OBJECT);
	tree_set_str(a, c, "conditionType", STR("sim/ready"));
	json_append(gates, c);
	tree_set(a, pod, "spec.readinessGates", gates);
	json_each (had, json_path(pod, "status.conditions"))
		if (!str_eq_text(tree_str(had, "type"), "sim/ready"))
			json_append(list, json_copy(a, had));
	c = json_new(a, JSON_OBJECT);
	tree_set_str(a, c, "type", STR("sim/ready"));
	tree_set_str(a, c, "status", open ? STR("True") : STR("False"));
	json_append(list, c);
	tree_set(a, pod, "status.conditions", list);
}

static void fate_readiness(
	const struct node *n, struct cJSON *pod, uint64_t h, int64_t now, struct plan *p)
{
	bool peace = cluster_nodes_of(n)->peace, flaky = has_fate(pod, "flaky") && !peace;
	int64_t started = now, ready_after = (int64_t)((h >> 24) % 8) * SEC;
	int64_t bad_from = ready_after + (int64_t)(10 + (h >> 32) % 20) * SEC;
	int64_t bad_until = bad_from + (int64_t)(5 + (h >> 40) % 60) * SEC;
	const int64_t turns[] = {ready_after, bad_from, bad_until};

	time_parse(tree_str(pod, "status.startTime"), &started, NULL);
	int64_t age = now - started;
	bool ready = age >= ready_after &&
		     !(flaky && h % 100 < 25 && age >= bad_from && age < bad_until);
	fate_gate(p->arena, pod, ready && (peace || !has_fate(pod, "never")));
	for (size_t i = 0; i < ARRAY_LEN(turns); i++)
		if (turns[i] > age)
			plan_requeue_after(p, turns[i] - age);
	/* Out of the node: as those are that a kubelet evicts. */
	if (flaky && (h >> 48) % 100 < 5 && age >= bad_until) {
		tree_set_str(p->arena, pod, "spec.restartPolicy", STR("Never"));
		set_note(p->arena, pod, FAKE_FAILS, STR("0s"));
	}
}

/* What is to go ends first, and is seen to have ended. True: not yet. */
static bool fate_goes(struct cJSON *pod, uint64_t h, int64_t now, struct plan *p)
{
	int64_t ends = now, grace = tree_int(pod, "metadata.deletionGracePeriodSeconds", 0) * SEC;
	struct str phase = tree_str(pod, "status.phase");

	time_parse(tree_str(pod, "metadata.deletionTimestamp"), &ends, NULL);
	int64_t gone = ends - grace + (int64_t)((h >> 20) % 10) * grace / 10;
	if (gone > now && str_eq_text(phase, "Running")) {
		plan_requeue_after(p, gone - now);
		return true;
	}
	if (str_eq_text(phase, "Succeeded") || str_eq_text(phase, "Failed"))
		return false;
	tree_drop(pod, "metadata.deletionTimestamp");
	tree_set_str(p->arena, pod, "spec.restartPolicy", STR("Never"));
	set_note(p->arena, pod, FAKE_FAILS, STR("0s"));
	if (!tree_has(pod, "status.startTime"))
		tree_set_str(p->arena, pod, "status.startTime", time_text(p->arena, now));
	return false;
}

/* ---- the kubelet ---- */

static struct str node_next_ip(struct node *n, struct arena *a)
{
	n->last_ip = (uint8_t)(n->last_ip % 254 + 1);
	return fake_pod_ip(a, n->number, n->last_ip);
}

static void node_keep_pod(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct node *n = ctx;
	struct object *o = informer_get_key(n->pods, key);
	int64_t bound = now;

	if (!o)
		return;
	struct cJSON *pod = object_tree(p->arena, o);
	uint64_t h = fate_of(n, pod);
	bool lasts = str_eq_text(tree_str(pod, "spec.restartPolicy"), "Always");
	const struct cJSON *scheduled = NULL;
	json_each (c, json_path(pod, "status.conditions"))
		if (str_eq_text(tree_str(c, "type"), "PodScheduled"))
			scheduled = c;
	time_parse(tree_str(scheduled, "lastTransitionTime"), &bound, NULL);
	if (tree_has(pod, "metadata.deletionTimestamp")) {
		if (fate_goes(pod, h, now, p))
			return;
	} else if (bound + (int64_t)(h % 3000) * MSEC > now) {
		plan_requeue_after(p, bound + (int64_t)(h % 3000) * MSEC - now);
		return;
	} else if (lasts) {
		fate_readiness(n, pod, h, now, p);
	} else {
		fate_end(n, p->arena, pod, h);
		fate_gate(p->arena, pod, true);
	}
	struct str ip = tree_has(pod, "status.podIP") ? STR("") : node_next_ip(n, p->arena);
	fake_pod_plan(pod, fake_node_ip(p->arena, n->number), ip, now, p);
	/* An answer may have been lost: what has ended is not to live again. */
	for (size_t i = 0; i < p->count; i++)
		if (p->steps[i].verb == PLAN_PATCH_STATUS)
			tree_set_str(p->arena, p->steps[i].body, "metadata.resourceVersion",
				tree_str(pod, "metadata.resourceVersion"));
}

static void node_keep_self(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct node *n = ctx;
	struct object *node = informer_get(n->nodes, STR(""), key);
	struct object *lease = informer_get(n->leases, STR("kube-node-lease"), key);

	fake_node_plan(&cluster_shape, key, node ? object_tree(p->arena, node) : NULL,
		lease ? object_tree(p->arena, lease) : NULL, now, p);
}

static void node_told_self(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct node *n = h->ctx;

	(void)old;
	(void)fresh;
	(void)initial;
	controller_enqueue(n->node_keeper, str_from(n->name));
}

static void node_told_pod(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct node *n = h->ctx;
	_cleanup_(arena_done) struct arena a;

	(void)old;
	(void)initial;
	arena_init(&a);
	if (fresh)
		controller_enqueue(n->pod_keeper, client_object_key(&a, fresh));
}

/* All pods again: what time has made of them has changed. */
static void node_look_again(struct node *n)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	informer_each(it, informer_all(n->pods))
		controller_enqueue(n->pod_keeper, client_object_key(&a, it.object));
}

static void node_open_informers(struct node *n, struct arena *a)
{
	struct informer_options o = {.client = n->base.client};

	o.fields = arena_print(a, "metadata.name=%s", n->name);
	o.resource = resource_find(STR(""), STR("v1"), STR("nodes"));
	n->nodes = informers_get(n->base.informers, &o);
	o.namespace = STR("kube-node-lease");
	o.resource = resource_find(STR("coordination.k8s.io"), STR("v1"), STR("leases"));
	n->leases = informers_get(n->base.informers, &o);
	o.namespace = STR("");
	o.fields = arena_print(a, "spec.nodeName=%s", n->name);
	o.resource = resource_find(STR(""), STR("v1"), STR("pods"));
	n->pods = informers_get(n->base.informers, &o);
}

static void node_start(struct node *n)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	cluster_note(n->world, "kubelet of %s begins", n->name);
	cluster_open_base(n->world, &n->base, n->host, "kubelet");
	node_open_informers(n, &a);
	struct informer *const own[] = {n->nodes, n->leases};
	struct controller_options o = {.name = "node",
		.client = n->base.client,
		.reconcile = node_keep_self,
		.ctx = n,
		.informers = own,
		.informer_count = ARRAY_LEN(own)};
	n->node_keeper = controller_new(n->base.scope, &o);
	o.name = "pods";
	o.reconcile = node_keep_pod;
	o.informers = &n->pods;
	o.informer_count = 1;
	o.workers = 16;
	n->pod_keeper = controller_new(n->base.scope, &o);
	n->on_node = (struct informer_handler){.changed = node_told_self, .ctx = n};
	n->on_pod = (struct informer_handler){.changed = node_told_pod, .ctx = n};
	informer_add_handler(n->nodes, &n->on_node);
	informer_add_handler(n->pods, &n->on_pod);
	controller_enqueue(n->node_keeper, str_from(n->name));
	n->up = true;
}

static void node_stop_controller(struct node *n, struct controller *c)
{
	struct told told = {0};

	controller_stop(c, told_op(&told, n->world->api.root, OP_NO_DEADLINE));
	api_world_await(&n->world->api, &told);
	controller_free(c);
}

static void node_stop(struct node *n)
{
	cluster_note(n->world, "kubelet of %s ends", n->name);
	informer_remove_handler(n->nodes, &n->on_node);
	informer_remove_handler(n->pods, &n->on_pod);
	node_stop_controller(n, TAKE(n->node_keeper));
	node_stop_controller(n, TAKE(n->pod_keeper));
	cluster_close_base(n->world, &n->base);
	n->up = false;
}

/* ---- all of them ---- */

static void nodes_open(struct cluster_nodes *all, struct cluster_world *w)
{
	for (int i = 0; i < NODES; i++) {
		struct node *n = &all->items[i];

		*n = (struct node){.world = w, .number = i};
		snprintf(n->name, sizeof(n->name), "n%d", i);
		n->host = sim_host(w->api.sim, n->name, ip_v4(10, 0, 2, (uint8_t)(i + 1)));
		node_start(n);
	}
}

static void nodes_close(struct cluster_nodes *all)
{
	for (int i = 0; i < NODES; i++)
		if (all->items[i].up)
			node_stop(&all->items[i]);
}

static void nodes_care(struct cluster_nodes *all)
{
	for (int i = 0; i < NODES; i++) {
		struct node *n = &all->items[i];

		if (!n->up && loop_now(n->world->api.loop) >= n->again)
			node_start(n);
	}
}

/* From now on everything goes well. */
static void nodes_calm(struct cluster_nodes *all)
{
	all->peace = true;
	for (int i = 0; i < NODES; i++)
		if (all->items[i].up)
			node_look_again(&all->items[i]);
		else
			all->items[i].again = 0;
	nodes_care(all);
}

#endif
