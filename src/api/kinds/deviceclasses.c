/* DeviceClass */
#include "device_rules.h"
#include "resource_names.h"

#define CONFIGS_MAX 32

static void check_config(
	struct field_errors *e, const struct path *p, const struct cJSON *config, const void *ctx)
{
	(void)ctx;
	check_device_config(e, p, config);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path p = PATH(NULL, "spec"), selectors = PATH(&p, "selectors");
	struct path configs = PATH(&p, "config"), extended = PATH(&p, "extendedResourceName");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	struct str name = tree_str(spec, "extendedResourceName");

	check_device_selectors(e, &selectors, json_get(spec, STR("selectors")));
	check_devices_list(
		e, &configs, json_get(spec, STR("config")), CONFIGS_MAX, NULL, check_config, NULL);
	if (tree_has(spec, "extendedResourceName") && !resource_name_is_extended(name))
		field_invalid_str(e, &extended, name, "must be a valid extended resource name");
}

const struct strategy strategy_deviceclasses = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.delete_answers_object = true,
	.validate = validate,
	.validate_update = validate,
};
