/* A Job's accounts: which pods are counted, how often it has succeeded, whether it is over. */
#include "job.h"

#include <kube/map.h>

/* ---- conditions ---- */

const struct cJSON *job_condition(const struct cJSON *job, const char *type)
{
	const struct cJSON *c = condition_find(json_path(job, "status.conditions"), type);

	return c && str_eq_text(tree_str(c, "status"), "True") ? c : NULL;
}

bool job_is_finished(const struct cJSON *job)
{
	return job_condition(job, "Complete") || job_condition(job, "Failed");
}

void job_set_ending(struct job_round *r, const char *type, const char *reason, struct str message)
{
	r->has_ending = true;
	r->ending = (struct job_ending){type, str_from(reason), message};
}

bool job_set_condition(struct job_round *r, const char *type, const char *status, struct str reason,
	struct str message)
{
	struct arena *a = r->arena;
	struct cJSON *conditions = json_path(r->job, "status.conditions");
	struct cJSON *c = condition_find(conditions, type);
	struct str now = time_text(a, r->now);

	if (!c && str_eq_text(str_from(status), "False"))
		return false;
	if (c && str_eq_text(tree_str(c, "status"), status) &&
		str_eq(tree_str(c, "reason"), reason) && str_eq(tree_str(c, "message"), message))
		return false;
	if (!conditions) {
		conditions = json_new(a, JSON_ARRAY);
		tree_set(a, r->job, "status.conditions", conditions);
	}
	if (!c)
		json_append(conditions, c = json_new(a, JSON_OBJECT));
	tree_set_str(a, c, "type", str_from(type));
	tree_set_str(a, c, "status", str_from(status));
	tree_set_str(a, c, "lastProbeTime", now);
	tree_set_str(a, c, "lastTransitionTime", now);
	tree_set_str(a, c, "reason", reason);
	tree_set_str(a, c, "message", message);
	return true;
}

/* ---- pods that are being counted ---- */

static struct cJSON *uncounted(struct job_round *r, const char *list)
{
	struct cJSON *all = json_path(r->job, "status.uncountedTerminatedPods");
	struct cJSON *found = json_get(all, str_from(list));

	if (!found) {
		found = json_new(r->arena, JSON_ARRAY);
		json_set(r->arena, all, str_from(list), found);
	}
	return found;
}

bool job_uncounted_has(const struct cJSON *job, const char *list, const struct cJSON *pod)
{
	struct str uid = tree_str(pod, "metadata.uid");

	json_each (item, json_get(json_path(job, "status.uncountedTerminatedPods"), str_from(list)))
		if (str_eq(json_str(item), uid))
			return true;
	return false;
}

/* Those whose finalizer is gone are counted for good. */
static bool settle(
	struct job_round *r, const struct map *tracked, const char *list, const char *counter)
{
	struct cJSON *kept = json_new(r->arena, JSON_ARRAY);
	int64_t settled = 0;

	json_each (uid, uncounted(r, list))
		if (map_has(tracked, json_str(uid)))
			json_append(kept, json_new_str(r->arena, json_str(uid)));
		else
			settled++;
	json_set(r->arena, json_path(r->job, "status.uncountedTerminatedPods"), str_from(list),
		kept);
	if (settled)
		tree_set_int(r->arena, r->job, counter, tree_int(r->job, counter, 0) + settled);
	return settled > 0;
}

static bool settle_all(struct job_round *r)
{
	struct map tracked;

	map_init_borrowed(&tracked);
	for (size_t i = 0; i < r->pods.count; i++)
		if (job_pod_tracked(r->pods.items[i]))
			map_set(&tracked, tree_str(r->pods.items[i], "metadata.uid"), r);
	bool changed = settle(r, &tracked, "succeeded", "status.succeeded");
	changed |= settle(r, &tracked, "failed", "status.failed");
	map_done(&tracked);
	return changed;
}

static void append_uid(struct job_round *r, const char *list, const struct cJSON *pod)
{
	json_append(uncounted(r, list), json_new_str(r->arena, tree_str(pod, "metadata.uid")));
}

struct tally {
	struct trees untrack;
	struct indexes succeeded; /* found now */
	size_t counting;
	bool changed, full;
};

/* A failed pod that tells its successor how often the index has failed stays until there is one. */
static bool may_let_go(const struct job_round *r, const struct cJSON *pod, bool failed)
{
	if (is_being_deleted(r->job) || r->has_ending || pod_phase_is(pod, "Succeeded"))
		return true;
	if (!failed)
		return false;
	for (size_t i = 0; i < r->delayed.count; i++)
		if (r->delayed.items[i] == pod)
			return false;
	return true;
}

static void tally_success(struct job_round *r, struct tally *t, const struct cJSON *pod)
{
	int64_t index = job_pod_index(pod);

	if (!r->indexed) {
		if (job_uncounted_has(r->job, "succeeded", pod))
			return;
		append_uid(r, "succeeded", pod);
	} else if (index < 0 || index >= r->completions ||
		   indexes_have(&r->succeeded_before, index))
		return;
	t->counting++;
	t->changed = true;
}

static void tally_failure(struct job_round *r, struct tally *t, const struct cJSON *pod)
{
	int64_t index = job_pod_index(pod);

	if (job_uncounted_has(r->job, "failed", pod) ||
		(r->indexed && (index < 0 || index >= r->completions)))
		return;
	if (job_policy_action(r->arena, r->job, pod, NULL) == JOB_IGNORE)
		return;
	append_uid(r, "failed", pod);
	t->counting++;
	t->changed = true;
}

static void tally_pods(struct job_round *r, struct tally *t)
{
	bool failing = r->has_ending &&
		       !str_eq_text(str_from(r->ending.type), "SuccessCriteriaMet") &&
		       !str_eq_text(str_from(r->ending.type), "Complete");

	for (size_t i = 0; i < r->pods.count && !t->full; i++) {
		struct cJSON *pod = r->pods.items[i];
		bool failed = job_pod_failed(r, pod);

		if (!job_pod_tracked(pod) || !may_let_go(r, pod, failed))
			continue;
		trees_add(r->arena, &t->untrack, pod);
		if (pod_phase_is(pod, "Succeeded") && !job_uncounted_has(r->job, "failed", pod))
			tally_success(r, t, pod);
		else if (failed || failing)
			tally_failure(r, t, pod);
		t->full = t->counting >= JOB_BURST;
	}
}

static void write_indexes(struct job_round *r, struct tally *t)
{
	struct arena *a = r->arena;
	struct str completed = indexes_print(a, &r->succeeded_now);
	struct str failed = indexes_print(a, &r->failed_now);

	if (!r->indexed)
		return;
	t->changed |= !str_eq(completed, tree_str(r->job, "status.completedIndexes"));
	tree_set_int(a, r->job, "status.succeeded", indexes_total(&r->succeeded_now));
	tree_set_str(a, r->job, "status.completedIndexes", completed);
	if (!r->per_index)
		return;
	t->changed |= !tree_has(r->job, "status.failedIndexes") ||
		      !str_eq(failed, tree_str(r->job, "status.failedIndexes"));
	tree_set_str(a, r->job, "status.failedIndexes", failed);
}

/* ---- the end ---- */

/* The condition that says it will end goes first, with the pods that are being counted. */
static bool announce_ending(struct job_round *r)
{
	bool success = str_eq_text(str_from(r->ending.type), "SuccessCriteriaMet");

	if (!r->has_ending || (!success && !str_eq_text(str_from(r->ending.type), "FailureTarget")))
		return false;
	bool changed =
		!job_condition(r->job, r->ending.type) &&
		job_set_condition(r, r->ending.type, "True", r->ending.reason, r->ending.message);
	r->ending.type = success ? "Complete" : "Failed";
	return changed;
}

static void tell_end(struct job_round *r)
{
	int64_t completions = tree_int(r->job, "spec.completions", -1);

	if (str_eq_text(str_from(r->ending.type), "Failed")) {
		plan_event(r->plan, r->view->job, "Warning",
			arena_str(r->arena, r->ending.reason).at, r->ending.message);
		return;
	}
	if (completions >= 0 && tree_int(r->job, "status.succeeded", 0) > completions)
		plan_event(r->plan, r->view->job, "Warning", "TooManySucceededPods",
			STR("Too many succeeded pods running after completion count reached"));
	plan_event(r->plan, r->view->job, "Normal", "Completed", STR("Job completed"));
}

/* Over only when all is counted and the last pod has gone. */
static bool may_end(struct job_round *r, const struct tally *t)
{
	return r->has_ending && !t->full && !t->untrack.count &&
	       !json_count(uncounted(r, "succeeded")) && !json_count(uncounted(r, "failed")) &&
	       r->terminating == 0 && r->active_count == 0;
}

static void end_job(struct job_round *r)
{
	struct arena *a = r->arena;

	job_set_condition(r, r->ending.type, "True", r->ending.reason, r->ending.message);
	/* Suspended, it may end without having begun again; the API wants a start all the same. */
	if (!tree_has(r->job, "status.startTime"))
		tree_set_str(a, r->job, "status.startTime", time_text(a, r->now));
	if (str_eq_text(str_from(r->ending.type), "Complete"))
		tree_set_str(a, r->job, "status.completionTime", time_text(a, r->now));
	r->over = true;
}

/* ---- all of it ---- */

static bool set_number(struct job_round *r, const char *path, int64_t value, bool pointer)
{
	bool changed = tree_int(r->job, path, pointer ? -1 : 0) != value;

	tree_set_int(r->arena, r->job, path, value);
	return changed;
}

static void drop_empty_lists(struct job_round *r)
{
	struct cJSON *all = json_path(r->job, "status.uncountedTerminatedPods");

	if (!json_count(uncounted(r, "succeeded")))
		tree_drop(all, "succeeded");
	if (!json_count(uncounted(r, "failed")))
		tree_drop(all, "failed");
}

void job_track(struct job_round *r)
{
	struct tally t = {.changed = r->suspend_changed};
	struct plan *p = r->plan;

	if (!tree_has(r->job, "status.uncountedTerminatedPods"))
		tree_set(r->arena, r->job, "status.uncountedTerminatedPods",
			json_new(r->arena, JSON_OBJECT));
	t.changed |= set_number(r, "status.active", r->active_count, false);
	t.changed |= set_number(r, "status.ready", r->ready, true);
	t.changed |= set_number(r, "status.terminating", r->terminating, true);
	t.changed |= settle_all(r);
	tally_pods(r, &t);
	write_indexes(r, &t);
	t.changed |= announce_ending(r);
	if (may_end(r, &t)) {
		end_job(r);
		t.changed = true;
	}
	drop_empty_lists(r);
	if (t.changed)
		plan_update_status(p, r->view->jobs, r->job);
	if (r->over)
		tell_end(r);
	for (size_t i = 0; i < t.untrack.count; i++)
		job_untrack_pod(p, r->view->pods_resource, t.untrack.items[i]);
}
