/* What a pod says to its job. */
#include "job.h"

#define BACKOFF     (10 * SEC)
#define BACKOFF_MAX (10 * MINUTE)

bool job_pod_tracked(const struct cJSON *pod)
{
	json_each (finalizer, json_path(pod, "metadata.finalizers"))
		if (str_eq_text(json_str(finalizer), JOB_FINALIZER))
			return true;
	return false;
}

static struct str note_of(const struct cJSON *pod, const char *annotation)
{
	return json_str(json_get(json_path(pod, "metadata.annotations"), str_from(annotation)));
}

int64_t job_pod_index(const struct cJSON *pod)
{
	int64_t index;

	return str_to_i64(note_of(pod, JOB_INDEX), &index) && index >= 0 ? index : -1;
}

int64_t job_pod_note(const struct cJSON *pod, const char *annotation)
{
	int64_t count;

	return str_to_i64(note_of(pod, annotation), &count) && count > 0 ? count : 0;
}

bool job_pod_failed(const struct job_round *r, const struct cJSON *pod)
{
	if (pod_phase_is(pod, "Failed"))
		return true;
	if (!is_being_deleted(pod))
		return false;
	if (r->replaces_failed_only)
		return pod_phase_is(pod, "Pending");
	/* Those whose node is gone never become Failed. */
	return !pod_phase_is(pod, "Succeeded");
}

/* False unless all containers have ended. */
static bool containers_finished_at(const struct cJSON *pod, int64_t *at)
{
	bool any = false;

	json_each (status, json_path(pod, "status.containerStatuses")) {
		int64_t finished;

		if (!tree_has(status, "state.terminated"))
			return false;
		if (!time_of(status, "state.terminated.finishedAt", &finished))
			continue;
		*at = any ? MAX(*at, finished) : finished;
		any = true;
	}
	return any;
}

int64_t job_pod_finished_at(const struct cJSON *pod)
{
	const struct cJSON *ready = condition_find(json_path(pod, "status.conditions"), "Ready");
	int64_t at = 0;

	if (containers_finished_at(pod, &at))
		return at;
	if (ready && str_eq_text(tree_str(ready, "status"), "False") &&
		time_of(ready, "lastTransitionTime", &at))
		return at;
	if (time_of(pod, "metadata.deletionTimestamp", &at))
		return at - tree_int(pod, "metadata.deletionGracePeriodSeconds", 0) * SEC;
	time_of(pod, "metadata.creationTimestamp", &at);
	return at;
}

int64_t job_backoff(int64_t failures, int64_t last, int64_t now)
{
	int64_t wait = BACKOFF;

	if (failures <= 0)
		return 0;
	while (--failures > 0 && wait < BACKOFF_MAX)
		wait *= 2;
	return MAX(last + MIN(wait, BACKOFF_MAX) - now, 0);
}
