/* ReplicationController */
#include "workload_rules.h"

static void defaults(struct change *c)
{
	const struct cJSON *labels = json_path(c->object, "spec.template.metadata.labels");

	if (json_count(labels) && !json_count(json_path(c->object, "spec.selector")))
		tree_set(c->arena, c->object, "spec.selector", json_copy(c->arena, labels));
	if (json_count(labels) && !json_count(json_path(c->object, "metadata.labels")))
		tree_set(c->arena, c->object, "metadata.labels", json_copy(c->arena, labels));
	pod_spec_defaults(c->arena, json_path(c->object, "spec.template.spec"), false);
}

static const struct workload_words words = {.deadline = "ReplicationController"};

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec_at = PATH(NULL, "spec"), tmpl = PATH(&spec_at, "template");
	struct path at = PATH(&spec_at, "selector");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	const struct cJSON *map = json_get(spec, STR("selector"));
	struct cJSON *selector = json_new(c->arena, JSON_OBJECT);

	check_not_negative(e, &spec_at, "minReadySeconds", spec);
	if (!json_count(map))
		field_required(e, &at, "%s", "");
	else
		json_add_borrowed(selector, STR("matchLabels"), json_copy(c->arena, map));
	check_not_negative(e, &spec_at, "replicas", spec);
	if (!tree_has(spec, "template"))
		field_required(e, &tmpl, "%s", "");
	else
		workload_check_template(e, c->object, selector, &words);
}

static void validate_status(struct change *c, struct field_errors *e)
{
	static const char *const counts[] = {"replicas", "fullyLabeledReplicas", "readyReplicas",
		"availableReplicas", "observedGeneration", NULL};
	static const char *const within[] = {
		"fullyLabeledReplicas", "readyReplicas", "availableReplicas", NULL};
	struct path status = PATH(NULL, "status");

	workload_check_counts(e, &status, json_get(c->object, STR("status")), counts);
	workload_check_replicas(e, c->object, within, "readyReplicas");
}

static void warn(struct change *c)
{
	workload_warn_name(c);
	workload_warn(c);
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
	.template_spec = "spec.template.spec",
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate,
	.validate_status = validate_status,
	.warn = warn,
	.propagation = PROPAGATE_ORPHAN,
	.scale = &scale,
	.field_labels = labels,
	.field_value = value,
};
