/* Deployment */
#include "pod_spec.h"

static void defaults(struct change *c)
{
	struct cJSON *strategy = json_path(c->object, "spec.strategy");

	pod_spec_defaults(c->arena, json_path(c->object, "spec.template.spec"), false);
	if (!str_eq_text(tree_str(strategy, "type"), "RollingUpdate"))
		return;
	if (!tree_has(strategy, "rollingUpdate.maxUnavailable"))
		tree_set_str(c->arena, strategy, "rollingUpdate.maxUnavailable", STR("25%"));
	if (!tree_has(strategy, "rollingUpdate.maxSurge"))
		tree_set_str(c->arena, strategy, "rollingUpdate.maxSurge", STR("25%"));
}

/* Annotations count, too. */
static bool changed(const struct cJSON *object, const struct cJSON *old)
{
	return !json_equal(json_get(object, STR("spec")), json_get(old, STR("spec"))) ||
	       !json_equal(json_path(object, "metadata.annotations"),
		       json_path(old, "metadata.annotations"));
}

/* /status keeps the labels. */
static void prepare_status(struct change *c)
{
	const struct cJSON *labels = json_path(c->old, "metadata.labels");

	tree_set(c->arena, c->object, "metadata.labels",
		labels ? json_copy(c->arena, labels) : NULL);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");

	check_not_negative(e, &spec, "replicas", json_get(c->object, STR("spec")));
	check_not_negative(e, &spec, "minReadySeconds", json_get(c->object, STR("spec")));
	check_workload_selector(e, c->object, "deployment");
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

static const char *const status_resets[] = {"spec", "metadata.labels", NULL};

const struct strategy strategy_deployments = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate_update,
	.changed = changed,
	.status_resets = status_resets,
	.prepare_status = prepare_status,
	.scale = &scale,
};
