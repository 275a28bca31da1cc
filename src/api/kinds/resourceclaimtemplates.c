/* ResourceClaimTemplate */
#include "device_rules.h"

static void defaults(struct change *c)
{
	device_claim_defaults(c->arena, json_path(c->object, "spec.spec"));
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path root = PATH(NULL, "spec"), meta = PATH(&root, "metadata");
	struct path labels = PATH(&meta, "labels"), annotations = PATH(&meta, "annotations");
	struct path spec = PATH(&root, "spec");

	check_annotations(e, &annotations, json_path(c->object, "spec.metadata.annotations"));
	check_labels(e, &labels, json_path(c->object, "spec.metadata.labels"));
	check_device_claim(e, &spec, json_path(c->object, "spec.spec"));
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");

	check_device_fixed(e, &spec, SCHEMA(resource_v1, ResourceClaimTemplateSpec),
		json_get(c->object, STR("spec")), json_get(c->old, STR("spec")));
}

const struct strategy strategy_resourceclaimtemplates = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.delete_answers_object = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate_update,
};
