/*
 * taint-eviction: pods leave nodes with NoExecute taints that they do not tolerate, or tolerate
 * only for a time. That time runs from when the pod and the taint were first seen together, by the
 * loop's clock: setting the machine's evicts nobody early.
 */
#include "taint_eviction.h"
#include "disruption_target.h"
#include "taints.h"
#include "workload.h"

struct waiting {
	int64_t since;
};

struct eviction {
	struct map waiting; /* pods by key */
};

void taint_eviction_plan(const struct taint_eviction *e, struct plan *p)
{
	struct arena *a = p->arena;
	const struct cJSON *pod = e->pod;
	struct cJSON *options = json_new(a, JSON_OBJECT);
	struct str namespace = tree_str(pod, "metadata.namespace");
	struct str name = tree_str(pod, "metadata.name");

	if (e->left > 0) {
		plan_requeue_after(p, e->left);
		return;
	}
	plan_event(p, pod, "Normal", "TaintManagerEviction",
		arena_print(a, "Marking for deletion Pod %.*s/%.*s", STRF(namespace), STRF(name)));
	plan_disruption(p, e->pods, pod, NULL, "DeletionByTaintManager",
		"Taint manager: deleting due to NoExecute taint", e->now);
	plan_delete(p, e->pods, namespace, name, tree_str(pod, "metadata.uid"), options);
}

static void forget(struct eviction *e, struct str key)
{
	mem_free(map_remove(&e->waiting, key));
}

static void stays(struct usual *u, struct str key, const struct cJSON *pod, struct plan *p)
{
	struct eviction *e = usual_ctx(u);

	if (!map_has(&e->waiting, key))
		return;
	forget(e, key);
	plan_event(p, pod, "Normal", "TaintManagerEviction",
		arena_print(p->arena, "Cancelling deletion of Pod %.*s", STRF(key)));
}

static struct waiting *note(struct eviction *e, struct str key, int64_t now)
{
	struct waiting *w = map_get(&e->waiting, key);

	if (w)
		return w;
	w = mem_new(sizeof(*w));
	w->since = now;
	map_set(&e->waiting, key, w);
	return w;
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct eviction *e = usual_ctx(u);
	struct object *o = informer_get_key(usual_informer(u, "pods"), key);

	if (!o || object_scan(o, "metadata.deletionTimestamp").len) {
		forget(e, key);
		return;
	}
	struct cJSON *pod = object_lean_tree(p->arena, o);
	struct object *at =
		informer_get(usual_informer(u, "nodes"), STR(""), tree_str(pod, "spec.nodeName"));
	const struct cJSON *node = at ? object_lean_tree(p->arena, at) : NULL;
	int64_t stay =
		taints_stay(json_path(node, "spec.taints"), json_path(pod, "spec.tolerations"));

	if (stay < 0) {
		stays(u, key, pod, p);
		return;
	}
	int64_t here = loop_now(usual_world(u)->base.env->loop);
	const struct waiting *w = note(e, key, here);
	const struct taint_eviction one = {.pods = usual_resource(u, "pods"),
		.pod = pod,
		.now = now,
		.left = w->since + stay - here};
	taint_eviction_plan(&one, p);
}

/* ---- what is looked at ---- */

static void pod_changed(struct usual *u, struct object *old, struct object *fresh)
{
	struct object *o = fresh ? fresh : old;

	if (old && fresh &&
		str_eq(object_scan(old, "spec.nodeName"), object_scan(fresh, "spec.nodeName")) &&
		str_eq(object_scan(old, "spec.tolerations"),
			object_scan(fresh, "spec.tolerations")))
		return;
	if (object_scan(o, "spec.nodeName").len)
		usual_enqueue_object(u, o);
}

static bool evicts(const struct object *node)
{
	return node && str_find(object_scan(node, "spec.taints"), STR("\"NoExecute\"")) >= 0;
}

static void node_changed(struct usual *u, struct object *old, struct object *fresh)
{
	if (!evicts(old) && !evicts(fresh))
		return;
	if (old && fresh &&
		str_eq(object_scan(old, "spec.taints"), object_scan(fresh, "spec.taints")))
		return;
	informer_each(it, informer_by(usual_informer(u, "pods"), "spec.nodeName",
				  client_object_name(fresh ? fresh : old)))
		usual_enqueue_object(u, it.object);
}

static void done(void *ctx)
{
	struct eviction *e = ctx;

	map_each (it, &e->waiting)
		mem_free(it.value);
	map_done(&e->waiting);
	mem_free(e);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"", "v1", "pods", pod_changed},
		{"", "v1", "nodes", node_changed},
		{0},
	};
	struct eviction *e = mem_new(sizeof(*e));

	map_init(&e->waiting);
	return usual_new(w, k,
		&(struct usual_options){.recorder = "taint-eviction-controller",
			.sources = sources,
			.reconcile = reconcile,
			.workers = 8,
			.ctx = e,
			.done = done});
}

const struct controller_kind taint_eviction_kind = {
	.name = "taint-eviction-controller",
	.start = start,
};
