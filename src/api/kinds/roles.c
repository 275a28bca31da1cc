/* Role */
#include "kinds.h"
#include "rbac_rules.h"

static void validate(struct change *c, struct field_errors *e)
{
	check_policy_rules(e, c->object, true);
}

const struct strategy strategy_roles = {
	.name_rule = name_check_path_segment,
	.put_creates = true,
	.unconditional = true,
	.validate = validate,
	.validate_update = validate,
};
