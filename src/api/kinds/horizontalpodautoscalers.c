/* HorizontalPodAutoscaler */
#include "convert.h"
#include "hpa_rules.h"
#include "workload_rules.h"

/* ---- defaults ---- */

static struct cJSON *constant(struct change *c, const char *json)
{
	struct cJSON *out = NULL;

	if (json_parse(c->arena, str_from(json), NULL, &out, NULL))
		assert(!"a constant is JSON");
	return out;
}

/* What the client says of a direction, over what holds otherwise. */
static void fill_direction(
	struct change *c, struct cJSON *behavior, const char *name, const char *standard)
{
	struct cJSON *rules = constant(c, standard);

	json_each (own, json_get(behavior, str_from(name)))
		if (json_type(own) != JSON_NULL)
			json_set(c->arena, rules, json_key(own), json_copy(c->arena, own));
	json_set(c->arena, behavior, str_from(name), rules);
}

static void defaults(struct change *c)
{
	struct cJSON *behavior = json_path(c->object, "spec.behavior");

	scaler_drop_annotations(
		c->object); /* of v1, which has them for what stands in fields here */
	if (!json_count(json_path(c->object, "spec.metrics")))
		tree_set(c->arena, c->object, "spec.metrics",
			constant(c,
				"[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":"
				"{\"type\":\"Utilization\",\"averageUtilization\":80}}}]"));
	if (!behavior)
		return;
	fill_direction(c, behavior, "scaleUp",
		"{\"stabilizationWindowSeconds\":0,\"selectPolicy\":\"Max\",\"policies\":["
		"{\"type\":\"Pods\",\"value\":4,\"periodSeconds\":15},"
		"{\"type\":\"Percent\",\"value\":100,\"periodSeconds\":15}]}");
	fill_direction(c, behavior, "scaleDown",
		"{\"selectPolicy\":\"Max\",\"policies\":["
		"{\"type\":\"Percent\",\"value\":100,\"periodSeconds\":15}]}");
}

/* ---- checks ---- */

static void check_numbers(struct change *c, struct field_errors *e, const struct path *p)
{
	struct path fewest_at = PATH(p, "minReplicas"), most_at = PATH(p, "maxReplicas");
	int64_t fewest = tree_int(c->object, "spec.minReplicas", 1);
	int64_t most = tree_int(c->object, "spec.maxReplicas", 0);
	int64_t least = c->old && !tree_int(c->old, "spec.minReplicas", 1) ? 0 : 1;

	if (fewest < least)
		field_invalid_int(e, &fewest_at, fewest, "must be greater than or equal to %lld",
			(long long)least);
	if (!most)
		field_required(e, &most_at, "must be set and greater than 0");
	else if (most < 1)
		field_invalid_int(e, &most_at, most, "must be greater than or equal to 1");
	if (most < fewest)
		field_invalid_int(
			e, &most_at, most, "must be greater than or equal to `minReplicas`");
}

/* The core group has one thing that scales. */
static void check_group(struct field_errors *e, const struct path *p, const struct cJSON *target)
{
	struct path at = PATH(p, "apiVersion");
	struct str text = tree_str(target, "apiVersion"), group = {0}, version = {0}, rest;

	if (str_cut(text, '/', &group, &rest) && str_find_char(rest, '/') >= 0) {
		field_invalid_str(e, &at, text, "unexpected GroupVersion string: %.*s", STRF(text));
		return;
	}
	api_version_split(text, &group, &version);
	if (!group.len && !str_eq_text(tree_str(target, "kind"), "ReplicationController"))
		field_invalid_str(e, &at, text, "apiVersion must specify API group");
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path at = PATH(NULL, "spec"), target_at = PATH(&at, "scaleTargetRef");
	struct path metrics = PATH(&at, "metrics"), behavior = PATH(&at, "behavior");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	const struct cJSON *target = json_get(spec, STR("scaleTargetRef"));

	check_numbers(c, e, &at);
	hpa_check_reference(e, &target_at, target);
	if (!c->old || !json_equal(target, json_path(c->old, "spec.scaleTargetRef")))
		check_group(e, &target_at, target);
	hpa_check_metrics(
		e, &metrics, json_get(spec, STR("metrics")), !tree_int(spec, "minReplicas", 1));
	hpa_check_behavior(e, &behavior, json_get(spec, STR("behavior")));
}

static void validate_status(struct change *c, struct field_errors *e)
{
	static const char *const counts[] = {"currentReplicas", "desiredReplicas", NULL};
	struct path status = PATH(NULL, "status");

	workload_check_counts(e, &status, json_get(c->object, STR("status")), counts);
}

const struct strategy strategy_horizontalpodautoscalers = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.drops_status = true,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate,
	.validate_status = validate_status,
};
