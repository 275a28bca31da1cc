/*
 * The decisions about a Job: which pods to make and to remove, which have ended and how they
 * count, whether it is over. All pure, over a snapshot. Pods bear a finalizer until they are
 * counted: first the status says which are being counted, then the finalizers go, then (in the
 * next round) the numbers rise. So each pod counts once whatever fails in between.
 */
#ifndef KUBE_CONTROLLERS_JOB_H
#define KUBE_CONTROLLERS_JOB_H

#include "workload.h"

#define JOB_FINALIZER  "batch.kubernetes.io/job-tracking"
#define JOB_INDEX      "batch.kubernetes.io/job-completion-index"
#define JOB_FAILURES   "batch.kubernetes.io/job-index-failure-count"
#define JOB_IGNORED    "batch.kubernetes.io/job-index-ignored-failure-count"
#define JOB_CONTROLLER "kubernetes.io/job-controller"
#define JOB_BURST      500 /* pods made, removed or counted in one plan */

/* ---- job_indexes.c: sets of completion indexes, "0-2,5" ---- */
struct interval {
	int64_t first, last;
};
struct indexes {
	struct interval *items; /* in order, never touching */
	size_t count, cap;
};
/* What is out of [0, limit), or no number, is left out. */
void indexes_parse(struct arena *a, struct indexes *x, struct str text, int64_t limit);
struct str indexes_print(struct arena *a, const struct indexes *x);
void indexes_add(struct arena *a, struct indexes *x, int64_t index);
void indexes_add_all(struct arena *a, struct indexes *x, const struct indexes *from);
bool indexes_have(const struct indexes *x, int64_t index);
int64_t indexes_total(const struct indexes *x);
int64_t indexes_shared(const struct indexes *x, const struct indexes *with);

/* ---- the state of one round ---- */
struct job_view {
	const struct resource *jobs, *pods_resource;
	struct cJSON *job;
	struct trees pods; /* that it may claim */
};

struct job_ending { /* a condition that ends the job, or says that it will end */
	const char *type;
	struct str reason, message;
};

struct job_round {
	const struct job_view *view;
	struct plan *plan;
	struct arena *arena;
	int64_t now;
	struct cJSON *job; /* as it is to be */
	struct trees pods, active;
	bool indexed, per_index, replaces_failed_only, suspended;
	int64_t completions; /* -1: any success ends it */
	int64_t active_count, ready, terminating, succeeded, failed;
	struct indexes succeeded_before, succeeded_now, failed_now;
	struct trees delayed; /* the last failed pod of an index, kept for its count of failures */
	struct job_ending ending;
	bool has_ending, suspend_changed, over;
};

void job_plan(const struct job_view *v, int64_t now, struct plan *p);
bool job_refused(void *ctx, struct plan *p, const struct plan_refusal *refusal, int64_t now);

/* ---- job_pod.c: what a pod says to its job ---- */
bool job_pod_tracked(const struct cJSON *pod);  /* bears the finalizer */
int64_t job_pod_index(const struct cJSON *pod); /* -1: none */
bool job_pod_failed(const struct job_round *r, const struct cJSON *pod);
int64_t job_pod_finished_at(const struct cJSON *pod);
int64_t job_pod_note(const struct cJSON *pod, const char *annotation); /* a count; 0: none */
/* How long until a pod may replace the last of that many failures. */
int64_t job_backoff(int64_t failures, int64_t last, int64_t now);

/* ---- job_policy.c ---- */
enum job_action { JOB_COUNT, JOB_IGNORE, JOB_FAIL_INDEX, JOB_FAIL };
/* What the failure policy wants done about a failed pod; *message only for JOB_FAIL. */
enum job_action job_policy_action(
	struct arena *a, const struct cJSON *job, const struct cJSON *pod, struct str *message);
bool job_success_met(struct arena *a, const struct cJSON *job, int64_t completions,
	const struct indexes *succeeded, struct str *message);

/* ---- job_pods.c: making and removing ---- */
void job_manage_pods(struct job_round *r);
void job_delete_pod(struct job_round *r, struct cJSON *pod, bool untrack);
void job_untrack_pod(struct plan *p, const struct resource *pods, const struct cJSON *pod);

/* ---- job_status.c: counting, conditions ---- */
void job_set_ending(struct job_round *r, const char *type, const char *reason, struct str message);
/* Changes of the job's conditions; false: it says so already. */
bool job_set_condition(struct job_round *r, const char *type, const char *status, struct str reason,
	struct str message);
void job_track(struct job_round *r);
bool job_is_finished(const struct cJSON *job);
const struct cJSON *job_condition(const struct cJSON *job, const char *type); /* if True */
bool job_uncounted_has(const struct cJSON *job, const char *list, const struct cJSON *pod);

#endif
