/*
 * node-lifecycle: notices nodes that have fallen silent and taints those that are not well. What
 * it remembers is when each node was last heard of, and how the zones are; what it does with that
 * is in node_health.h.
 */
#include "node_health.h"
#include "workload.h"

#define LOOK    (5 * SEC) /* at the zones */
#define SOON    SEC
#define GRACE   (50 * SEC)
#define STARTUP (60 * SEC)
#define ZONES   "all zones" /* no node's name */
#define LEASES  "kube-node-lease"
#define APART   "node.kubernetes.io/exclude-disruption"

/* Times here are the loop's: a clock that is set makes nobody silent. */
struct health {
	int64_t heard;
	bool fresh;
};

struct zone {
	enum zone_state state;
	size_t ready, not_ready;
	int64_t next; /* when the next node may begin to lose its pods */
};

struct lifecycle {
	struct map nodes, zones;
	bool all_down;
	bool stale; /* nodes came or went since the zones were looked at */
};

static int64_t now_of(const struct usual *u)
{
	return loop_now(usual_world(u)->base.env->loop);
}

/* ---- signs of life ---- */

static struct str heartbeat(struct arena *a, const struct object *node)
{
	struct str text = object_scan(node, "status.conditions");
	struct cJSON *conditions = NULL;

	if (text.len)
		json_parse(a, text, NULL, &conditions, NULL);
	return tree_str(condition_find(conditions, "Ready"), "lastHeartbeatTime");
}

static bool beats(const struct object *old, const struct object *fresh)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	return !str_eq(heartbeat(&a, old), heartbeat(&a, fresh));
}

static void add_node(struct usual *u, const struct object *node)
{
	struct lifecycle *l = usual_ctx(u);
	struct health *h = mem_new(sizeof(*h));
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	int64_t wall = env_wall(usual_world(u)->base.env), born = wall;
	*h = (struct health){.heard = now_of(u), .fresh = true};
	if (!heartbeat(&a, node).len)
		time_parse(object_scan(node, "metadata.creationTimestamp"), &born, NULL);
	h->heard -= MAX(wall - born, 0);
	map_set(&l->nodes, client_object_name(node), h);
}

static void node_changed(struct usual *u, struct object *old, struct object *fresh)
{
	struct lifecycle *l = usual_ctx(u);
	struct health *h = map_get(&l->nodes, client_object_name(fresh ? fresh : old));

	if (!fresh)
		mem_free(map_remove(&l->nodes, client_object_name(old)));
	else if (!h)
		add_node(u, fresh);
	else if (old && beats(old, fresh))
		h->heard = now_of(u);
	usual_enqueue_object(u, fresh ? fresh : old);
	if (!old || !fresh) {
		l->stale = true;
		usual_enqueue_after(u, STR(ZONES), SOON);
	}
}

static void lease_changed(struct usual *u, struct object *old, struct object *fresh)
{
	struct lifecycle *l = usual_ctx(u);
	struct health *h;

	if (!fresh || !str_eq_text(client_object_namespace(fresh), LEASES) ||
		(old && str_eq(object_scan(old, "spec.renewTime"),
				object_scan(fresh, "spec.renewTime"))))
		return;
	h = map_get(&l->nodes, client_object_name(fresh));
	if (h)
		h->heard = now_of(u);
}

/* Its node may have been silent before it came there. */
static void pod_changed(struct usual *u, struct object *old, struct object *fresh)
{
	struct str node = fresh ? object_scan(fresh, "spec.nodeName") : STR("");

	if (node.len && !(old && object_scan(old, "spec.nodeName").len))
		usual_enqueue(u, node);
}

/* ---- zones ---- */

static struct zone *find_zone(struct lifecycle *l, struct str name)
{
	struct zone *z = map_get(&l->zones, name);

	if (z)
		return z;
	z = mem_new(sizeof(*z));
	map_set(&l->zones, name, z);
	return z;
}

static void count_nodes(struct usual *u, struct arena *a)
{
	struct lifecycle *l = usual_ctx(u);

	map_each (it, &l->zones) {
		struct zone *z = it.value;

		z->ready = z->not_ready = 0;
	}
	informer_each(it, informer_all(usual_informer(u, "nodes")))
	{
		const struct cJSON *node = object_lean_tree(a, it.object);
		const struct cJSON *labels = json_path(node, "metadata.labels");
		const struct cJSON *ready =
			condition_find(json_path(node, "status.conditions"), "Ready");

		if (json_get(labels, STR(APART)))
			continue;
		struct zone *z = find_zone(l, zone_of(a, labels));
		if (str_eq_text(tree_str(ready, "status"), "True"))
			z->ready++;
		else
			z->not_ready++;
	}
}

/* Is anything different from before? */
static bool judge_zones(struct lifecycle *l, bool *all_down)
{
	bool changed = false;
	size_t down = 0;

	map_each (it, &l->zones) {
		struct zone *z = it.value;
		enum zone_state state = zone_state_of(z->ready, z->not_ready);

		if (!z->ready && !z->not_ready) {
			map_remove(&l->zones, it.key);
			mem_free(z);
			continue;
		}
		changed |= state != z->state;
		z->state = state;
		down += state == ZONE_DOWN;
	}
	*all_down = down && down == l->zones.count;
	return changed || *all_down != l->all_down;
}

static void look_at_zones(struct usual *u, int64_t now, struct plan *p)
{
	struct lifecycle *l = usual_ctx(u);
	bool all_down;

	plan_requeue_after(p, LOOK);
	l->stale = false;
	count_nodes(u, p->arena);
	if (!judge_zones(l, &all_down))
		return;
	/* When the first of them comes back, it was likely us who heard nothing of the others. */
	if (l->all_down && !all_down)
		map_each (it, &l->nodes)
			((struct health *)it.value)->heard = now;
	l->all_down = all_down;
	informer_each(it, informer_all(usual_informer(u, "nodes")))
		usual_enqueue_object(u, it.object);
}

/* ---- one node ---- */

struct turn {
	struct lifecycle *lifecycle;
	struct zone *zone;
	int64_t now;
	struct plan *plan;
};

static enum node_answer may_evict(void *ctx)
{
	struct turn *t = ctx;
	struct zone *z = t->zone;
	int64_t pace = zone_pace(z->state, z->ready + z->not_ready);

	if (t->lifecycle->stale) {
		plan_requeue_after(t->plan, 2 * SOON);
		return NODE_WAIT;
	}
	/* When the zone's state changes, the node is looked at again. */
	if (!pace)
		return NODE_WAIT;
	if (t->now < z->next) {
		plan_requeue_after(t->plan, z->next - t->now);
		return NODE_WAIT;
	}
	z->next = t->now + pace;
	return NODE_GO;
}

static void find_pods(struct usual *u, struct arena *a, struct trees *pods, struct str node)
{
	informer_each(it, informer_by(usual_informer(u, "pods"), "spec.nodeName", node))
		trees_add(a, pods, object_lean_tree(a, it.object));
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct lifecycle *l = usual_ctx(u);
	struct object *o = informer_get_key(usual_informer(u, "nodes"), key);
	struct health *h = map_get(&l->nodes, key);
	int64_t grace = usual_world(u)->options->node_grace;
	struct trees pods = {0};

	if (str_eq_text(key, ZONES)) {
		look_at_zones(u, now_of(u), p);
		return;
	}
	if (!o || !h)
		return;
	const struct cJSON *node = object_lean_tree(p->arena, o);
	struct turn turn = {l, NULL, now_of(u), p};
	turn.zone = find_zone(l, zone_of(p->arena, json_path(node, "metadata.labels")));
	/* Only those of nodes that are silent are of interest. */
	if (str_find(object_scan(o, "status.conditions"), STR("\"Unknown\"")) >= 0)
		find_pods(u, p->arena, &pods, key);
	const struct node_view view = {.nodes = usual_resource(u, "nodes"),
		.pods_resource = usual_resource(u, "pods"),
		.node = node,
		.pods = pods.items,
		.pod_count = pods.count,
		.now = now,
		.heard = now - (now_of(u) - h->heard),
		.grace = grace ? grace : GRACE,
		.startup = STARTUP,
		.fresh = h->fresh,
		.all_zones_are_down = l->all_down,
		.may_evict = may_evict,
		.ctx = &turn};
	h->fresh = false;
	node_health_plan(&view, p);
}

static void free_all(struct map *m)
{
	map_each (it, m)
		mem_free(it.value);
	map_done(m);
}

static void done(void *ctx)
{
	struct lifecycle *l = ctx;

	free_all(&l->nodes);
	free_all(&l->zones);
	mem_free(l);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"", "v1", "nodes", node_changed},
		{"", "v1", "pods", pod_changed},
		{"coordination.k8s.io", "v1", "leases", lease_changed},
		{0},
	};
	struct lifecycle *l = mem_new(sizeof(*l));
	struct part *part;

	map_init(&l->nodes);
	map_init(&l->zones);
	part = usual_new(w, k,
		&(struct usual_options){.recorder = "node-controller",
			.sources = sources,
			.reconcile = reconcile,
			.ctx = l,
			.done = done});
	usual_begin(part, STR(ZONES));
	return part;
}

const struct controller_kind node_lifecycle_kind = {
	.name = "node-lifecycle-controller",
	.aliases = "nodelifecycle",
	.start = start,
};
