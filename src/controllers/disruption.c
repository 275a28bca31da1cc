/* disruption: keeps the status of disruption budgets. The decisions are in budget.h. */
#include "budget.h"
#include "catalog.h"

static const char *const scalable[] = {
	"replicationcontrollers", "deployments", "replicasets", "statefulsets"};

/* The controller that a reference means, if it is one of those that are watched. */
static struct object *find_owner(
	struct usual *u, const struct cJSON *ref, struct str namespace, const struct resource **r)
{
	*r = catalog_find_kind(
		usual_world(u)->catalog, tree_str(ref, "apiVersion"), tree_str(ref, "kind"));
	for (size_t i = 0; *r && i < ARRAY_LEN(scalable); i++) {
		if (usual_resource(u, scalable[i]) != *r)
			continue;
		struct object *o = informer_get(
			usual_informer(u, scalable[i]), namespace, tree_str(ref, "name"));
		return o && str_eq(object_scan(o, "metadata.uid"), tree_str(ref, "uid")) ? o : NULL;
	}
	return NULL;
}

static bool is_watched(struct usual *u, const struct resource *r)
{
	for (size_t i = 0; i < ARRAY_LEN(scalable); i++)
		if (usual_resource(u, scalable[i]) == r)
			return true;
	return false;
}

static bool scale_of(void *ctx, struct arena *a, const struct cJSON *pod, struct str *uid,
	int64_t *scale, struct str *why)
{
	struct usual *u = ctx;
	struct str namespace = tree_str(pod, "metadata.namespace");
	const struct cJSON *ref = controller_of(pod), *owner;
	const struct resource *r;
	struct object *o = find_owner(u, ref, namespace, &r);

	if (r && !is_watched(u, r))
		*why = arena_print(a, "%.*s%s%.*s does not implement the scale subresource",
			STRF(r->plural), r->group.len ? "." : "", STRF(r->group));
	if (!o)
		return false;
	owner = object_lean_tree(a, o);
	/* A ReplicaSet of a Deployment is one of several. */
	if (controller_of(owner)) {
		struct object *above = find_owner(u, controller_of(owner), namespace, &r);

		if (above)
			owner = object_lean_tree(a, above);
	}
	*uid = tree_str(owner, "metadata.uid");
	*scale = tree_int(owner, "spec.replicas", 1);
	return true;
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct arena *a = p->arena;
	struct object *o = informer_get_key(usual_informer(u, "poddisruptionbudgets"), key);

	if (!o)
		return;
	if (!catalog_known(usual_world(u)->catalog)) {
		plan_requeue_after(p, SEC);
		return;
	}
	struct budget_view v = {.budgets = usual_resource(u, "poddisruptionbudgets"),
		.budget = object_lean_tree(a, o),
		.scale_of = scale_of,
		.ctx = u};
	informer_each(
		it, informer_by(usual_informer(u, "pods"), "namespace", client_object_namespace(o)))
		trees_add(a, &v.pods, object_lean_tree(a, it.object));
	budget_plan(&v, now, p);
}

/* ---- what is looked at ---- */

static void own_changed(struct usual *u, struct object *old, struct object *fresh)
{
	(void)old;
	if (fresh)
		usual_enqueue_object(u, fresh);
}

static bool selects(struct arena *a, const struct object *budget, const struct object *pod)
{
	struct str text = object_scan(budget, "spec.selector");
	struct cJSON *selector = NULL;
	struct selector s;

	if (!text.len || json_parse(a, text, NULL, &selector, NULL) ||
		label_selector_from(a, selector, &s, NULL))
		return false;
	return label_selector_matches_text(&s, object_labels(pod));
}

static void pod_changed(struct usual *u, struct object *old, struct object *fresh)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	informer_each(it, informer_by(usual_informer(u, "poddisruptionbudgets"), "namespace",
				  client_object_namespace(fresh ? fresh : old)))
	{
		arena_reset(&a);
		if ((fresh && selects(&a, it.object, fresh)) ||
			(old && selects(&a, it.object, old)))
			usual_enqueue_object(u, it.object);
	}
}

static void owner_changed(struct usual *u, struct object *old, struct object *fresh)
{
	if (old && fresh &&
		str_eq(object_scan(old, "spec.replicas"), object_scan(fresh, "spec.replicas")))
		return;
	informer_each(it, informer_by(usual_informer(u, "poddisruptionbudgets"), "namespace",
				  client_object_namespace(fresh ? fresh : old)))
		usual_enqueue_object(u, it.object);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"policy", "v1", "poddisruptionbudgets", own_changed},
		{"", "v1", "pods", pod_changed},
		{"", "v1", "replicationcontrollers", owner_changed},
		{"apps", "v1", "replicasets", owner_changed},
		{"apps", "v1", "deployments", owner_changed},
		{"apps", "v1", "statefulsets", owner_changed},
		{0},
	};

	return usual_new(w, k,
		&(struct usual_options){.recorder = "controllermanager",
			.sources = sources,
			.reconcile = reconcile});
}

const struct controller_kind disruption_kind = {
	.name = "disruption-controller",
	.aliases = "disruption",
	.start = start,
};
