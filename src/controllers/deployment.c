/* deployment: rolls ReplicaSets over as a Deployment says. The decisions are in rollout.h. */
#include "rollout.h"

static const struct claim_kind claims = {"Deployment", "apps", "deployments"};

static void deployment_changed(struct usual *u, struct object *old, struct object *fresh)
{
	usual_enqueue_object(u, fresh ? fresh : old);
}

static void set_changed(struct usual *u, struct object *old, struct object *fresh)
{
	claim_changed(u, &claims, old, fresh);
}

/* Who recreates waits until the last old pod is gone; everybody else hears from the sets. */
static void pod_changed(struct usual *u, struct object *old, struct object *fresh)
{
	_cleanup_(arena_done) struct arena a;
	struct cJSON *pod = json_new((arena_init(&a), &a), JSON_OBJECT), *owners = NULL;

	if (fresh && str_eq(object_scan(old ? old : fresh, "status.phase"),
			     object_scan(fresh, "status.phase")))
		return;
	struct object *o = old ? old : fresh;
	json_parse(&a, object_scan(o, "metadata.ownerReferences"), NULL, &owners, NULL);
	tree_set(&a, pod, "metadata.ownerReferences", owners);
	const struct cJSON *ref = controller_of(pod);
	if (!ref || !str_eq_text(tree_str(ref, "kind"), "ReplicaSet"))
		return;
	struct object *set = informer_get(usual_informer(u, "replicasets"),
		client_object_namespace(o), tree_str(ref, "name"));
	if (set)
		usual_enqueue_owner(u, set, claims.kind, claims.group);
}

static bool is_taken(void *ctx, struct str namespace, struct str name)
{
	return informer_get(ctx, namespace, name) != NULL;
}

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *o = informer_get_key(usual_informer(u, "deployments"), key);
	struct deployment_view *v = arena_new(p->arena, sizeof(*v));

	if (!o)
		return;
	v->deployments = usual_resource(u, "deployments");
	v->sets_resource = usual_resource(u, "replicasets");
	v->deployment = object_lean_tree(p->arena, o);
	struct str namespace = tree_str(v->deployment, "metadata.namespace");
	trees_claimable(p->arena, &v->sets, usual_informer(u, "replicasets"), namespace,
		tree_str(v->deployment, "metadata.uid"));
	if (str_eq_text(tree_str(v->deployment, "spec.strategy.type"), "Recreate"))
		for (size_t i = 0; i < v->sets.count; i++)
			informer_each(it, informer_by(usual_informer(u, "pods"), "claim",
						  tree_str(v->sets.items[i], "metadata.uid")))
				trees_add(
					p->arena, &v->pods, object_lean_tree(p->arena, it.object));
	v->is_taken = is_taken;
	v->ctx = usual_informer(u, "replicasets");
	rollout_plan(v, now, p);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"apps", "v1", "deployments", deployment_changed},
		{"apps", "v1", "replicasets", set_changed},
		{"", "v1", "pods", pod_changed},
		{0},
	};

	return usual_new(w, k,
		&(struct usual_options){.recorder = "deployment-controller",
			.sources = sources,
			.reconcile = reconcile,
			.refused = rollout_refused});
}

const struct controller_kind deployment_kind = {
	.name = "deployment-controller",
	.aliases = "deployment",
	.start = start,
};
