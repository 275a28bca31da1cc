/*
 * The decisions about a Deployment: which ReplicaSet is its newest, how many pods each may have
 * now, what to tell. All pure, over a snapshot; a plan writes the Deployment at most once and
 * each ReplicaSet at most once, what is left to do is seen when that has come back.
 */
#ifndef KUBE_CONTROLLERS_ROLLOUT_H
#define KUBE_CONTROLLERS_ROLLOUT_H

#include "workload.h"

#define NOTE_REVISION    "deployment.kubernetes.io/revision"
#define NOTE_HISTORY     "deployment.kubernetes.io/revision-history"
#define NOTE_DESIRED     "deployment.kubernetes.io/desired-replicas"
#define NOTE_MAX         "deployment.kubernetes.io/max-replicas"
#define NOTE_ROLLBACK_TO "deprecated.deployment.rollback.to"
#define LABEL_HASH       "pod-template-hash"

struct deployment_view {
	const struct resource *deployments, *sets_resource;
	struct cJSON *deployment;
	struct trees sets; /* that it may claim */
	struct trees pods; /* of its sets; looked at only where all old ones must be gone first */
	/* Is there a set of that name, whoever's? */
	bool (*is_taken)(void *ctx, struct str namespace, struct str name);
	void *ctx;
};

/* A ReplicaSet with its numbers taken out. */
struct set {
	struct cJSON *tree;
	struct str name;
	int64_t replicas, actual, ready, available, created, revision;
	int64_t terminating; /* -1: not known */
	bool written;        /* by this plan */
};
struct sets {
	struct set **items;
	size_t count;
};

struct rollout {
	const struct deployment_view *view;
	struct plan *plan;
	struct arena *arena;
	int64_t now;
	struct cJSON *d; /* as it is to be */
	bool saved;      /* the plan writes it already */
	int64_t replicas, surge, unavailable;
	bool rolling, created; /* fresh is being made by this plan */
	struct sets all, old;  /* all: old and fresh */
	struct set *fresh;     /* NULL: there is none */
};

void rollout_plan(const struct deployment_view *v, int64_t now, struct plan *p);
bool rollout_refused(void *ctx, struct plan *p, const struct plan_refusal *refusal, int64_t now);

/* ---- rollout_sets.c: which sets there are ---- */
void rollout_read(struct rollout *r, const struct trees *mine);
/*
 * Brings revision and annotations of the newest set in order; makes that set if there is none and
 * `create`. False: the Deployment was written, and this is enough for now.
 */
bool rollout_sync_revision(struct rollout *r, bool create);
bool rollout_same_template(struct arena *a, const struct cJSON *one, const struct cJSON *other);
struct str template_hash(struct arena *a, const struct cJSON *template, int64_t collisions);
/* A number in an annotation. */
bool note_number(const struct cJSON *object, const char *key, int64_t *value);
struct str note_text(const struct cJSON *object, const char *key);
void note_set(struct arena *a, struct cJSON *object, const char *key, struct str text);
bool rollout_skips_note(struct str key); /* not copied between a Deployment and its sets */

/* ---- rollout_scale.c: how many pods each set gets ---- */
int64_t scaled_value(const struct cJSON *int_or_percent, int64_t total, bool up);
void rollout_limits(struct rollout *r);
int64_t rollout_new_size(const struct rollout *r, const struct set *fresh);
bool rollout_scale(struct rollout *r, struct set *s, int64_t to); /* changed */
void rollout_scale_all(struct rollout *r);
bool rollout_scale_up(struct rollout *r);
bool rollout_scale_down(struct rollout *r);
bool rollout_is_scaling(const struct rollout *r);
int64_t sets_replicas(const struct sets *s);
int64_t sets_available(const struct sets *s);
int64_t sets_actual(const struct sets *s);

/* ---- rollout_status.c ---- */
struct rollout_condition {
	const char *type, *status, *reason;
	struct str message;
};
/* As upstream: the same status and reason change nothing. */
void rollout_set_condition(struct rollout *r, struct cJSON *status, struct rollout_condition c);
bool rollout_has_deadline(const struct rollout *r);
bool rollout_is_complete(const struct rollout *r, const struct cJSON *status);
void rollout_save(struct rollout *r); /* the Deployment's status and annotations */
void rollout_status(struct rollout *r, bool progress);

#endif
