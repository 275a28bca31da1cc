/* ReplicationController */
#include "pod_spec.h"

static void defaults(struct change *c)
{
	const struct cJSON *labels = json_path(c->object, "spec.template.metadata.labels");

	if (json_count(labels) && !json_count(json_path(c->object, "spec.selector")))
		tree_set(c->arena, c->object, "spec.selector", json_copy(c->arena, labels));
	if (json_count(labels) && !json_count(json_path(c->object, "metadata.labels")))
		tree_set(c->arena, c->object, "metadata.labels", json_copy(c->arena, labels));
	pod_spec_defaults(c->arena, json_path(c->object, "spec.template.spec"), false);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");
	struct path selector = PATH(&spec, "selector");

	check_not_negative(e, &spec, "minReadySeconds", json_get(c->object, STR("spec")));
	if (!json_count(json_path(c->object, "spec.selector")))
		field_required(e, &selector, "%s", "");
	check_not_negative(e, &spec, "replicas", json_get(c->object, STR("spec")));
	if (!tree_has(c->object, "spec.template"))
		field_required(e, &tmpl, "%s", "");
	else
		check_template(e, &tmpl, json_path(c->object, "spec.template"));
}

static const struct scale_paths scale = {
	.replicas = "spec.replicas",
	.status_replicas = "status.replicas",
	.selector = "spec.selector",
	.selector_is_map = true,
};

static const char *const labels[] = {"status.replicas", NULL};

static struct str value(struct arena *a, const struct cJSON *object, struct str label)
{
	(void)label;
	return arena_print(a, "%lld", (long long)tree_int(object, "status.replicas", 0));
}

const struct strategy strategy_replicationcontrollers = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate,
	.propagation = PROPAGATE_ORPHAN,
	.scale = &scale,
	.field_labels = labels,
	.field_value = value,
};
