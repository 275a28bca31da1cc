/* daemonset: a pod on every node that its template fits on. The decisions are in daemons.h. */
#include "daemons.h"

static const struct claim_kind claims = {"DaemonSet", "apps", "daemonsets"};

#define HOLD_BACK     SEC
#define HOLD_BACK_MAX (15 * MINUTE)

/* Pods that fail again and again on a node are replaced more and more slowly. */
struct failing {
	int64_t wait, last;
};

struct daemonset {
	struct map failing; /* "uid/node" */
};

struct hold {
	struct usual *usual;
	struct arena *arena;
	struct str uid;
};

static int64_t hold_back(void *ctx, struct str node, int64_t now)
{
	struct hold *h = ctx;
	struct daemonset *d = usual_ctx(h->usual);
	struct str key = arena_print(h->arena, "%.*s/%.*s", STRF(h->uid), STRF(node));
	struct failing *f = map_get(&d->failing, key);

	if (!f) {
		f = mem_new(sizeof(*f));
		map_set(&d->failing, key, f);
	} else if (now - f->last < f->wait) {
		return f->last + f->wait - now;
	}
	f->wait = f->wait && now - f->last < 2 * HOLD_BACK_MAX ? MIN(f->wait * 2, HOLD_BACK_MAX)
							       : HOLD_BACK;
	f->last = now;
	return 0;
}

static bool is_taken(void *ctx, struct str namespace, struct str name)
{
	struct hold *h = ctx;

	return informer_get(usual_informer(h->usual, "controllerrevisions"), namespace, name);
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct arena *a = p->arena;
	struct object *o = informer_get_key(usual_informer(u, "daemonsets"), key);
	struct daemons_view *v = arena_new(a, sizeof(*v));
	struct hold *hold = arena_new(a, sizeof(*hold));

	if (!o)
		return;
	*v = (struct daemons_view){.sets = usual_resource(u, "daemonsets"),
		.pods_resource = usual_resource(u, "pods"),
		.revisions_resource = usual_resource(u, "controllerrevisions"),
		.set = object_lean_tree(a, o),
		.is_taken = is_taken,
		.hold_back = hold_back,
		.ctx = hold};
	struct str namespace = tree_str(v->set, "metadata.namespace");
	struct str uid = tree_str(v->set, "metadata.uid");
	*hold = (struct hold){u, a, uid};
	trees_claimable(a, &v->pods, usual_informer(u, "pods"), namespace, uid);
	trees_claimable(a, &v->revisions, usual_informer(u, "controllerrevisions"), namespace, uid);
	informer_each(it, informer_all(usual_informer(u, "nodes")))
		trees_add(a, &v->nodes, object_lean_tree(a, it.object));
	daemons_plan(v, now, p);
}

/* ---- what is looked at ---- */

static void own_changed(struct usual *u, struct object *old, struct object *fresh)
{
	usual_enqueue_object(u, fresh ? fresh : old);
}

static void claimed_changed(struct usual *u, struct object *old, struct object *fresh)
{
	claim_changed(u, &claims, old, fresh);
}

static bool differs(const struct object *old, const struct object *fresh, const char *path)
{
	return !str_eq(object_scan(old, path), object_scan(fresh, path));
}

static void node_changed(struct usual *u, struct object *old, struct object *fresh)
{
	if (old && fresh && !differs(old, fresh, "metadata.labels") &&
		!differs(old, fresh, "spec.taints"))
		return;
	informer_each(it, informer_all(usual_informer(u, "daemonsets")))
		usual_enqueue_object(u, it.object);
}

static void done(void *ctx)
{
	struct daemonset *d = ctx;

	map_each (it, &d->failing)
		mem_free(it.value);
	map_done(&d->failing);
	mem_free(d);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"apps", "v1", "daemonsets", own_changed},
		{"apps", "v1", "controllerrevisions", claimed_changed},
		{"", "v1", "pods", claimed_changed},
		{"", "v1", "nodes", node_changed},
		{0},
	};
	struct daemonset *d = mem_new(sizeof(*d));

	map_init(&d->failing);
	return usual_new(w, k,
		&(struct usual_options){.recorder = "daemonset-controller",
			.sources = sources,
			.reconcile = reconcile,
			.refused = daemons_refused,
			.ctx = d,
			.done = done});
}

const struct controller_kind daemonset_kind = {
	.name = "daemonset-controller",
	.aliases = "daemonset",
	.start = start,
};
