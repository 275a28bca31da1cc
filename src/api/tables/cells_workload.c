/* Jobs, autoscalers, revisions, groups: cells of what makes pods. */
#include "cells_own.h"

#include <kube/time.h>

static bool condition_true(const struct table_row *row, const char *type)
{
	return str_eq_text(tree_str(row_condition(row, type), "status"), "True");
}

/* ---- jobs ---- */

void cell_job_status(struct table_row *row, const char *argument)
{
	static const char *const later[] = {
		"Suspended", "FailureTarget", "SuccessCriteriaMet", NULL};
	const char *word = "Running";

	(void)argument;
	if (condition_true(row, "Complete")) {
		word = "Complete";
	} else if (condition_true(row, "Failed")) {
		word = "Failed";
	} else if (tree_has(row->object, "metadata.deletionTimestamp")) {
		word = "Terminating";
	} else {
		for (size_t i = 0; later[i]; i++)
			if (condition_true(row, later[i])) {
				word = later[i];
				break;
			}
	}
	row_add(row, str_from(word));
}

void cell_completions(struct table_row *row, const char *argument)
{
	long long succeeded = tree_int(row->object, "status.succeeded", 0);
	long long parallel = tree_int(row->object, "spec.parallelism", 0);

	(void)argument;
	if (tree_has(row->object, "spec.completions"))
		row_add(row, arena_print(row->arena, "%lld/%lld", succeeded,
				     (long long)tree_int(row->object, "spec.completions", 0)));
	else if (parallel > 1)
		row_add(row, arena_print(row->arena, "%lld/1 of %lld", succeeded, parallel));
	else
		row_add(row, arena_print(row->arena, "%lld/1", succeeded));
}

void cell_job_duration(struct table_row *row, const char *argument)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	int64_t start, end = row->now;

	(void)argument;
	if (!time_parse(tree_str(row->object, "status.startTime"), &start, NULL)) {
		time_parse(tree_str(row->object, "status.completionTime"), &end, NULL);
		duration_print_human(&text, time_between(start, end));
	}
	row_add(row, buf_str(&text));
}

void cell_suspend(struct table_row *row, const char *argument)
{
	(void)argument;
	if (!tree_has(row->object, "spec.suspend"))
		row_add(row, STR("<unset>"));
	else
		row_add(row, tree_true(row->object, "spec.suspend") ? STR("True") : STR("False"));
}

/* ---- the owner of a revision ---- */

void cell_controller(struct table_row *row, const char *argument)
{
	(void)argument;
	json_each (owner, json_path(row->object, "metadata.ownerReferences")) {
		struct str group, version, kind = tree_str(owner, "kind");
		_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);

		if (!tree_true(owner, "controller"))
			continue;
		api_version_split(tree_str(owner, "apiVersion"), &group, &version);
		for (size_t i = 0; i < kind.len; i++)
			buf_add_char(&text, text_lower(kind.at[i]));
		if (group.len)
			buf_print(&text, ".%.*s", STRF(group));
		buf_print(&text, "/%.*s", STRF(tree_str(owner, "name")));
		row_add(row, buf_str(&text));
		return;
	}
	row_add(row, STR("<none>"));
}

/* ---- autoscalers (autoscaling/v2) ---- */

/* Where the numbers of a metric stand, by its type. */
struct metric_shape {
	const char *type, *member;
	bool named;         /* "cpu: " stands before it */
	bool tells_average; /* "(avg)" behind it */
};

static const struct metric_shape metric_shapes[] = {
	{"External", "external", false, true},
	{"Pods", "pods", false, false},
	{"Object", "object", false, true},
	{"Resource", "resource", true, false},
	{"ContainerResource", "containerResource", true, false},
};

static const struct metric_shape *metric_shape(struct str type)
{
	for (size_t i = 0; i < sizeof(metric_shapes) / sizeof(metric_shapes[0]); i++)
		if (str_eq_text(type, metric_shapes[i].type))
			return &metric_shapes[i];
	return NULL;
}

/* The current value; list items of spec and status stand at the same index. */
static struct str metric_current(struct table_row *row, const struct cJSON *status,
	const struct metric_shape *shape, bool average, bool utilization)
{
	const struct cJSON *current =
		json_path(json_get(status, str_from(shape->member)), "current");

	if (!current)
		return STR("<unknown>");
	if (utilization) {
		if (!tree_has(current, "averageUtilization"))
			return STR("<unknown>");
		return arena_print(row->arena, "%lld%%",
			(long long)tree_int(current, "averageUtilization", 0));
	}
	return tree_str(current, average ? "averageValue" : "value");
}

static void add_metric(struct table_row *row, struct joined *j, const struct cJSON *spec,
	const struct cJSON *status)
{
	const struct metric_shape *shape = metric_shape(tree_str(spec, "type"));

	if (!shape) {
		joined_add(j, STR("<unknown type>"));
		return;
	}
	const struct cJSON *body = json_get(spec, str_from(shape->member));
	const struct cJSON *target = json_path(body, "target");
	bool average = tree_has(target, "averageValue");
	bool utilization = shape->named && !average;
	struct str wanted = tree_str(target, average ? "averageValue" : "value");

	if (utilization)
		wanted = tree_has(target, "averageUtilization")
				 ? arena_print(row->arena, "%lld%%",
					   (long long)tree_int(target, "averageUtilization", 0))
				 : STR("<auto>");
	struct str now = metric_current(row, status, shape, average, utilization);
	if (!now.len)
		now = STR("<unknown>");
	joined_add(j, arena_print(row->arena, "%.*s%s%.*s/%.*s%s",
			      STRF(shape->named ? tree_str(body, "name") : STR("")),
			      shape->named ? ": " : "", STRF(now), STRF(wanted),
			      average && shape->tells_average ? " (avg)" : ""));
}

void cell_targets(struct table_row *row, const char *argument)
{
	const struct cJSON *specs = json_path(row->object, "spec.metrics");
	const struct cJSON *statuses = json_path(row->object, "status.currentMetrics");
	struct joined j;
	size_t i = 0;

	(void)argument;
	joined_init(&j, ", ", 2);
	json_each (spec, specs)
		add_metric(row, &j, spec, json_at(statuses, i++));
	joined_end(&j, row, "<none>");
}

/* ---- groups ---- */

void cell_group_policy(struct table_row *row, const char *argument)
{
	(void)argument;
	row_add(row,
		tree_has(row->object, "spec.schedulingPolicy.gang") ? STR("Gang") : STR("Basic"));
}

void cell_group_status(struct table_row *row, const char *argument)
{
	const struct cJSON *scheduled = row_condition(row, "PodGroupScheduled");
	struct str status = tree_str(scheduled, "status"), word = STR("Pending");

	(void)argument;
	if (str_eq_text(status, "True"))
		word = STR("Scheduled");
	else if (str_eq_text(status, "False"))
		word = STR("Unschedulable");
	if (condition_true(row, "DisruptionTarget"))
		word = tree_str(row_condition(row, "DisruptionTarget"), "reason");
	row_add(row, word);
}
