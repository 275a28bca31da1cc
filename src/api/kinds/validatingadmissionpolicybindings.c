/* ValidatingAdmissionPolicyBinding */
#include "kinds.h"
#include "policy_rules.h"

static bool holds(const struct cJSON *list, const char *action)
{
	json_each (item, list)
		if (str_eq_text(json_str(item), action))
			return true;
	return false;
}

static void check_actions(struct field_errors *e, const struct path *p, const struct cJSON *list)
{
	static const char *const known[] = {"Audit", "Deny", "Warn", NULL};
	size_t i = 0;

	json_each (action, list) {
		struct path at = PATH_INDEX(p, i);

		if (!rule_is_one_of(json_str(action), known))
			field_not_supported_str(e, &at, json_str(action), known);
		if (rule_came_before(list, i++, NULL, json_str(action)))
			field_duplicate_str(e, &at, json_str(action));
	}
	if (holds(list, "Deny") && holds(list, "Warn"))
		field_invalid(e, p, list,
			"must not contain both Deny and Warn (repeating the same validation "
			"failure information in the API response and headers serves no purpose)");
	if (!i)
		field_required(e, p, "at least one validation action is required");
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path root = PATH(NULL, "spec"), actions = PATH(&root, "validationActions");
	const struct cJSON *spec = json_get(c->object, STR("spec"));

	check_policy_binding(e, &root, spec);
	check_actions(e, &actions, json_get(spec, STR("validationActions")));
}

const struct strategy strategy_validatingadmissionpolicybindings = {
	.name_rule = name_check_dns_subdomain,
	.generation = GENERATION_SPEC,
	.update_checks_metadata_once = true,
	.validate = validate,
	.validate_update = validate,
};
