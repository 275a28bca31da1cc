/*
 * pod-garbage-collector: removes pods whose node is gone, that are being deleted where no kubelet
 * will ever finish it, and the oldest of too many finished ones. It looks every 20 seconds; a node
 * has to be missing for 40 before its pods go, since caches may be behind. It counts them by the
 * loop's clock, which nobody sets.
 */
#include "pod_gc.h"

#include "workload.h"

#include <stdlib.h>

#define LOOK       (20 * SEC)
#define QUARANTINE (40 * SEC)
#define ALL        "all"
#define TOO_MANY   "finished " /* keys of pods that are only too many */
#define KEPT       12500

struct missing {
	int64_t since;
	bool seen; /* this time */
};

struct pod_gc {
	struct map missing; /* nodes */
};

/* ---- nodes ---- */

static bool is_long_gone(struct pod_gc *gc, struct str node, int64_t now)
{
	struct missing *m = map_get(&gc->missing, node);

	if (!m) {
		m = mem_new(sizeof(*m));
		m->since = now;
		map_set(&gc->missing, node, m);
	}
	m->seen = true;
	return now - m->since >= QUARANTINE;
}

static void forget_found(struct pod_gc *gc)
{
	map_each (it, &gc->missing) {
		struct missing *m = it.value;

		if (m->seen) {
			m->seen = false;
			continue;
		}
		map_remove(&gc->missing, it.key);
		mem_free(m);
	}
}

/* ---- pods ---- */

static struct cJSON *node_of(struct usual *u, struct arena *a, const struct cJSON *pod)
{
	struct object *o =
		informer_get(usual_informer(u, "nodes"), STR(""), tree_str(pod, "spec.nodeName"));

	return o ? object_lean_tree(a, o) : NULL;
}

static bool is_finished(const struct object *pod)
{
	struct str phase = object_scan(pod, "status.phase");

	return str_eq_text(phase, "Succeeded") || str_eq_text(phase, "Failed");
}

static size_t kept(const struct usual *u)
{
	int wanted = usual_world(u)->options->terminated_pod_threshold;

	if (wanted < 0)
		return SIZE_MAX;
	return wanted ? (size_t)wanted : KEPT;
}

static void look_at_finished(struct usual *u, struct arena *a)
{
	struct informer *pods = usual_informer(u, "pods");
	struct finished_pod *all = arena_alloc(a, (informer_count(pods) + 1) * sizeof(*all));
	size_t count = 0;

	informer_each(it, informer_all(pods))
	{
		if (!is_finished(it.object))
			continue;
		struct finished_pod *f = &all[count++];
		*f = (struct finished_pod){.key = client_object_key(a, it.object)};
		f->evicted = str_eq_text(object_scan(it.object, "status.reason"), "Evicted");
		time_parse(object_scan(it.object, "metadata.creationTimestamp"), &f->created, NULL);
	}
	if (count <= kept(u))
		return;
	qsort(all, count, sizeof(*all), finished_pod_order);
	for (size_t i = 0; i < count - kept(u); i++)
		usual_enqueue(u, arena_print(a, TOO_MANY "%.*s", STRF(all[i].key)));
}

static void look_at_all(struct usual *u, struct plan *p)
{
	int64_t now = loop_now(usual_world(u)->base.env->loop);
	struct informer *nodes = usual_informer(u, "nodes");

	informer_each(it, informer_all(usual_informer(u, "pods")))
	{
		struct str node = object_scan(it.object, "spec.nodeName");

		if (node.len && !informer_get(nodes, STR(""), node)) {
			if (is_long_gone(usual_ctx(u), node, now))
				usual_enqueue_object(u, it.object);
		} else if (object_scan(it.object, "metadata.deletionTimestamp").len)
			usual_enqueue_object(u, it.object);
	}
	forget_found(usual_ctx(u));
	look_at_finished(u, p->arena);
	plan_requeue_after(p, LOOK);
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	bool too_many = str_starts(key, STR(TOO_MANY));
	struct object *o;

	if (str_eq_text(key, ALL)) {
		look_at_all(u, p);
		return;
	}
	o = informer_get_key(
		usual_informer(u, "pods"), too_many ? str_skip(key, strlen(TOO_MANY)) : key);
	if (!o)
		return;
	struct cJSON *pod = object_lean_tree(p->arena, o);
	const struct pod_end end = {.pods = usual_resource(u, "pods"),
		.nodes = usual_resource(u, "nodes"),
		.pod = pod,
		.fate = too_many ? POD_KEPT : pod_fate(pod, node_of(u, p->arena, pod)),
		.now = now};
	if (end.fate != POD_KEPT || (too_many && pod_is_finished(pod)))
		pod_end_plan(&end, p);
}

static void done(void *ctx)
{
	struct pod_gc *gc = ctx;

	map_each (it, &gc->missing)
		mem_free(it.value);
	map_done(&gc->missing);
	mem_free(gc);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"", "v1", "pods", NULL}, {"", "v1", "nodes", NULL}, {0}};
	struct pod_gc *gc = mem_new(sizeof(*gc));
	struct part *part;

	map_init(&gc->missing);
	part = usual_new(w, k,
		&(struct usual_options){
			.sources = sources, .reconcile = reconcile, .ctx = gc, .done = done});
	usual_begin(part, STR(ALL));
	return part;
}

const struct controller_kind pod_gc_kind = {
	.name = "pod-garbage-collector-controller",
	.aliases = "podgc",
	.start = start,
};
