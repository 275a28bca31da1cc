/* VolumeAttributesClass */
#include "storage_rules.h"

static void validate(struct change *c, struct field_errors *e)
{
	check_provisioner(e, c->object, "driverName");
	check_parameters(e, c->object, false);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	static const char *const kept[] = {"driverName", "parameters", NULL};

	for (size_t i = 0; kept[i]; i++) {
		struct path at = PATH(NULL, kept[i]);

		if (!json_equal(json_get(c->object, str_from(kept[i])),
			    json_get(c->old, str_from(kept[i]))))
			field_forbidden(e, &at, "updates to %s are forbidden.", kept[i]);
	}
}

const struct strategy strategy_volumeattributesclasses = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.validate = validate,
	.validate_update = validate_update,
};
