/* How controllers say on a pod that it is they who remove it. */
#include "disruption_target.h"

#include "workload.h"

void pod_condition_set(struct arena *a, struct cJSON *conditions, const struct cJSON *pod,
	const char *type, const char *status, struct str reason, struct str message, int64_t now)
{
	struct cJSON *c = condition_find(conditions, type);
	bool same = c && str_eq_text(tree_str(c, "status"), status);

	if (!c) {
		c = json_new(a, JSON_OBJECT);
		tree_set_str(a, c, "type", str_from(type));
		json_append(conditions, c);
	}
	if (tree_has(pod, "metadata.generation"))
		tree_set_int(a, c, "observedGeneration", tree_int(pod, "metadata.generation", 0));
	tree_set_str(a, c, "status", str_from(status));
	if (!same)
		tree_set_str(a, c, "lastTransitionTime", time_text(a, now));
	tree_set_str(a, c, "reason", reason);
	tree_set_str(a, c, "message", message);
}

void plan_disruption(struct plan *p, const struct resource *pods, const struct cJSON *pod,
	const char *phase, const char *reason, const char *message, int64_t now)
{
	struct arena *a = p->arena;
	struct cJSON *patch = json_new(a, JSON_OBJECT), *conditions;

	tree_set_str(a, patch, "metadata.uid", tree_str(pod, "metadata.uid"));
	tree_set_str(
		a, patch, "metadata.resourceVersion", tree_str(pod, "metadata.resourceVersion"));
	if (phase)
		tree_set_str(a, patch, "status.phase", str_from(phase));
	if (reason) {
		conditions = json_copy(a, json_path(pod, "status.conditions"));
		if (!json_is(conditions, JSON_ARRAY))
			conditions = json_new(a, JSON_ARRAY);
		pod_condition_set(a, conditions, pod, "DisruptionTarget", "True", str_from(reason),
			str_from(message), now);
		tree_set(a, patch, "status.conditions", conditions);
	}
	plan_patch_status(p, pods, tree_str(pod, "metadata.namespace"),
		tree_str(pod, "metadata.name"), patch);
}
