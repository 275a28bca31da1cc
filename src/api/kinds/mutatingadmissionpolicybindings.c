/* MutatingAdmissionPolicyBinding */
#include "kinds.h"
#include "policy_rules.h"

static void validate(struct change *c, struct field_errors *e)
{
	struct path root = PATH(NULL, "spec");

	check_policy_binding(e, &root, json_get(c->object, STR("spec")));
}

const struct strategy strategy_mutatingadmissionpolicybindings = {
	.name_rule = name_check_dns_subdomain,
	.generation = GENERATION_SPEC,
	.update_checks_metadata_once = true,
	.validate = validate,
	.validate_update = validate,
};
