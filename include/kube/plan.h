/*
 * plan: what a controller wants to be written, as data. A controller is a pure function from its
 * caches and a key to a plan; the runner does the writing, waits until the caches have seen it,
 * and comes again when something was in the way. No controller waits or keeps books of what it
 * has written.
 */
#ifndef KUBE_PLAN_H
#define KUBE_PLAN_H

#include <kube/client.h>
#include <kube/events.h>
#include <kube/informer.h>
#include <kube/workqueue.h>

enum plan_verb {
	PLAN_CREATE,
	PLAN_UPDATE,
	PLAN_UPDATE_STATUS,
	PLAN_PATCH, /* merge patch */
	PLAN_PATCH_STRATEGIC,
	PLAN_PATCH_STATUS,
	PLAN_APPLY,
	PLAN_APPLY_STATUS,
	PLAN_DELETE,
	PLAN_EVENT,
	PLAN_CONFIRM, /* reads it past the caches: go on only if it is that object, and stays */
	PLAN_ABSENT,  /* the same: go on only if there is none of that name */
	PLAN_ALLOWED, /* a SubjectAccessReview: go on only if it is allowed */
	PLAN_APPROVE, /* the subresource `approval` of certificate requests */
};

struct plan_step {
	enum plan_verb verb;
	const struct resource *resource;
	struct str namespace, name; /* of CREATE: may be empty (generateName) */
	struct cJSON *body;         /* object or patch; of DELETE: DeleteOptions or NULL */
	/* of DELETE; UPDATE has metadata.resourceVersion in the body */
	struct str precondition_uid, precondition_version;
	/* of EVENT */
	struct event_about about;
	struct str event_type, reason, message;
	bool names_last; /* the message ends with the name that the write before it was given */
};

struct plan {
	struct arena *arena; /* all of it, and what reconcile needs */
	struct plan_step *steps;
	size_t count, cap;
	int64_t requeue_after; /* ns; 0: not before something changes */
	bool failed;           /* cannot be done now: the key comes again, later each time */
	struct str why;
	void *memo; /* reconcile's, for plan_refused_fn */
};

/* A write that was refused. */
struct plan_refusal {
	const struct plan_step *step;
	const struct err *err;
	const struct status *status; /* NULL: no answer came */
};

void plan_create(struct plan *p, const struct resource *r, struct cJSON *object);
void plan_update(struct plan *p, const struct resource *r, struct cJSON *object);
void plan_update_status(struct plan *p, const struct resource *r, struct cJSON *object);
void plan_patch(struct plan *p, const struct resource *r, struct str namespace, struct str name,
	struct cJSON *patch);
void plan_patch_strategic(struct plan *p, const struct resource *r, struct str namespace,
	struct str name, struct cJSON *patch);
void plan_patch_status(struct plan *p, const struct resource *r, struct str namespace,
	struct str name, struct cJSON *patch);
void plan_apply(struct plan *p, const struct resource *r, struct cJSON *object);
void plan_apply_status(struct plan *p, const struct resource *r, struct cJSON *object);
/* Only this very object: uid may be empty; options (DeleteOptions) may be NULL. */
void plan_delete(struct plan *p, const struct resource *r, struct str namespace, struct str name,
	struct str uid, struct cJSON *options);
void plan_event(struct plan *p, const struct cJSON *about, const char *type, const char *reason,
	struct str message);
/*
 * "Created pod: " and the name that the API gave to what the step before this one wrote. Not told
 * when that was to delete what is gone already.
 */
void plan_event_naming(struct plan *p, const struct cJSON *about, const char *type,
	const char *reason, struct str message);
/* Nothing behind this is done unless that very object is still there and not being deleted. */
void plan_confirm(struct plan *p, const struct resource *r, const struct cJSON *object);
/* Nothing behind this is done if there is an object of that name. */
void plan_absent(struct plan *p, const struct resource *r, struct str namespace, struct str name);
/* Nothing behind this is done unless the spec is allowed; a no is told as a refusal. */
void plan_allowed(struct plan *p, struct cJSON *spec);
void plan_approve(struct plan *p, const struct resource *r, struct cJSON *request);
void plan_requeue_after(struct plan *p, int64_t ns); /* the soonest counts */
void plan_fail(struct plan *p, const char *format, ...) KUBE_PRINTF(2, 3);

/* Pure: reads caches, fills the plan. `now` is the wall clock. */
typedef void reconcile_fn(void *ctx, struct str key, int64_t now, struct plan *p);
/*
 * Told of the first write that was refused, conflicts apart: what follows it in the plan is not
 * done, what is added now is. Pure. false: it was to be expected, the key need not come again.
 */
typedef bool plan_refused_fn(
	void *ctx, struct plan *p, const struct plan_refusal *refusal, int64_t now);

struct controller_options {
	const char *name; /* also the field manager of what it applies; else the client's */
	struct client *client;
	struct event_recorder *recorder; /* NULL: events of plans are dropped */
	reconcile_fn *reconcile;
	plan_refused_fn *refused; /* may be NULL */
	void *ctx;
	/* Synced before the first key; those whose resource is written are waited for. */
	struct informer *const *informers;
	size_t informer_count;
	int workers;     /* keys at a time: 0: 5 */
	int64_t timeout; /* of one write: 0: 30 s */
	struct workqueue_options queue;
};

struct controller;
struct controller *controller_new(struct scope *parent, const struct controller_options *options);
/* Writes under way are cancelled. Never refused. Then only free. */
void controller_stop(struct controller *c, struct op *op);
void controller_free(struct controller *c); /* NULL is fine */
void controller_enqueue(struct controller *c, struct str key);
void controller_enqueue_after(struct controller *c, struct str key, int64_t ns);

struct controller_stats {
	uint64_t reconciles, writes, conflicts, failures;
};
void controller_stats(const struct controller *c, struct controller_stats *stats);

#endif
