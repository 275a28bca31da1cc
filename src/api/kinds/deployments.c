/* Deployment */
#include "workload_rules.h"

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

/* ---- the strategy ---- */

static void check_rolling(struct field_errors *e, const struct path *p, const struct cJSON *rolling)
{
	struct path unavailable_at = PATH(p, "maxUnavailable"), surge_at = PATH(p, "maxSurge");
	const struct cJSON *unavailable = json_get(rolling, STR("maxUnavailable"));
	const struct cJSON *surge = json_get(rolling, STR("maxSurge"));

	workload_check_share(e, &unavailable_at, unavailable);
	workload_check_share(e, &surge_at, surge);
	if (!workload_share(unavailable) && !workload_share(surge))
		field_invalid(e, &unavailable_at, unavailable, "may not be 0 when `maxSurge` is 0");
	workload_check_whole(e, &unavailable_at, unavailable);
}

static void check_strategy(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const choices[] = {"Recreate", "RollingUpdate", NULL};
	struct path at = PATH(p, "strategy"), rolling_at = PATH(&at, "rollingUpdate");
	const struct cJSON *strategy = json_get(spec, STR("strategy"));
	const struct cJSON *rolling = json_get(strategy, STR("rollingUpdate"));
	struct str type = tree_str(strategy, "type");

	if (str_eq_text(type, "RollingUpdate"))
		check_rolling(e, &rolling_at, rolling);
	else if (!str_eq_text(type, "Recreate"))
		workload_not_supported(
			e, &at, SCHEMA(apps_v1, DeploymentStrategy), strategy, choices);
	else if (rolling)
		field_forbidden(
			e, &rolling_at, "may not be specified when strategy `type` is 'Recreate'");
}

/* ---- all of it ---- */

static const struct workload_words words = {
	.empty = "deployment", .unsound = "invalid label selector", .deadline = "ReplicaSet"};

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec_at = PATH(NULL, "spec"), at = PATH(&spec_at, "progressDeadlineSeconds");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	int64_t deadline = tree_int(spec, "progressDeadlineSeconds", 0);

	check_not_negative(e, &spec_at, "replicas", spec);
	workload_check_pods(e, c->object, &words);
	check_strategy(e, &spec_at, spec);
	check_not_negative(e, &spec_at, "minReadySeconds", spec);
	check_not_negative(e, &spec_at, "revisionHistoryLimit", spec);
	check_not_negative(e, &spec_at, "progressDeadlineSeconds", spec);
	if (tree_has(spec, "progressDeadlineSeconds") &&
		deadline <= tree_int(spec, "minReadySeconds", 0))
		field_invalid_int(e, &at, deadline, "must be greater than minReadySeconds");
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
	static const char *const counts[] = {"observedGeneration", "replicas", "updatedReplicas",
		"readyReplicas", "availableReplicas", "unavailableReplicas", "terminatingReplicas",
		"collisionCount", NULL};
	static const char *const within[] = {
		"updatedReplicas", "readyReplicas", "availableReplicas", NULL};
	struct path status = PATH(NULL, "status");

	workload_check_counts(e, &status, json_get(c->object, STR("status")), counts);
	workload_check_replicas(e, c->object, within, "readyReplicas");
	workload_check_collisions(c, e);
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

static const char *const status_resets[] = {"spec", "metadata.labels", NULL};

/* Old clients ask for a rollback here; conversion has it. */
static const char *const noted[] = {"deprecated.deployment.rollback.to", NULL};

const struct strategy strategy_deployments = {
	.template_spec = "spec.template.spec",
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
	.validate_status = validate_status,
	.version_annotations = noted,
	.warn = warn,
	.scale = &scale,
};
