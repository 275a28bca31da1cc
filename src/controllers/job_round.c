/* One look at a Job, from the top. */
#include "job.h"

#define BACKOFF_TEXT "Job has reached the specified backoff limit"

/* ---- taking stock ---- */

static void read_spec(struct job_round *r)
{
	r->indexed = str_eq_text(tree_str(r->job, "spec.completionMode"), "Indexed");
	r->per_index = tree_has(r->job, "spec.backoffLimitPerIndex");
	r->replaces_failed_only =
		str_eq_text(tree_str(r->job, "spec.podReplacementPolicy"), "Failed");
	r->suspended = tree_true(r->job, "spec.suspend");
	r->completions = tree_int(r->job, "spec.completions", -1);
}

static bool counts_for_index(const struct job_round *r, const struct cJSON *pod)
{
	int64_t index = job_pod_index(pod);

	return !r->indexed || (index >= 0 && index < r->completions);
}

static void count_pods(struct job_round *r)
{
	int64_t succeeded = 0, failed = 0;

	for (size_t i = 0; i < r->pods.count; i++) {
		struct cJSON *pod = r->pods.items[i];

		r->terminating += pod_is_terminating(pod);
		if (pod_is_active(pod)) {
			trees_add(r->arena, &r->active, pod);
			r->ready += pod_is_ready(pod);
		}
		if (!job_pod_tracked(pod) || !counts_for_index(r, pod))
			continue;
		succeeded += pod_phase_is(pod, "Succeeded") &&
			     !job_uncounted_has(r->job, "succeeded", pod);
		failed += job_pod_failed(r, pod) && !job_uncounted_has(r->job, "failed", pod) &&
			  job_policy_action(r->arena, r->job, pod, NULL) != JOB_IGNORE;
	}
	r->active_count = (int64_t)r->active.count;
	const struct cJSON *counting = json_path(r->job, "status.uncountedTerminatedPods");
	r->succeeded = tree_int(r->job, "status.succeeded", 0) + succeeded +
		       (int64_t)json_count(json_path(counting, "succeeded"));
	r->failed = tree_int(r->job, "status.failed", 0) + failed +
		    (int64_t)json_count(json_path(counting, "failed"));
}

/* ---- indexes ---- */

static bool index_failed(const struct job_round *r, const struct cJSON *pod)
{
	enum job_action action;

	if (!job_pod_failed(r, pod))
		return false;
	action = job_policy_action(r->arena, r->job, pod, NULL);
	if (action == JOB_FAIL_INDEX)
		return true;
	return action != JOB_IGNORE &&
	       job_pod_note(pod, JOB_FAILURES) >= tree_int(r->job, "spec.backoffLimitPerIndex", 0);
}

static void count_indexes(struct job_round *r)
{
	struct arena *a = r->arena;
	struct str done = tree_str(r->job, "status.completedIndexes");

	indexes_parse(a, &r->succeeded_before, done, r->completions);
	indexes_parse(a, &r->succeeded_now, done, r->completions);
	indexes_parse(a, &r->failed_now, tree_str(r->job, "status.failedIndexes"), r->completions);
	for (size_t i = 0; i < r->pods.count; i++) {
		const struct cJSON *pod = r->pods.items[i];

		if (!job_pod_tracked(pod) || !counts_for_index(r, pod))
			continue;
		if (pod_phase_is(pod, "Succeeded"))
			indexes_add(a, &r->succeeded_now, job_pod_index(pod));
		else if (r->per_index && index_failed(r, pod))
			indexes_add(a, &r->failed_now, job_pod_index(pod));
	}
	r->succeeded = indexes_total(&r->succeeded_now);
}

static int64_t all_failures(const struct cJSON *pod)
{
	return job_pod_note(pod, JOB_FAILURES) + job_pod_note(pod, JOB_IGNORED);
}

/* The last failed pod of each index that waits for another one. */
static void find_delayed(struct job_round *r)
{
	struct indexes active = {0};

	for (size_t i = 0; i < r->active.count; i++)
		if (job_pod_index(r->active.items[i]) >= 0)
			indexes_add(r->arena, &active, job_pod_index(r->active.items[i]));
	for (size_t i = 0; i < r->pods.count; i++) {
		struct cJSON *pod = r->pods.items[i];
		int64_t index = job_pod_index(pod);
		size_t k = 0;

		if (!job_pod_tracked(pod) || !counts_for_index(r, pod) || !job_pod_failed(r, pod) ||
			indexes_have(&r->succeeded_now, index) ||
			indexes_have(&r->failed_now, index) || indexes_have(&active, index))
			continue;
		while (k < r->delayed.count && job_pod_index(r->delayed.items[k]) != index)
			k++;
		if (k == r->delayed.count)
			trees_add(r->arena, &r->delayed, pod);
		else if (all_failures(r->delayed.items[k]) <= all_failures(pod) &&
			 job_pod_finished_at(pod) >= job_pod_finished_at(r->delayed.items[k]))
			r->delayed.items[k] = pod;
	}
}

/* ---- is it over? ---- */

/* Restarts in place count where pods are never replaced for failing. */
static bool restarts_exceed(const struct job_round *r)
{
	int64_t limit = tree_int(r->job, "spec.backoffLimit", 6), restarts = 0;

	if (!str_eq_text(tree_str(r->job, "spec.template.spec.restartPolicy"), "OnFailure"))
		return false;
	for (size_t i = 0; i < r->pods.count; i++) {
		const struct cJSON *pod = r->pods.items[i];

		if (!pod_phase_is(pod, "Running") && !pod_phase_is(pod, "Pending"))
			continue;
		json_each (s, json_path(pod, "status.initContainerStatuses"))
			restarts += tree_int(s, "restartCount", 0);
		json_each (s, json_path(pod, "status.containerStatuses"))
			restarts += tree_int(s, "restartCount", 0);
	}
	return limit == 0 ? restarts > 0 : restarts >= limit;
}

static bool past_deadline(struct job_round *r)
{
	int64_t seconds = tree_int(r->job, "spec.activeDeadlineSeconds", -1), since;

	if (seconds < 0 || r->suspended || !time_of(r->job, "status.startTime", &since))
		return false;
	int64_t left = since + seconds * SEC - r->now;
	if (left > 0)
		plan_requeue_after(r->plan, left);
	return left <= 0;
}

static bool policy_fails(const struct job_round *r, struct str *message)
{
	for (size_t i = 0; i < r->pods.count; i++)
		if (job_pod_failed(r, r->pods.items[i]) &&
			job_policy_action(r->arena, r->job, r->pods.items[i], message) == JOB_FAIL)
			return true;
	return false;
}

static void take_announced(struct job_round *r, const struct cJSON *condition)
{
	bool success = str_eq_text(tree_str(condition, "type"), "SuccessCriteriaMet");

	r->has_ending = true;
	r->ending.type = success ? "SuccessCriteriaMet" : "Failed";
	r->ending.reason = arena_str(r->arena, tree_str(condition, "reason"));
	r->ending.message = arena_str(r->arena, tree_str(condition, "message"));
}

static void judge(struct job_round *r)
{
	const struct cJSON *success = job_condition(r->job, "SuccessCriteriaMet");
	const struct cJSON *failure = job_condition(r->job, "FailureTarget");
	struct str message = {0};

	if (success || failure)
		take_announced(r, success ? success : failure);
	else if (policy_fails(r, &message))
		job_set_ending(r, "FailureTarget", "PodFailurePolicy", message);
	else if (r->failed > tree_int(r->job, "spec.backoffLimit", 6) || restarts_exceed(r))
		job_set_ending(r, "FailureTarget", "BackoffLimitExceeded", STR(BACKOFF_TEXT));
	else if (past_deadline(r))
		job_set_ending(r, "FailureTarget", "DeadlineExceeded",
			STR("Job was active longer than specified deadline"));
}

static void judge_indexes(struct job_round *r)
{
	int64_t failed = indexes_total(&r->failed_now);
	int64_t most = tree_int(r->job, "spec.maxFailedIndexes", -1);
	struct str message;

	if (r->per_index && !r->has_ending) {
		if (most >= 0 && failed > most)
			job_set_ending(r, "FailureTarget", "MaxFailedIndexesExceeded",
				STR("Job has exceeded the specified maximal number of failed "
				    "indexes"));
		else if (failed > 0 && failed + r->succeeded >= r->completions)
			job_set_ending(
				r, "FailureTarget", "FailedIndexes", STR("Job has failed indexes"));
	}
	if (r->per_index)
		find_delayed(r);
	if (!r->has_ending &&
		job_success_met(r->arena, r->job, r->completions, &r->succeeded_now, &message))
		job_set_ending(r, "SuccessCriteriaMet", "SuccessPolicy", message);
}

/* ---- doing ---- */

static void note_suspension(struct job_round *r)
{
	struct arena *a = r->arena;
	const char *status = r->suspended ? "True" : "False";

	if (!job_set_condition(r, "Suspended", status,
		    r->suspended ? STR("JobSuspended") : STR("JobResumed"),
		    r->suspended ? STR("Job suspended") : STR("Job resumed")))
		return;
	r->suspend_changed = true;
	plan_event(r->plan, r->view->job, "Normal", r->suspended ? "Suspended" : "Resumed",
		r->suspended ? STR("Job suspended") : STR("Job resumed"));
	/* The deadline counts from the last start. */
	if (r->suspended)
		tree_drop(r->job, "status.startTime");
	else
		tree_set_str(a, r->job, "status.startTime", time_text(a, r->now));
}

static void go_on(struct job_round *r)
{
	bool complete;

	if (!is_being_deleted(r->job))
		job_manage_pods(r);
	complete = r->completions < 0 ? r->succeeded > 0 : r->succeeded >= r->completions;
	if (complete && r->active_count == 0)
		job_set_ending(r, "SuccessCriteriaMet", "CompletionsReached",
			STR("Reached expected number of succeeded pods"));
	else if (!is_being_deleted(r->job))
		note_suspension(r);
}

/* Pods of a job that is over have nobody left to count them. */
static void untrack_all(const struct job_view *v, const struct trees *pods, struct plan *p)
{
	for (size_t i = 0; i < pods->count; i++)
		if (job_pod_tracked(pods->items[i]) && is_controlled_by(pods->items[i], v->job))
			job_untrack_pod(p, v->pods_resource, pods->items[i]);
}

static bool is_ours(const struct cJSON *job)
{
	struct str manager = tree_str(job, "spec.managedBy");

	return !manager.len || str_eq_text(manager, JOB_CONTROLLER);
}

void job_plan(const struct job_view *v, int64_t now, struct plan *p)
{
	struct arena *a = p->arena;
	struct job_round *r = arena_new(a, sizeof(*r));
	struct selector selector = selector_of(a, json_path(v->job, "spec.selector"));
	struct claim claim = {.owner = v->job,
		.owner_resource = v->jobs,
		.resource = v->pods_resource,
		.selector = &selector,
		.finalizer = JOB_FINALIZER};

	if (!is_ours(v->job))
		return;
	if (job_is_finished(v->job)) {
		untrack_all(v, &v->pods, p);
		return;
	}
	*r = (struct job_round){.view = v, .plan = p, .arena = a, .now = now};
	r->job = json_copy(a, v->job);
	claim_all(p, &claim, &v->pods, &r->pods);
	/* What was just claimed is decided about when it is seen to be ours. */
	if (p->count)
		return;
	read_spec(r);
	count_pods(r);
	if (!r->suspended && !tree_has(r->job, "status.startTime"))
		tree_set_str(a, r->job, "status.startTime", time_text(a, now));
	judge(r);
	if (r->indexed) {
		count_indexes(r);
		judge_indexes(r);
	}
	if (r->has_ending)
		for (size_t i = 0; i < r->active.count; i++)
			job_delete_pod(r, r->active.items[i], false);
	else
		go_on(r);
	p->memo = r;
	job_track(r);
}

/* ---- refusals ---- */

bool job_refused(void *ctx, struct plan *p, const struct plan_refusal *refusal, int64_t now)
{
	const struct job_round *r = p->memo;
	bool create = refusal->step->verb == PLAN_CREATE;

	(void)ctx;
	(void)now;
	if (!r || refusal->step->resource != r->view->pods_resource ||
		(!create && refusal->step->verb != PLAN_DELETE))
		return true;
	if (create && refusal_is_namespace_going(refusal))
		return false;
	plan_event(p, r->view->job, "Warning", create ? "FailedCreate" : "FailedDelete",
		arena_print(p->arena, "Error %s: %.*s", create ? "creating" : "deleting",
			STRF(refusal_text(refusal))));
	return true;
}
