/* validatingadmissionpolicy-status: says of policies what their expressions get wrong of types. */
#include "policy_types.h"

static void reconcile(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct arena *a = p->arena;
	struct object *o = informer_get_key(usual_informer(u, "validatingadmissionpolicies"), key);
	const struct cJSON *policy;
	struct trees definitions = {0};
	struct cJSON *status, *warnings;
	int64_t generation;

	(void)now;
	if (!o)
		return;
	policy = object_lean_tree(a, o);
	generation = tree_int(policy, "metadata.generation", 0);
	if (generation <= tree_int(policy, "status.observedGeneration", 0))
		return;
	informer_each(it, informer_all(usual_informer(u, "customresourcedefinitions")))
	{
		trees_add(a, &definitions, object_lean_tree(a, it.object));
	}
	warnings = policy_type_warnings(a, policy, &definitions);
	status = json_new(a, JSON_OBJECT);
	tree_set_str(a, status, "apiVersion", STR("admissionregistration.k8s.io/v1"));
	tree_set_str(a, status, "kind", STR("ValidatingAdmissionPolicy"));
	tree_set_str(a, status, "metadata.name", key);
	tree_set(a, status, "status.observedGeneration", json_new_int(a, generation));
	tree_set(a, status, "status.typeChecking", json_new(a, JSON_OBJECT));
	if (json_count(warnings))
		tree_set(a, status, "status.typeChecking.expressionWarnings", warnings);
	plan_apply_status(p, usual_resource(u, "validatingadmissionpolicies"), status);
}

static void policy_changed(struct usual *u, struct object *old, struct object *fresh)
{
	(void)old;
	if (fresh)
		usual_enqueue_object(u, fresh);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"admissionregistration.k8s.io", "v1", "validatingadmissionpolicies",
			policy_changed},
		{"apiextensions.k8s.io", "v1", "customresourcedefinitions", NULL}, {0}};

	return usual_new(w, k, &(struct usual_options){.sources = sources, .reconcile = reconcile});
}

const struct controller_kind policy_status_kind = {
	.name = "validatingadmissionpolicy-status-controller",
	.aliases = "validatingadmissionpolicy-status",
	.start = start,
};
