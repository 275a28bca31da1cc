/* ResourceClaim */
#include "device_rules.h"

static void defaults(struct change *c)
{
	device_claim_defaults(c->arena, json_get(c->object, STR("spec")));
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");

	check_device_claim(e, &spec, json_get(c->object, STR("spec")));
}

/* Nothing else can have changed, so nothing else is looked at. */
static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");

	check_device_fixed(e, &spec, SCHEMA(resource_v1, ResourceClaimSpec),
		json_get(c->object, STR("spec")), json_get(c->old, STR("spec")));
}

/* ---- status ---- */

static bool is_allocated(const struct cJSON *claim, const struct cJSON *device)
{
	static const char *const parts[] = {"driver", "pool", "device", "shareID"};

	json_each (result, json_path(claim, "status.allocation.devices.results")) {
		bool same = true;

		for (size_t i = 0; i < ARRAY_LEN(parts); i++)
			same &= str_eq(tree_str(result, parts[i]), tree_str(device, parts[i]));
		if (same)
			return true;
	}
	return false;
}

/* With a device goes what was said about it. */
static void prepare_status(struct change *c)
{
	struct cJSON *list = json_path(c->object, "status.devices"), *device = json_first(list);

	while (device) {
		struct cJSON *next = json_next(device);

		if (is_allocated(c->old, device) && !is_allocated(c->object, device))
			json_remove(list, device);
		device = next;
	}
}

const struct strategy strategy_resourceclaims = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
	.status_keeps_metadata = true,
	.delete_answers_object = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate_update,
	.prepare_status = prepare_status,
	.validate_status = check_device_claim_status,
};
