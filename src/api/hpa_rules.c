#include "hpa_rules.h"

#define WINDOW_MAX 3600 /* seconds */
#define PERIOD_MAX 1800

/* ---- references ---- */

static void check_segment(struct field_errors *e, const struct path *p, const struct cJSON *o,
	const char *name, const char *detail)
{
	struct path at = PATH(p, name);
	struct str value = json_str(json_get(o, str_from(name)));

	if (!value.len)
		field_required(e, &at, "%s", detail);
	else
		field_check_name(e, &at, value, name_check_path_segment);
}

void hpa_check_reference(
	struct field_errors *e, const struct path *p, const struct cJSON *reference)
{
	check_segment(e, p, reference, "kind", "");
	check_segment(e, p, reference, "name", "");
}

/* ---- targets ---- */

static bool is_positive(const struct cJSON *amount)
{
	struct quantity q;

	return amount && !quantity_parse(json_str(amount), &q, NULL) && quantity_sign(q) > 0;
}

static void check_positive(
	struct field_errors *e, const struct path *p, const struct cJSON *target, const char *name)
{
	struct path at = PATH(p, name);
	const struct cJSON *value = json_get(target, str_from(name));

	if (value && !is_positive(value))
		field_invalid(e, &at, value, "must be positive");
}

static void check_target(struct field_errors *e, const struct path *p, const struct cJSON *target)
{
	static const char *const types[] = {"Utilization", "Value", "AverageValue", NULL};
	struct path at = PATH(p, "type");
	struct str type = tree_str(target, "type");

	if (!type.len)
		field_required(e, &at, "must specify a metric target type");
	if (!rule_is_one_of(type, types))
		field_invalid_str(
			e, &at, type, "must be either Utilization, Value, or AverageValue");
	check_positive(e, p, target, "value");
	check_positive(e, p, target, "averageValue");
	rule_positive(e, p, target, "averageUtilization");
}

/* ---- sources ---- */

static void check_metric_name(
	struct field_errors *e, const struct path *p, const struct cJSON *source)
{
	struct path at = PATH(p, "metric");

	check_segment(
		e, &at, json_get(source, STR("metric")), "name", "must specify a metric name");
}

static void check_object(struct field_errors *e, const struct path *p, const struct cJSON *source)
{
	struct path described = PATH(p, "describedObject"), at = PATH(p, "target");
	struct path average = PATH(&at, "averageValue");
	const struct cJSON *target = json_get(source, STR("target"));

	hpa_check_reference(e, &described, json_get(source, STR("describedObject")));
	check_metric_name(e, p, source);
	check_target(e, &at, target);
	if (!tree_has(target, "value") && !tree_has(target, "averageValue"))
		field_required(e, &average, "must set either a target value or averageValue");
}

static void check_external(struct field_errors *e, const struct path *p, const struct cJSON *source)
{
	struct path at = PATH(p, "target"), value = PATH(&at, "value");
	struct path average = PATH(&at, "averageValue");
	const struct cJSON *target = json_get(source, STR("target"));

	check_metric_name(e, p, source);
	check_target(e, &at, target);
	if (!tree_has(target, "value") && !tree_has(target, "averageValue"))
		field_required(e, &average,
			"must set either a target value for metric or a per-pod target");
	if (tree_has(target, "value") && tree_has(target, "averageValue"))
		field_forbidden(e, &value,
			"may not set both a target value for metric and a per-pod target");
}

static void check_pods(struct field_errors *e, const struct path *p, const struct cJSON *source)
{
	struct path at = PATH(p, "target"), average = PATH(&at, "averageValue");
	const struct cJSON *target = json_get(source, STR("target"));

	check_metric_name(e, p, source);
	check_target(e, &at, target);
	if (!is_positive(json_get(target, STR("averageValue"))))
		field_required(e, &average, "must specify a positive target averageValue");
}

static void check_resource_target(
	struct field_errors *e, const struct path *p, const struct cJSON *source)
{
	struct path at = PATH(p, "target"), share = PATH(&at, "averageUtilization");
	struct path value = PATH(&at, "averageValue");
	const struct cJSON *target = json_get(source, STR("target"));

	check_target(e, &at, target);
	if (!tree_has(target, "averageUtilization") && !tree_has(target, "averageValue"))
		field_required(
			e, &share, "must set either a target raw value or a target utilization");
	if (tree_has(target, "averageUtilization") && tree_has(target, "averageValue"))
		field_forbidden(
			e, &value, "may not set both a target raw value and a target utilization");
}

static void check_resource(struct field_errors *e, const struct path *p, const struct cJSON *source)
{
	struct path name = PATH(p, "name");

	if (!tree_str(source, "name").len)
		field_required(e, &name, "must specify a resource name");
	check_resource_target(e, p, source);
}

static void check_container(
	struct field_errors *e, const struct path *p, const struct cJSON *source)
{
	struct path name = PATH(p, "name"), at = PATH(p, "container");

	if (!tree_str(source, "name").len)
		field_required(e, &name, "must specify a resource name");
	if (!tree_str(source, "container").len)
		field_required(e, &at, "must specify a container");
	rule_name(e, p, source, "container", name_check_dns_label);
	check_resource_target(e, p, source);
}

/* ---- metrics ---- */

static const struct source {
	const char *type, *name;
	void (*check)(struct field_errors *e, const struct path *p, const struct cJSON *source);
} sources[] = {
	{"Object", "object", check_object},
	{"External", "external", check_external},
	{"Pods", "pods", check_pods},
	{"Resource", "resource", check_resource},
	{"ContainerResource", "containerResource", check_container},
};

static void check_metric(struct field_errors *e, const struct path *p, const struct cJSON *metric)
{
	static const char *const types[] = {
		"ContainerResource", "External", "Object", "Pods", "Resource", NULL};
	struct path type_at = PATH(p, "type");
	struct str type = tree_str(metric, "type");
	size_t present = 0;

	if (!type.len)
		field_required(e, &type_at, "must specify a metric source type");
	if (!rule_is_one_of(type, types))
		field_not_supported_str(e, &type_at, type, types);
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		struct path at = PATH(p, sources[i].name);
		const struct cJSON *source = json_get(metric, str_from(sources[i].name));

		if (source && ++present == 1)
			sources[i].check(e, &at, source);
	}
	if (!rule_is_one_of(type, types)) /* by itself, and as one that has no source */
		field_not_supported_str(e, &type_at, type, types);
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		struct path at = PATH(p, sources[i].name);
		bool meant = str_eq_text(type, sources[i].type);
		bool there = tree_has(metric, sources[i].name);

		if (meant && !there)
			field_required(
				e, &at, "must populate information for the given metric source");
		if (!meant && there && present != 1)
			field_forbidden(e, &at, "must populate the given metric source only");
	}
}

void hpa_check_metrics(
	struct field_errors *e, const struct path *p, const struct cJSON *metrics, bool to_zero)
{
	bool outside = false; /* measured without any pod */
	size_t i = 0;

	json_each (metric, metrics) {
		struct path at = PATH_INDEX(p, i++);

		check_metric(e, &at, metric);
		outside |= tree_has(metric, "object") || tree_has(metric, "external");
	}
	if (to_zero && !outside)
		field_forbidden(e, p,
			"must specify at least one Object or External metric to support scaling to "
			"zero replicas");
}

/* ---- behavior ---- */

static void check_number(struct field_errors *e, const struct path *p, const struct cJSON *o,
	const char *name, int64_t least, const char *less, int64_t most)
{
	struct path at = PATH(p, name);
	int64_t value;

	if (!json_int(json_get(o, str_from(name)), &value))
		return;
	if (value < least)
		field_invalid_int(e, &at, value, "must be greater than %s", less);
	if (value > most)
		field_invalid_int(
			e, &at, value, "must be less than or equal to %lld", (long long)most);
}

static void check_policy(struct field_errors *e, const struct path *p, const struct cJSON *policy)
{
	static const char *const types[] = {"Percent", "Pods", NULL};
	struct path at = PATH(p, "type");

	if (!rule_is_one_of(tree_str(policy, "type"), types))
		field_not_supported_str(e, &at, tree_str(policy, "type"), types);
	check_number(e, p, policy, "value", 1, "zero", INT64_MAX);
	check_number(e, p, policy, "periodSeconds", 1, "zero", PERIOD_MAX);
}

static void check_scaling(struct field_errors *e, const struct path *p, const struct cJSON *rules)
{
	static const char *const selects[] = {"Disabled", "Max", "Min", NULL};
	struct path list = PATH(p, "policies"), at = PATH(p, "tolerance");
	const struct cJSON *policies = json_get(rules, STR("policies"));
	const struct cJSON *tolerance = json_get(rules, STR("tolerance"));
	struct quantity q;
	size_t i = 0;

	check_number(e, p, rules, "stabilizationWindowSeconds", 0, "or equal to zero", WINDOW_MAX);
	rule_choice(e, p, rules, "selectPolicy", selects);
	if (!json_count(policies))
		field_required(e, &list, "must specify at least one Policy");
	json_each (policy, policies) {
		struct path item = PATH_INDEX(&list, i++);

		check_policy(e, &item, policy);
	}
	if (tolerance && !quantity_parse(json_str(tolerance), &q, NULL) && quantity_sign(q) < 0)
		field_invalid(e, &at, tolerance, "must be greater than or equal to 0");
}

void hpa_check_behavior(struct field_errors *e, const struct path *p, const struct cJSON *behavior)
{
	static const char *const directions[] = {"scaleUp", "scaleDown", NULL};

	for (size_t i = 0; directions[i]; i++) {
		struct path at = PATH(p, directions[i]);
		const struct cJSON *rules = json_get(behavior, str_from(directions[i]));

		if (rules)
			check_scaling(e, &at, rules);
	}
}
