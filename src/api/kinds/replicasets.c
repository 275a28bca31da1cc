/* ReplicaSet */
#include "workload_rules.h"

static void defaults(struct change *c)
{
	pod_spec_defaults(c->arena, json_path(c->object, "spec.template.spec"), false);
}

/* Deployments lent their words. */
static const struct workload_words words = {
	.empty = "deployment", .unsound = "invalid label selector", .deadline = "ReplicaSet"};

static void validate(struct change *c, struct field_errors *e)
{
	static const char *const counts[] = {"replicas", "minReadySeconds", NULL};
	struct path spec = PATH(NULL, "spec");

	workload_check_counts(e, &spec, json_get(c->object, STR("spec")), counts);
	workload_check_pods(e, c->object, &words);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");

	validate(c, e);
	rule_immutable(e, &spec, json_get(c->object, STR("spec")), json_get(c->old, STR("spec")),
		"selector");
}

static void validate_status(struct change *c, struct field_errors *e)
{
	static const char *const counts[] = {"replicas", "fullyLabeledReplicas", "readyReplicas",
		"availableReplicas", "observedGeneration", "terminatingReplicas", NULL};
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
};

const struct strategy strategy_replicasets = {
	.template_spec = "spec.template.spec",
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate_update,
	.validate_status = validate_status,
	.warn = warn,
	.scale = &scale,
};
