/* RoleBinding */
#include "kinds.h"
#include "rbac_rules.h"

static void validate(struct change *c, struct field_errors *e)
{
	check_binding(e, c->object, true);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	validate(c, e);
	check_binding_update(c, e);
}

const struct strategy strategy_rolebindings = {
	.name_rule = name_check_path_segment,
	.put_creates = true,
	.unconditional = true,
	.defaults = binding_defaults,
	.validate = validate,
	.validate_update = validate_update,
};
