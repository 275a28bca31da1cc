/* ClusterRole */
#include "kinds.h"
#include "rbac_rules.h"

static void check_aggregation(struct change *c, struct field_errors *e, const struct cJSON *rule)
{
	struct path root = PATH(NULL, "aggregationRule");
	struct path list = PATH(&root, "clusterRoleSelectors");
	const struct cJSON *selectors = json_get(rule, STR("clusterRoleSelectors"));
	struct label_selector_rules rules = {0};
	size_t i = 0;

	if (!json_count(selectors))
		field_required(e, &list,
			"at least one clusterRoleSelector required if aggregationRule is non-nil");
	json_each (selector, selectors) {
		struct path at = PATH_INDEX(&list, i++);
		_cleanup_(err_done) struct err err = {0};
		struct selector parsed;
		size_t before = e->count;

		check_label_selector(e, &at, selector, rules);
		if (e->count > before || label_selector_from(c->arena, selector, &parsed, &err))
			field_invalid(e, &at, NULL, "invalid label selector.");
	}
}

static void validate(struct change *c, struct field_errors *e)
{
	const struct cJSON *aggregation = json_get(c->object, STR("aggregationRule"));

	check_policy_rules(e, c->object, false);
	if (aggregation)
		check_aggregation(c, e, aggregation);
}

const struct strategy strategy_clusterroles = {
	.name_rule = name_check_path_segment,
	.put_creates = true,
	.unconditional = true,
	.validate = validate,
	.validate_update = validate,
};
