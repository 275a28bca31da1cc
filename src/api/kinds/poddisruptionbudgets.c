/* PodDisruptionBudget */
#include "workload_rules.h"

static void validate(struct change *c, struct field_errors *e)
{
	static const char *const policies[] = {"AlwaysAllow", "IfHealthyBudget", NULL};
	static const char *const limits[] = {"minAvailable", "maxUnavailable", NULL};
	struct path spec_at = PATH(NULL, "spec"), selector = PATH(&spec_at, "selector");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	/* what was let through once still is */
	struct label_selector_rules rules = {.allow_invalid_values = c->old != NULL};

	if (tree_has(spec, "minAvailable") && tree_has(spec, "maxUnavailable"))
		workload_invalid(e, &spec_at, SCHEMA(policy_v1, PodDisruptionBudgetSpec), spec,
			"minAvailable and maxUnavailable cannot be both set");
	for (size_t i = 0; limits[i]; i++) {
		struct path at = PATH(&spec_at, limits[i]);
		const struct cJSON *limit = json_get(spec, str_from(limits[i]));

		workload_check_share(e, &at, limit);
		workload_check_whole(e, &at, limit);
	}
	check_label_selector(e, &selector, json_get(spec, STR("selector")), rules);
	rule_choice(e, &spec_at, spec, "unhealthyPodEvictionPolicy", policies);
}

/* ---- status ---- */

static void check_condition(
	struct field_errors *e, const struct path *p, const struct cJSON *condition)
{
	static const char *const words[] = {"False", "True", "Unknown", NULL};
	struct path type = PATH(p, "type"), reason = PATH(p, "reason");
	struct path time = PATH(p, "lastTransitionTime");

	if (rule_text(e, p, condition, "type"))
		field_check_name(e, &type, tree_str(condition, "type"), name_check_qualified);
	if (!rule_is_one_of(tree_str(condition, "status"), words))
		field_not_supported_str(
			e, &PATH(p, "status"), tree_str(condition, "status"), words);
	if (!tree_has(condition, "lastTransitionTime"))
		field_required(e, &time, "%s", "");
	if (!tree_str(condition, "reason").len)
		field_required(e, &reason, "%s", "");
}

static void validate_status(struct change *c, struct field_errors *e)
{
	static const char *const counts[] = {
		"disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods", NULL};
	struct path status_at = PATH(NULL, "status"), list_at = PATH(&status_at, "conditions");
	const struct cJSON *status = json_get(c->object, STR("status"));
	size_t i = 0;

	json_each (condition, json_get(status, STR("conditions"))) {
		struct path item = PATH_INDEX(&list_at, i++);

		check_condition(e, &item, condition);
	}
	workload_check_counts(e, &status_at, status, counts);
}

const struct strategy strategy_poddisruptionbudgets = {
	.name_rule = name_check_path_segment,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.validate = validate,
	.validate_update = validate,
	.validate_status = validate_status,
};
