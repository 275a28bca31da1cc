/* statefulset: pods with names, claims and an order. The decisions are in stateful.h. */
#include "stateful.h"

static const struct claim_kind claims = {"StatefulSet", "apps", "statefulsets"};

static bool is_taken(void *ctx, struct str namespace, struct str name)
{
	return informer_get(usual_informer(ctx, "controllerrevisions"), namespace, name);
}

static struct cJSON *find_claim(void *ctx, struct arena *a, struct str namespace, struct str name)
{
	struct object *o =
		informer_get(usual_informer(ctx, "persistentvolumeclaims"), namespace, name);

	return o ? object_lean_tree(a, o) : NULL;
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct arena *a = p->arena;
	struct object *o = informer_get_key(usual_informer(u, "statefulsets"), key);
	struct stateful_view *v = arena_new(a, sizeof(*v));

	if (!o)
		return;
	*v = (struct stateful_view){.sets = usual_resource(u, "statefulsets"),
		.pods_resource = usual_resource(u, "pods"),
		.revisions_resource = usual_resource(u, "controllerrevisions"),
		.claims_resource = usual_resource(u, "persistentvolumeclaims"),
		.set = object_lean_tree(a, o),
		.is_taken = is_taken,
		.find_claim = find_claim,
		.ctx = u};
	struct str namespace = tree_str(v->set, "metadata.namespace");
	struct str uid = tree_str(v->set, "metadata.uid");
	trees_claimable(a, &v->pods, usual_informer(u, "pods"), namespace, uid);
	trees_claimable(a, &v->revisions, usual_informer(u, "controllerrevisions"), namespace, uid);
	stateful_plan(v, now, p);
}

static void own_changed(struct usual *u, struct object *old, struct object *fresh)
{
	usual_enqueue_object(u, fresh ? fresh : old);
}

static void claimed_changed(struct usual *u, struct object *old, struct object *fresh)
{
	claim_changed(u, &claims, old, fresh);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"apps", "v1", "statefulsets", own_changed},
		{"apps", "v1", "controllerrevisions", claimed_changed},
		{"", "v1", "pods", claimed_changed},
		{"", "v1", "persistentvolumeclaims", NULL},
		{0},
	};

	return usual_new(w, k,
		&(struct usual_options){.recorder = "statefulset-controller",
			.sources = sources,
			.reconcile = reconcile,
			.refused = stateful_refused});
}

const struct controller_kind statefulset_kind = {
	.name = "statefulset-controller",
	.aliases = "statefulset",
	.start = start,
};
