/* DaemonSet */
#include "workload_rules.h"

#define GENERATION "deprecated.daemonset.template.generation"

static const char *const noted[] = {GENERATION, NULL};

/* Old clients read the template's generation here. */
static void note_generation(struct change *c, int64_t number)
{
	struct cJSON *annotations = json_path(c->object, "metadata.annotations");

	if (!annotations) {
		tree_set(c->arena, c->object, "metadata.annotations",
			json_new(c->arena, JSON_OBJECT));
		annotations = json_path(c->object, "metadata.annotations");
	}
	json_set(c->arena, annotations, STR(GENERATION),
		json_new_str(c->arena, arena_print(c->arena, "%lld", (long long)number)));
}

static int64_t generation_of(const struct cJSON *object)
{
	int64_t number = 0;

	str_to_i64(json_str(json_get(json_path(object, "metadata.annotations"), STR(GENERATION))),
		&number);
	return number;
}

static void prepare_create(struct change *c)
{
	note_generation(c, 1);
}

static void prepare_update(struct change *c)
{
	bool same = json_equal(
		json_path(c->object, "spec.template"), json_path(c->old, "spec.template"));

	note_generation(c, generation_of(c->old) + !same);
}

static void prepare_status(struct change *c)
{
	note_generation(c, generation_of(c->old));
}

static void defaults(struct change *c)
{
	struct cJSON *strategy = json_path(c->object, "spec.updateStrategy");

	note_generation(c, generation_of(c->object));
	pod_spec_defaults(c->arena, json_path(c->object, "spec.template.spec"), false);
	if (!str_eq_text(tree_str(strategy, "type"), "RollingUpdate"))
		return;
	if (!tree_has(strategy, "rollingUpdate.maxUnavailable"))
		tree_set_int(c->arena, strategy, "rollingUpdate.maxUnavailable", 1);
	if (!tree_has(strategy, "rollingUpdate.maxSurge"))
		tree_set_int(c->arena, strategy, "rollingUpdate.maxSurge", 0);
}

/* ---- the strategy ---- */

static void check_rolling(struct field_errors *e, const struct path *p, const struct cJSON *rolling)
{
	struct path unavailable_at = PATH(p, "maxUnavailable"), surge_at = PATH(p, "maxSurge");
	const struct cJSON *unavailable = json_get(rolling, STR("maxUnavailable"));
	const struct cJSON *surge = json_get(rolling, STR("maxSurge"));

	workload_check_share(e, &unavailable_at, unavailable);
	workload_check_share(e, &surge_at, surge);
	workload_check_whole(e, &unavailable_at, unavailable);
	workload_check_whole(e, &surge_at, surge);
	if (workload_share(unavailable) && workload_share(surge))
		field_invalid(
			e, &surge_at, surge, "may not be set when maxUnavailable is non-zero");
	else if (!workload_share(unavailable) && !workload_share(surge))
		field_required(e, &unavailable_at, "cannot be 0 when maxSurge is 0");
}

static void check_strategy(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const choices[] = {"RollingUpdate", "OnDelete", NULL};
	struct path at = PATH(p, "updateStrategy"), rolling_at = PATH(&at, "rollingUpdate");
	const struct cJSON *strategy = json_get(spec, STR("updateStrategy"));
	struct str type = tree_str(strategy, "type");

	if (str_eq_text(type, "RollingUpdate"))
		check_rolling(e, &rolling_at, json_get(strategy, STR("rollingUpdate")));
	else if (!str_eq_text(type, "OnDelete"))
		workload_not_supported(
			e, &at, SCHEMA(apps_v1, DaemonSetUpdateStrategy), strategy, choices);
}

/* ---- all of it ---- */

/* A missing selector is only found to match nothing. */
static void check_selector(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "selector");
	const struct cJSON *selector = json_get(spec, STR("selector"));
	struct label_selector_rules rules = {0};

	check_label_selector(e, &at, selector, rules);
	workload_check_match(e, p, spec, selector);
	if (json_type(selector) != JSON_NULL &&
		!json_count(json_get(selector, STR("matchLabels"))) &&
		!json_count(json_get(selector, STR("matchExpressions"))))
		field_invalid(e, &at, selector, "empty selector is invalid for daemonset");
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec_at = PATH(NULL, "spec"), tmpl = PATH(&spec_at, "template");
	const struct cJSON *spec = json_get(c->object, STR("spec"));

	check_selector(e, &spec_at, spec);
	check_template(e, &tmpl, json_get(spec, STR("template")));
	workload_check_restart(e, c->object);
	workload_check_deadline(e, c->object, "DaemonSet");
	check_not_negative(e, &spec_at, "minReadySeconds", spec);
	check_strategy(e, &spec_at, spec);
	check_not_negative(e, &spec_at, "revisionHistoryLimit", spec);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");

	rule_immutable(e, &spec, json_get(c->object, STR("spec")), json_get(c->old, STR("spec")),
		"selector");
	validate(c, e);
}

static void validate_status(struct change *c, struct field_errors *e)
{
	static const char *const counts[] = {"currentNumberScheduled", "numberMisscheduled",
		"desiredNumberScheduled", "numberReady", "observedGeneration",
		"updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount",
		NULL};
	struct path status = PATH(NULL, "status");

	workload_check_counts(e, &status, json_get(c->object, STR("status")), counts);
	workload_check_collisions(c, e);
}

const struct strategy strategy_daemonsets = {
	.template_spec = "spec.template.spec",
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.prepare_update = prepare_update,
	.validate = validate,
	.validate_update = validate_update,
	.prepare_status = prepare_status,
	.validate_status = validate_status,
	.version_annotations = noted,
	.warn = workload_warn,
};
