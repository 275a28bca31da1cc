/* DeviceTaintRule */
#include "condition_rules.h"
#include "device_rules.h"

#define CONDITIONS_MAX 8

static void defaults(struct change *c)
{
	struct cJSON *taint = json_path(c->object, "spec.taint");

	if (taint)
		set_taint_times(c, taint);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path p = PATH(NULL, "spec"), selector_at = PATH(&p, "deviceSelector");
	struct path driver = PATH(&selector_at, "driver"), pool = PATH(&selector_at, "pool");
	struct path device = PATH(&selector_at, "device"), taint = PATH(&p, "taint");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	const struct cJSON *selector = json_get(spec, STR("deviceSelector"));

	if (tree_has(selector, "driver"))
		check_driver_name(e, &driver, tree_str(selector, "driver"));
	if (tree_has(selector, "pool"))
		check_pool_name(e, &pool, tree_str(selector, "pool"));
	if (tree_has(selector, "device"))
		check_device_name(e, &device, tree_str(selector, "device"));
	check_device_taint(
		e, &taint, json_get(spec, STR("taint")), json_path(c->old, "spec.taint"));
}

static void validate_status(struct change *c, struct field_errors *e)
{
	struct path status = PATH(NULL, "status"), at = PATH(&status, "conditions");
	const struct cJSON *list = json_path(c->object, "status.conditions");

	check_conditions(e, &at, list);
	if (json_count(list) > CONDITIONS_MAX)
		field_too_many(e, &at, (int64_t)json_count(list), CONDITIONS_MAX);
}

const struct strategy strategy_devicetaintrules = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.status_keeps_metadata = true,
	.delete_answers_object = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate,
	.validate_status = validate_status,
};
