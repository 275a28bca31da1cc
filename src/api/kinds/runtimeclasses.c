/* RuntimeClass */
#include "pod_parts.h"

static void check_overhead(struct change *c, struct field_errors *e)
{
	struct path at = PATH(NULL, "overhead");
	const struct cJSON *fixed = json_path(c->object, "overhead.podFixed");
	struct pod_check check = {.e = e, .spec = c->object};
	struct cJSON *resources;

	if (!fixed)
		return;
	resources = json_new(c->arena, JSON_OBJECT);
	json_set(c->arena, resources, STR("limits"), json_copy(c->arena, fixed));
	pod_check_resources(&check, &at, resources);
}

static void check_scheduling(struct change *c, struct field_errors *e)
{
	struct path at = PATH(NULL, "scheduling"), labels = PATH(&at, "nodeSelector");
	struct path tolerations = PATH(&at, "tolerations");
	const struct cJSON *scheduling = json_get(c->object, STR("scheduling"));
	const struct cJSON *list = json_get(scheduling, STR("tolerations"));
	struct pod_check check = {.e = e, .spec = scheduling};
	size_t i = 0;

	check_labels(e, &labels, json_get(scheduling, STR("nodeSelector")));
	pod_check_tolerations(&check, &at);
	json_each (toleration, list) {
		struct path item = PATH_INDEX(&tolerations, i);

		for (size_t j = 0; j < i; j++)
			if (json_equal(json_at(list, j), toleration)) {
				field_duplicate(e, &item, toleration);
				break;
			}
		i++;
	}
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path handler = PATH(NULL, "handler");

	if (rule_text(e, NULL, c->object, "handler"))
		field_check_name(e, &handler, tree_str(c->object, "handler"), name_check_dns_label);
	check_overhead(c, e);
	check_scheduling(c, e);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	rule_immutable(e, NULL, c->object, c->old, "handler");
}

const struct strategy strategy_runtimeclasses = {
	.name_rule = name_check_dns_subdomain,
	.put_creates = true,
	.validate = validate,
	.validate_update = validate_update,
};
