/* ReplicaSet */
#include "pod_spec.h"

static void defaults(struct change *c)
{
	pod_spec_defaults(c->arena, json_path(c->object, "spec.template.spec"), false);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");

	check_not_negative(e, &spec, "replicas", json_get(c->object, STR("spec")));
	check_not_negative(e, &spec, "minReadySeconds", json_get(c->object, STR("spec")));
	check_workload_selector(e, c->object, "replicaset");
	check_template(e, &tmpl, json_path(c->object, "spec.template"));
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "selector");
	const struct cJSON *selector = json_path(c->object, "spec.selector");

	validate(c, e);
	if (!json_equal(selector, json_path(c->old, "spec.selector")))
		field_invalid(e, &at, selector, "field is immutable");
}

static const struct scale_paths scale = {
	.replicas = "spec.replicas",
	.status_replicas = "status.replicas",
	.selector = "spec.selector",
};

const struct strategy strategy_replicasets = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate_update,
	.scale = &scale,
};
