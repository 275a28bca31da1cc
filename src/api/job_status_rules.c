/*
 * The status of jobs. Each rule is asked only when something it speaks of has changed, so that
 * what stands there already can be written again.
 */
#include "job_rules.h"

#include <kube/map.h>

/* One status under inspection. */
struct job_status {
	struct field_errors *e;
	const struct cJSON *spec, *now, *old;
};

static bool is_true(const struct cJSON *status, const char *type)
{
	json_each (condition, json_get(status, STR("conditions")))
		if (str_eq_text(tree_str(condition, "type"), type))
			return str_eq_text(tree_str(condition, "status"), "True");
	return false;
}

static bool is_finished(const struct cJSON *status)
{
	return is_true(status, "Complete") || is_true(status, "Failed");
}

static bool turned(const struct job_status *s, const char *type)
{
	return is_true(s->now, type) != is_true(s->old, type);
}

static bool finish_turned(const struct job_status *s)
{
	return is_finished(s->now) != is_finished(s->old);
}

static bool changed(const struct job_status *s, const char *name)
{
	return !json_equal(json_get(s->now, str_from(name)), json_get(s->old, str_from(name)));
}

static void refuse(const struct job_status *s, const char *name, const char *detail)
{
	struct path status = PATH(NULL, "status"), at = PATH(&status, name);

	field_invalid(s->e, &at, json_get(s->now, str_from(name)), "%s", detail);
}

static void refuse_conditions(const struct job_status *s, const char *detail)
{
	struct path status = PATH(NULL, "status"), at = PATH(&status, "conditions");

	field_invalid_raw(s->e, &at, STR(""), "%s", detail);
}

/* ---- by itself ---- */

/* No pod twice, in neither list. */
static void check_uncounted(struct job_status *s)
{
	static const char *const lists[] = {"succeeded", "failed", NULL};
	struct path status = PATH(NULL, "status"), p = PATH(&status, "uncountedTerminatedPods");
	const struct cJSON *pods = json_get(s->now, STR("uncountedTerminatedPods"));
	_cleanup_(map_done) struct map seen = {0};

	map_init_borrowed(&seen);
	for (size_t l = 0; lists[l]; l++) {
		struct path list_at = PATH(&p, lists[l]);
		size_t i = 0;

		json_each (uid, json_get(pods, str_from(lists[l]))) {
			struct path at = PATH_INDEX(&list_at, i++);

			if (!json_str(uid).len)
				field_invalid_str(s->e, &at, json_str(uid), "must not be empty");
			else if (map_has(&seen, json_str(uid)))
				field_duplicate(s->e, &at, uid);
			else
				map_set(&seen, json_str(uid), NULL);
		}
	}
}

static void check_completion_time(struct job_status *s)
{
	struct path status = PATH(NULL, "status"), at = PATH(&status, "completionTime");
	bool complete = is_true(s->now, "Complete"), timed = tree_has(s->now, "completionTime");
	struct str start = tree_str(s->now, "startTime"), end = tree_str(s->now, "completionTime");
	bool asked = turned(s, "Complete") || changed(s, "completionTime");

	if (complete && is_true(s->now, "Failed") && (turned(s, "Complete") || turned(s, "Failed")))
		refuse_conditions(s, "cannot set Complete=True and Failed=true conditions");
	if (complete && is_true(s->now, "FailureTarget") &&
		(turned(s, "Complete") || turned(s, "FailureTarget")))
		refuse_conditions(s, "cannot set Complete=True and FailureTarget=true conditions");
	if (asked && timed && !complete)
		refuse(s, "completionTime",
			"cannot set completionTime when there is no Complete=True condition");
	if (asked && complete && !timed)
		field_required(s->e, &at, "completionTime is required for Complete jobs");
	/* canonical times of one length are in order as texts are */
	if ((changed(s, "startTime") || changed(s, "completionTime")) && start.len && timed &&
		str_cmp(end, start) < 0)
		refuse(s, "completionTime", "completionTime cannot be set before startTime");
}

static void check_end(struct job_status *s)
{
	struct path status = PATH(NULL, "status"), start = PATH(&status, "startTime");
	bool finished = is_finished(s->now);
	const struct cJSON *pods = json_get(s->now, STR("uncountedTerminatedPods"));

	if (is_true(s->now, "Failed") && !is_true(s->now, "FailureTarget") &&
		(turned(s, "Failed") || turned(s, "FailureTarget")))
		refuse_conditions(s, "cannot set Failed=True condition without the "
				     "FailureTarget=true condition");
	if (is_true(s->now, "Complete") && !is_true(s->now, "SuccessCriteriaMet") &&
		(turned(s, "Complete") || turned(s, "SuccessCriteriaMet")))
		refuse_conditions(s,
			"cannot set Complete=True condition without the SuccessCriteriaMet=true "
			"condition");
	if (finished && tree_int(s->now, "active", 0) > 0 &&
		(finish_turned(s) || changed(s, "active")))
		refuse(s, "active", "active>0 is invalid for finished job");
	if (finished && !tree_has(s->now, "startTime") &&
		(finish_turned(s) || changed(s, "startTime")))
		field_required(s->e, &start, "startTime is required for finished job");
	if (finished &&
		json_count(json_get(pods, STR("succeeded"))) +
				json_count(json_get(pods, STR("failed"))) >
			0 &&
		(finish_turned(s) || changed(s, "uncountedTerminatedPods"))) {
		struct path at = PATH(&status, "uncountedTerminatedPods");

		workload_invalid(s->e, &at, SCHEMA(batch_v1, UncountedTerminatedPods), pods,
			"uncountedTerminatedPods needs to be empty for finished job");
	}
}

/* ---- indexes ---- */

static void check_indexes(struct job_status *s, const char *name)
{
	struct path status = PATH(NULL, "status"), at = PATH(&status, name);
	_cleanup_(err_done) struct err err = {0};
	struct str text = tree_str(s->now, name);

	if (tree_has(s->spec, "completions") && changed(s, name) &&
		job_count_indexes(text, tree_int(s->spec, "completions", 0), &err) < 0)
		field_invalid_str(s->e, &at, text, "error parsing %s: %s", name, err_text(&err));
}

static void check_both_indexes(struct job_status *s)
{
	struct path status = PATH(NULL, "status"), at = PATH(&status, "failedIndexes");
	struct str completed = tree_str(s->now, "completedIndexes");
	struct str failed = tree_str(s->now, "failedIndexes");
	bool per_index = tree_has(s->spec, "backoffLimitPerIndex");
	int64_t index;

	check_indexes(s, "completedIndexes");
	if (per_index)
		check_indexes(s, "failedIndexes");
	if (changed(s, "completedIndexes") && completed.len && !job_is_indexed(s->spec))
		refuse(s, "completedIndexes",
			"cannot set non-empty completedIndexes when non-indexed completion mode");
	if (changed(s, "failedIndexes") && tree_has(s->now, "failedIndexes") && !per_index)
		refuse(s, "failedIndexes",
			"cannot set non-null failedIndexes when backoffLimitPerIndex is null");
	if ((changed(s, "failedIndexes") || changed(s, "completedIndexes")) &&
		tree_has(s->spec, "completions") && job_indexes_overlap(completed, failed, &index))
		field_invalid_str(s->e, &at, failed,
			"failedIndexes and completedIndexes overlap at index: %lld",
			(long long)index);
}

/* ---- pods, success ---- */

static void check_pods(struct job_status *s)
{
	bool met = is_true(s->now, "SuccessCriteriaMet");
	bool met_turned = turned(s, "SuccessCriteriaMet");

	if (is_finished(s->now) && tree_int(s->now, "terminating", 0) > 0 &&
		(finish_turned(s) || changed(s, "terminating")))
		refuse(s, "terminating", "terminating>0 is invalid for finished job");
	if (tree_has(s->now, "ready") &&
		tree_int(s->now, "ready", 0) > tree_int(s->now, "active", 0) &&
		(changed(s, "ready") || changed(s, "active")))
		refuse(s, "ready", "cannot set more ready pods than active");
	if (met && is_true(s->now, "Failed") && (met_turned || turned(s, "Failed")))
		refuse_conditions(
			s, "cannot set SuccessCriteriaMet=True and Failed=true conditions");
	if (met && is_true(s->now, "FailureTarget") && (met_turned || turned(s, "FailureTarget")))
		refuse_conditions(
			s, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
}

/* ---- against what stood there ---- */

static void check_progress(struct job_status *s)
{
	static const char *const ends[] = {"Failed", "Complete", "FailureTarget", NULL};
	bool elastic = job_is_indexed(s->spec) && json_equal(json_get(s->spec, STR("completions")),
							  json_get(s->spec, STR("parallelism")));

	for (size_t i = 0; ends[i]; i++)
		if (is_true(s->old, ends[i]) && !is_true(s->now, ends[i]))
			refuse_conditions(
				s, arena_print(s->e->arena,
					   "cannot disable the terminal %s=True condition", ends[i])
					   .at);
	if (tree_int(s->now, "failed", 0) < tree_int(s->old, "failed", 0))
		refuse(s, "failed", "cannot decrease the failed counter");
	if (!elastic && tree_int(s->now, "succeeded", 0) < tree_int(s->old, "succeeded", 0))
		refuse(s, "succeeded", "cannot decrease the succeeded counter");
	if (tree_has(s->now, "completionTime") && tree_has(s->old, "completionTime") &&
		changed(s, "completionTime"))
		refuse(s, "completionTime", "field is immutable");
	if (tree_has(s->old, "startTime") && changed(s, "startTime") &&
		!tree_true(s->spec, "suspend"))
		refuse(s, "startTime", "field is immutable for unsuspended job once set");
	if (is_true(s->old, "SuccessCriteriaMet") && !is_true(s->now, "SuccessCriteriaMet"))
		refuse_conditions(s, "cannot disable the SuccessCriteriaMet=True condition");
}

void job_check_status(struct change *c, struct field_errors *e)
{
	static const char *const counts[] = {
		"active", "succeeded", "failed", "ready", "terminating", NULL};
	struct path at = PATH(NULL, "status");
	struct job_status s = {.e = e,
		.spec = json_get(c->object, STR("spec")),
		.now = json_get(c->object, STR("status")),
		.old = json_get(c->old, STR("status"))};

	workload_check_counts(e, &at, s.now, counts);
	check_uncounted(&s);
	check_completion_time(&s);
	check_end(&s);
	check_both_indexes(&s);
	check_pods(&s);
	check_progress(&s);
}
