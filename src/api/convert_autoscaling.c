/*
 * Autoscaling v1 knows one metric, the pods' share of their CPU requests. All else travels in
 * annotations, which are as old as their names: metrics in the shape of v2beta1, behavior as Go
 * prints its internal struct. Those that cannot be read count as not there.
 */
#include "convert.h"

#define PREFIX "autoscaling.alpha.kubernetes.io/"

static const char *const annotations[] = {
	PREFIX "metrics", PREFIX "current-metrics", PREFIX "behavior", PREFIX "conditions", NULL};

bool scaler_drop_annotations(struct cJSON *object)
{
	struct cJSON *list = json_path(object, "metadata.annotations");
	bool any = false;

	for (size_t i = 0; annotations[i]; i++)
		any |= json_remove(list, json_get(list, str_from(annotations[i])));
	if (any && !json_count(list))
		tree_drop(object, "metadata.annotations");
	return any;
}

/* ---- from the hub ---- */

static void annotate(struct arena *a, struct cJSON *object, const char *name, struct str text)
{
	if (!json_path(object, "metadata.annotations"))
		tree_set(a, object, "metadata.annotations", json_new(a, JSON_OBJECT));
	json_set(a, json_path(object, "metadata.annotations"), str_from(name),
		json_new_str(a, text));
}

static void annotate_list(
	struct arena *a, struct cJSON *object, const char *name, const struct cJSON *list)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);

	if (!json_count(list))
		return;
	json_print(&text, list, JSON_COMPACT);
	annotate(a, object, name, buf_str(&text));
}

/* The share of CPU that a metric (or what has been measured of it) speaks of. */
static const struct cJSON *cpu_share(const struct cJSON *metric, const char *path)
{
	if (!str_eq_text(tree_str(metric, "type"), "Resource") ||
		!str_eq_text(tree_str(metric, "resource.name"), "cpu"))
		return NULL;
	return json_path(metric, path);
}

/* The item as its shape has it; what the shape does not know is left out. */
static void append_shaped(
	struct arena *a, struct cJSON *list, const struct schema *s, const struct cJSON *item)
{
	struct cJSON *out;

	if (!api_decode(a, s, item, NULL, &out, NULL))
		json_append(list, out);
}

static void lower_metrics(struct arena *a, struct cJSON *object)
{
	struct cJSON *others = json_new(a, JSON_ARRAY);

	json_each (metric, json_path(object, "spec.metrics")) {
		const struct cJSON *share = cpu_share(metric, "resource.target.averageUtilization");
		struct cJSON *copy;

		if (share) {
			if (!tree_has(object, "spec.targetCPUUtilizationPercentage"))
				tree_set(a, object, "spec.targetCPUUtilizationPercentage",
					json_copy(a, share));
			continue;
		}
		copy = json_copy(a, metric);
		metric_from_hub(a, copy);
		append_shaped(a, others, SCHEMA(autoscaling_v2beta1, MetricSpec), copy);
	}
	annotate_list(a, object, PREFIX "metrics", others);
}

/* All of them: the raw values beside the share count, too. */
static void lower_measures(struct arena *a, struct cJSON *object)
{
	struct cJSON *all = json_new(a, JSON_ARRAY);

	json_each (metric, json_path(object, "status.currentMetrics")) {
		const struct cJSON *share =
			cpu_share(metric, "resource.current.averageUtilization");
		struct cJSON *copy = json_copy(a, metric);

		if (share)
			tree_set(a, object, "status.currentCPUUtilizationPercentage",
				json_copy(a, share));
		metric_status_from_hub(a, copy);
		append_shaped(a, all, SCHEMA(autoscaling_v2beta1, MetricStatus), copy);
	}
	annotate_list(a, object, PREFIX "current-metrics", all);
}

void scaler_from_hub(struct arena *a, struct cJSON *object)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);
	const struct cJSON *behavior = json_path(object, "spec.behavior");

	scaler_drop_annotations(object);
	lower_metrics(a, object);
	lower_measures(a, object);
	if (behavior) {
		api_print_go(
			&text, SCHEMA(autoscaling_v2, HorizontalPodAutoscalerBehavior), behavior);
		annotate(a, object, PREFIX "behavior", buf_str(&text));
	}
	annotate_list(a, object, PREFIX "conditions", json_path(object, "status.conditions"));
}

/* ---- to the hub ---- */

/* The value of an annotation; NULL when it is not there or no JSON. */
static struct cJSON *annotated(struct arena *a, const struct cJSON *object, const char *name)
{
	struct str text =
		json_str(json_get(json_path(object, "metadata.annotations"), str_from(name)));
	struct cJSON *root;

	return text.len && !json_parse(a, text, NULL, &root, NULL) ? root : NULL;
}

/* Every item of it in its shape; NULL when one has another. */
static struct cJSON *annotated_list(
	struct arena *a, const struct cJSON *object, const char *name, const struct schema *s)
{
	const struct cJSON *list = annotated(a, object, name);
	struct cJSON *out = json_new(a, JSON_ARRAY), *item_out;

	if (!json_is(list, JSON_ARRAY))
		return NULL;
	json_each (item, list) {
		if (api_decode(a, s, item, NULL, &item_out, NULL))
			return NULL;
		json_append(out, item_out);
	}
	return out;
}

static struct cJSON *cpu_metric(struct arena *a, const struct cJSON *share)
{
	struct cJSON *metric = json_new(a, JSON_OBJECT);

	tree_set_str(a, metric, "type", STR("Resource"));
	tree_set_str(a, metric, "resource.name", STR("cpu"));
	tree_set_str(a, metric, "resource.target.type", STR("Utilization"));
	tree_set(a, metric, "resource.target.averageUtilization", json_copy(a, share));
	return metric;
}

/* v1 never said that 80 percent were aimed at when nothing else was. */
#define SHARE_STANDARD 80

static void raise_metrics(struct arena *a, struct cJSON *object)
{
	const struct cJSON *share = json_path(object, "spec.targetCPUUtilizationPercentage");
	struct cJSON *metrics = annotated_list(
		a, object, PREFIX "metrics", SCHEMA(autoscaling_v2beta1, MetricSpec));

	if (!metrics)
		metrics = json_new(a, JSON_ARRAY);
	json_each (metric, metrics)
		metric_to_hub(a, metric);
	if (share)
		json_append(metrics, cpu_metric(a, share));
	if (!json_count(metrics))
		json_append(metrics, cpu_metric(a, json_new_int(a, SHARE_STANDARD)));
	tree_set(a, object, "spec.metrics", metrics);
}

static void raise_measures(struct arena *a, struct cJSON *object)
{
	const struct cJSON *share = json_path(object, "status.currentCPUUtilizationPercentage");
	struct cJSON *measures = annotated_list(
		a, object, PREFIX "current-metrics", SCHEMA(autoscaling_v2beta1, MetricStatus));
	struct cJSON *metric;

	json_each (measure, measures)
		metric_status_to_hub(a, measure);
	if (!measures && share) {
		metric = json_new(a, JSON_OBJECT);
		tree_set_str(a, metric, "type", STR("Resource"));
		tree_set_str(a, metric, "resource.name", STR("cpu"));
		tree_set(a, metric, "resource.current.averageUtilization", json_copy(a, share));
		measures = json_new(a, JSON_ARRAY);
		json_append(measures, metric);
	}
	if (measures)
		tree_set(a, object, "status.currentMetrics", measures);
}

/* Go reads its names in any case. */
static struct cJSON *lower_names(struct arena *a, const struct cJSON *value)
{
	struct cJSON *out = json_new(a, json_type(value));

	if (!json_is(value, JSON_OBJECT) && !json_is(value, JSON_ARRAY))
		return json_copy(a, value);
	json_each (item, value) {
		struct str key = arena_print(a, "%.*s", STRF(json_key(item)));
		char *first = (char *)(uintptr_t)key.at;

		if (json_is(value, JSON_ARRAY)) {
			json_append(out, lower_names(a, item));
			continue;
		}
		if (key.len && *first >= 'A' && *first <= 'Z')
			*first = (char)(*first + 'a' - 'A');
		json_set(a, out, key, lower_names(a, item));
	}
	return out;
}

void scaler_to_hub(struct arena *a, struct cJSON *object)
{
	const struct cJSON *behavior = annotated(a, object, PREFIX "behavior");
	struct cJSON *conditions = annotated_list(a, object, PREFIX "conditions",
		SCHEMA(autoscaling_v2, HorizontalPodAutoscalerCondition));
	struct cJSON *out;

	raise_metrics(a, object);
	raise_measures(a, object);
	if (json_is(behavior, JSON_OBJECT) &&
		!api_decode(a, SCHEMA(autoscaling_v2, HorizontalPodAutoscalerBehavior),
			lower_names(a, behavior), NULL, &out, NULL))
		tree_set(a, object, "spec.behavior", out);
	if (conditions)
		tree_set(a, object, "status.conditions", conditions);
	scaler_drop_annotations(object);
}
