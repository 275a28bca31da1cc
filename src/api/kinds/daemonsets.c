/* DaemonSet */
#include "pod_spec.h"

#define GENERATION "deprecated.daemonset.template.generation"

/* Old clients read the template's generation here. */
static void note_generation(struct change *c, struct str text)
{
	struct cJSON *annotations = json_path(c->object, "metadata.annotations");

	if (!annotations) {
		tree_set(c->arena, c->object, "metadata.annotations",
			json_new(c->arena, JSON_OBJECT));
		annotations = json_path(c->object, "metadata.annotations");
	}
	json_set(c->arena, annotations, STR(GENERATION), json_new_str(c->arena, text));
}

static void prepare_create(struct change *c)
{
	note_generation(c, STR("1"));
}

static void prepare_update(struct change *c)
{
	struct str was =
		json_str(json_get(json_path(c->old, "metadata.annotations"), STR(GENERATION)));
	bool same = json_equal(
		json_path(c->object, "spec.template"), json_path(c->old, "spec.template"));
	int64_t number = 0;

	str_to_i64(was, &number);
	note_generation(c, arena_print(c->arena, "%lld", (long long)(number + !same)));
}

static void defaults(struct change *c)
{
	struct cJSON *strategy = json_path(c->object, "spec.updateStrategy");

	pod_spec_defaults(c->arena, json_path(c->object, "spec.template.spec"), false);
	if (!str_eq_text(tree_str(strategy, "type"), "RollingUpdate"))
		return;
	if (!tree_has(strategy, "rollingUpdate.maxUnavailable"))
		tree_set_int(c->arena, strategy, "rollingUpdate.maxUnavailable", 1);
	if (!tree_has(strategy, "rollingUpdate.maxSurge"))
		tree_set_int(c->arena, strategy, "rollingUpdate.maxSurge", 0);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");

	check_not_negative(e, &spec, "replicas", json_get(c->object, STR("spec")));
	check_not_negative(e, &spec, "minReadySeconds", json_get(c->object, STR("spec")));
	check_workload_selector(e, c->object, "daemonset");
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

const struct strategy strategy_daemonsets = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.prepare_update = prepare_update,
	.validate = validate,
	.validate_update = validate_update,
};
