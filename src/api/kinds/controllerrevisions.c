/* ControllerRevision */
#include "rules.h"

static void validate(struct change *c, struct field_errors *e)
{
	struct path data = PATH(NULL, "data"), at = PATH(NULL, "revision");
	int64_t revision = tree_int(c->object, "revision", 0);

	if (!tree_has(c->object, "data"))
		field_required(e, &data, "data is mandatory");
	else if (!json_is(json_get(c->object, STR("data")), JSON_OBJECT))
		field_required(e, &data, "data must be a valid JSON object");
	if (revision < 0)
		field_invalid_int(e, &at, revision, "must be greater than or equal to 0");
}

static void validate_update(struct change *c, struct field_errors *e)
{
	validate(c, e);
	rule_immutable(e, NULL, c->object, c->old, "data");
}

const struct strategy strategy_controllerrevisions = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.validate = validate,
	.validate_update = validate_update,
};
