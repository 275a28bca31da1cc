/* Metrics of autoscaling/v2beta1: what is aimed at stood beside the metric's name. */
#include "convert.h"

/* value and its kind: from `name` into target.FIELD, with the kind it makes of the target. */
static void aim(struct arena *a, struct cJSON *source, const char *name, const char *field,
	const char *type)
{
	struct cJSON *value = json_get(source, str_from(name));

	if (!value)
		return;
	json_remove(source, value);
	if (!tree_has(source, "target.type"))
		tree_set_str(a, source, "target.type", str_from(type));
	json_set(a, json_get(source, STR("target")), str_from(field), value);
}

static void measure(struct arena *a, struct cJSON *source, const char *name, const char *selector)
{
	struct cJSON *series = json_get(source, str_from(selector));

	tree_set_str(a, source, "metric.name", tree_str(source, name));
	json_remove(source, json_get(source, str_from(name)));
	if (!series)
		return;
	json_remove(source, series);
	json_set(a, json_get(source, STR("metric")), STR("selector"), series);
}

void metric_to_hub(struct arena *a, struct cJSON *metric)
{
	static const char *const resources[] = {"resource", "containerResource", NULL};
	struct cJSON *source;

	for (size_t i = 0; resources[i]; i++)
		if ((source = json_get(metric, str_from(resources[i])))) {
			aim(a, source, "targetAverageUtilization", "averageUtilization",
				"Utilization");
			aim(a, source, "targetAverageValue", "averageValue", "AverageValue");
		}
	if ((source = json_get(metric, STR("pods")))) {
		aim(a, source, "targetAverageValue", "averageValue", "AverageValue");
		measure(a, source, "metricName", "selector");
	}
	if ((source = json_get(metric, STR("object")))) {
		convert_rename(a, source, "target", "describedObject");
		aim(a, source, "averageValue", "averageValue", "AverageValue");
		aim(a, source, "targetValue", "value", "Value");
		measure(a, source, "metricName", "selector");
	}
	if ((source = json_get(metric, STR("external")))) {
		aim(a, source, "targetValue", "value", "Value");
		aim(a, source, "targetAverageValue", "averageValue", "AverageValue");
		measure(a, source, "metricName", "metricSelector");
	}
}

/* current.FIELD from `name`; without a value for each pod there is a share alone. */
static void found(struct arena *a, struct cJSON *source, const char *name, const char *field)
{
	struct cJSON *value = json_get(source, str_from(name));

	if (!value)
		return;
	json_remove(source, value);
	if (!json_get(source, STR("current")))
		json_set(a, source, STR("current"), json_new(a, JSON_OBJECT));
	json_set(a, json_get(source, STR("current")), str_from(field), value);
}

void metric_status_to_hub(struct arena *a, struct cJSON *metric)
{
	static const char *const resources[] = {"resource", "containerResource", NULL};
	struct cJSON *source;

	for (size_t i = 0; resources[i]; i++)
		if ((source = json_get(metric, str_from(resources[i])))) {
			found(a, source, "currentAverageUtilization", "averageUtilization");
			found(a, source, "currentAverageValue", "averageValue");
		}
	if ((source = json_get(metric, STR("pods")))) {
		found(a, source, "currentAverageValue", "averageValue");
		measure(a, source, "metricName", "selector");
	}
	if ((source = json_get(metric, STR("object")))) {
		convert_rename(a, source, "target", "describedObject");
		found(a, source, "currentValue", "value");
		found(a, source, "averageValue", "averageValue");
		measure(a, source, "metricName", "selector");
	}
	if ((source = json_get(metric, STR("external")))) {
		found(a, source, "currentValue", "value");
		found(a, source, "currentAverageValue", "averageValue");
		measure(a, source, "metricName", "metricSelector");
	}
}

void metrics_to_hub(struct arena *a, struct cJSON *object)
{
	json_each (metric, json_path(object, "spec.metrics"))
		metric_to_hub(a, metric);
	json_each (metric, json_path(object, "status.currentMetrics"))
		metric_status_to_hub(a, metric);
}

/* ---- and back ---- */

static void lift(struct arena *a, struct cJSON *source, const char *from, const char *field,
	const char *name)
{
	struct cJSON *value = json_get(json_get(source, str_from(from)), str_from(field));

	if (value)
		json_set(a, source, str_from(name), json_copy(a, value));
}

static void unaim(struct arena *a, struct cJSON *source, const char *field, const char *name)
{
	lift(a, source, "target", field, name);
}

static void unmeasure(struct arena *a, struct cJSON *source, const char *name, const char *selector)
{
	const struct cJSON *series = json_path(source, "metric.selector");

	tree_set_str(a, source, name, tree_str(source, "metric.name"));
	if (series)
		json_set(a, source, str_from(selector), json_copy(a, series));
}

void metric_from_hub(struct arena *a, struct cJSON *metric)
{
	static const char *const resources[] = {"resource", "containerResource", NULL};
	struct cJSON *source;

	for (size_t i = 0; resources[i]; i++)
		if ((source = json_get(metric, str_from(resources[i])))) {
			unaim(a, source, "averageUtilization", "targetAverageUtilization");
			unaim(a, source, "averageValue", "targetAverageValue");
		}
	if ((source = json_get(metric, STR("pods")))) {
		unaim(a, source, "averageValue", "targetAverageValue");
		unmeasure(a, source, "metricName", "selector");
	}
	if ((source = json_get(metric, STR("object")))) {
		unaim(a, source, "value", "targetValue");
		unaim(a, source, "averageValue", "averageValue");
		unmeasure(a, source, "metricName", "selector");
		tree_drop(source, "target");
		convert_rename(a, source, "describedObject", "target");
	}
	if ((source = json_get(metric, STR("external")))) {
		unaim(a, source, "value", "targetValue");
		unaim(a, source, "averageValue", "targetAverageValue");
		unmeasure(a, source, "metricName", "metricSelector");
	}
}

void metric_status_from_hub(struct arena *a, struct cJSON *metric)
{
	static const char *const resources[] = {"resource", "containerResource", NULL};
	struct cJSON *source;

	for (size_t i = 0; resources[i]; i++)
		if ((source = json_get(metric, str_from(resources[i])))) {
			lift(a, source, "current", "averageUtilization",
				"currentAverageUtilization");
			lift(a, source, "current", "averageValue", "currentAverageValue");
		}
	if ((source = json_get(metric, STR("pods")))) {
		lift(a, source, "current", "averageValue", "currentAverageValue");
		unmeasure(a, source, "metricName", "selector");
	}
	if ((source = json_get(metric, STR("object")))) {
		lift(a, source, "current", "value", "currentValue");
		lift(a, source, "current", "averageValue", "averageValue");
		unmeasure(a, source, "metricName", "selector");
		convert_rename(a, source, "describedObject", "target");
	}
	if ((source = json_get(metric, STR("external")))) {
		lift(a, source, "current", "value", "currentValue");
		lift(a, source, "current", "averageValue", "currentAverageValue");
		unmeasure(a, source, "metricName", "metricSelector");
	}
}

void metrics_from_hub(struct arena *a, struct cJSON *object)
{
	json_each (metric, json_path(object, "spec.metrics"))
		metric_from_hub(a, metric);
	json_each (metric, json_path(object, "status.currentMetrics"))
		metric_status_from_hub(a, metric);
}
