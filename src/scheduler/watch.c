/* What the scheduler sees: every change goes into the cluster, the queue, or both. */
#include "shell.h"

#include <kube/mem.h>

/* ---- nodes ---- */

static bool same_amounts(const struct amounts *a, const struct amounts *b)
{
	if (a->cpu != b->cpu || a->memory != b->memory || a->storage != b->storage ||
		a->scalar_count != b->scalar_count)
		return false;
	for (uint32_t i = 0; i < a->scalar_count; i++)
		if (sched_amounts_scalar(b, a->scalars[i].name) != a->scalars[i].value)
			return false;
	return true;
}

static bool same_taints(const struct node_facts *a, const struct node_facts *b)
{
	if (a->unschedulable != b->unschedulable || a->taint_count != b->taint_count)
		return false;
	for (size_t i = 0; i < a->taint_count; i++)
		if (a->taints[i].effect != b->taints[i].effect ||
			!str_eq(a->taints[i].key, b->taints[i].key) ||
			!str_eq(a->taints[i].value, b->taints[i].value))
			return false;
	return true;
}

static uint32_t node_changes(const struct node_facts *old, const struct node_facts *now)
{
	uint32_t kind = 0;

	if (!old)
		return HAPPENED_NODE_ADD;
	if (old->max_pods != now->max_pods || !same_amounts(&old->allocatable, &now->allocatable))
		kind |= HAPPENED_NODE_ALLOCATABLE;
	if (!labels_equal(&old->labels, &now->labels))
		kind |= HAPPENED_NODE_LABELS;
	if (!same_taints(old, now))
		kind |= HAPPENED_NODE_TAINTS;
	return kind;
}

static void node_changed(
	struct informer_handler *handler, struct object *old, struct object *fresh, bool initial)
{
	struct scheduler *s = ((struct watched *)handler->ctx)->scheduler;
	struct happening h = {0};
	struct node *n;

	(void)initial;
	if (!fresh) {
		cluster_remove_node(&s->cluster, client_object_name(old));
		h.kind = HAPPENED_NODE_DELETE;
		scheduler_happened(s, &h);
		return;
	}
	struct node_facts *facts = node_facts_from(fresh);
	n = cluster_node(&s->cluster, facts->name);
	h.node = facts;
	h.old_node = n ? n->facts : NULL;
	if (h.old_node)
		n->facts->refs++;
	h.kind = node_changes(h.old_node, facts);
	cluster_set_node(&s->cluster, facts);
	if (h.kind)
		scheduler_happened(s, &h);
	node_facts_unref((struct node_facts *)h.old_node);
}

/* ---- pods ---- */

static bool shrank(const struct pod *old, const struct pod *now)
{
	return now->requests.cpu < old->requests.cpu ||
	       now->requests.memory < old->requests.memory ||
	       now->requests.storage < old->requests.storage;
}

static void pod_gone(struct scheduler *s, struct str uid)
{
	const struct placement *at = cluster_placement(&s->cluster, uid);
	struct queued *e = queue_find(&s->queue, uid);
	struct happening h = {.kind = HAPPENED_POD_DELETE};
	bool promised = cluster_nomination(&s->cluster, uid).len;
	struct pod *p = at ? at->pod : e && promised ? e->pod : NULL;

	if (p)
		h.old_pod = pod_facts_ref(p);
	cluster_denominate(&s->cluster, uid);
	cluster_displace(&s->cluster, uid);
	queue_remove(&s->queue, uid);
	/* The room that was kept for a pod which will not come is free, too. */
	if (p)
		scheduler_happened(s, &h);
	pod_facts_unref(p);
}

static void pod_placed(struct scheduler *s, struct pod *p)
{
	const struct placement *at = cluster_placement(&s->cluster, p->uid);
	struct happening h = {.pod = p};
	struct pod *old = at ? pod_facts_ref(at->pod) : NULL;

	if (!old)
		h.kind = HAPPENED_POD_ADD;
	else if (!labels_equal(&old->labels, &p->labels))
		h.kind |= HAPPENED_POD_LABELS;
	if (old && shrank(old, p))
		h.kind |= HAPPENED_POD_SCALE_DOWN;
	h.old_pod = old;
	cluster_denominate(&s->cluster, p->uid);
	queue_remove(&s->queue, p->uid);
	cluster_place(&s->cluster, p, p->node_name, false);
	if (h.kind)
		scheduler_happened(s, &h);
	pod_facts_unref(old);
}

static void pod_waits(struct scheduler *s, struct pod *p, struct object *old)
{
	const struct placement *at = cluster_placement(&s->cluster, p->uid);
	const struct profile *profile = scheduler_profile(s, p->scheduler_name);

	/* The API does not know yet what has been decided. */
	if (at && at->assumed)
		return;
	if (!profile || p->terminating) {
		if (queue_find(&s->queue, p->uid))
			pod_gone(s, p->uid);
		return;
	}
	if (p->nominated.len)
		cluster_nominate(&s->cluster, p, p->nominated);
	else if (old && object_scan(old, "status.nominatedNodeName").len)
		cluster_denominate(&s->cluster, p->uid);
	queue_set(&s->queue, &s->cluster, profile, p, scheduler_now(s));
}

static void pod_changed(
	struct informer_handler *handler, struct object *old, struct object *fresh, bool initial)
{
	struct scheduler *s = ((struct watched *)handler->ctx)->scheduler;
	struct str uid = old ? object_scan(old, "metadata.uid") : STR("");

	(void)initial;
	if (old && (!fresh || !str_eq(uid, object_scan(fresh, "metadata.uid"))))
		pod_gone(s, uid);
	if (fresh) {
		struct pod *p = pod_facts_from(fresh);

		if (p->finished)
			pod_gone(s, p->uid);
		else if (p->node_name.len)
			pod_placed(s, p);
		else
			pod_waits(s, p, old);
		pod_facts_unref(p);
	}
	scheduler_kick(s);
}

/* ---- what else decisions look at ---- */

static const struct {
	const char *group, *version, *plural;
	uint32_t happening;
} shelves[SHELF_COUNT] = {
	[SHELF_NAMESPACES] = {"", "v1", "namespaces", HAPPENED_NAMESPACE},
	[SHELF_CLAIMS] = {"", "v1", "persistentvolumeclaims", HAPPENED_CLAIM},
	[SHELF_VOLUMES] = {"", "v1", "persistentvolumes", HAPPENED_VOLUME},
	[SHELF_CLASSES] = {"storage.k8s.io", "v1", "storageclasses", HAPPENED_CLASS},
	[SHELF_CSI_NODES] = {"storage.k8s.io", "v1", "csinodes", HAPPENED_CSI_NODE},
	[SHELF_BUDGETS] = {"policy", "v1", "poddisruptionbudgets", 0},
	[SHELF_SERVICES] = {"", "v1", "services", 0},
	[SHELF_REPLICATION_CONTROLLERS] = {"", "v1", "replicationcontrollers", 0},
	[SHELF_REPLICA_SETS] = {"apps", "v1", "replicasets", 0},
	[SHELF_STATEFUL_SETS] = {"apps", "v1", "statefulsets", 0},
};

static void shelf_changed(
	struct informer_handler *handler, struct object *old, struct object *fresh, bool initial)
{
	struct watched *w = handler->ctx;
	struct scheduler *s = w->scheduler;
	_cleanup_(arena_done) struct arena a;

	(void)initial;
	arena_init(&a);
	struct happening h = {
		.kind = w->happening, .key = client_object_key(&a, fresh ? fresh : old)};
	cluster_shelve(&s->cluster, w->shelf, h.key, fresh);
	if (!h.kind)
		return;
	if (fresh)
		scheduler_happened(s, &h);
	bindings_look(s);
}

/* ---- all ---- */

static void watch(struct scheduler *s, struct watched *w, const struct informer_options *options,
	informer_changed_fn *changed)
{
	w->scheduler = s;
	w->informer = informers_get(s->base.informers, options);
	w->handler = (struct informer_handler){.changed = changed, .ctx = w};
	informer_add_handler(w->informer, &w->handler);
}

void watches_start(struct scheduler *s)
{
	struct informer_options o = {.client = s->base.client};

	/* The rest first: a pod that comes should find its world. */
	for (size_t i = 0; i < SHELF_COUNT; i++) {
		s->shelves[i].shelf = (enum shelf)i;
		s->shelves[i].happening = shelves[i].happening;
		o.resource = resource_find(str_from(shelves[i].group), str_from(shelves[i].version),
			str_from(shelves[i].plural));
		watch(s, &s->shelves[i], &o, shelf_changed);
	}
	o.resource = resource_find(STR(""), STR("v1"), STR("nodes"));
	watch(s, &s->nodes, &o, node_changed);
	o.resource = resource_find(STR(""), STR("v1"), STR("pods"));
	o.fields = STR("status.phase!=Succeeded,status.phase!=Failed");
	watch(s, &s->pods, &o, pod_changed);
}

void watches_end(struct scheduler *s)
{
	for (size_t i = 0; i < SHELF_COUNT; i++)
		informer_remove_handler(s->shelves[i].informer, &s->shelves[i].handler);
	informer_remove_handler(s->nodes.informer, &s->nodes.handler);
	informer_remove_handler(s->pods.informer, &s->pods.handler);
}
