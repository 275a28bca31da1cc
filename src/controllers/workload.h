/*
 * What the controllers of workloads share: reading pods, claiming them, making them from a
 * template, telling which of them go first. All of it is pure; trees live in the plan's arena.
 */
#ifndef KUBE_CONTROLLERS_WORKLOAD_H
#define KUBE_CONTROLLERS_WORKLOAD_H

#include "controllers.h"

#include <kube/selector.h>

/* A list of objects in an arena. */
struct trees {
	struct cJSON **items;
	size_t count, cap;
};
void trees_add(struct arena *a, struct trees *t, struct cJSON *tree);
/* The order is that of qsort over struct cJSON *; an empty list is in order. */
void trees_sort(struct trees *t, int (*order)(const void *left, const void *right));
/* Those that a controller with that uid may decide about: its own and those without one. */
void trees_claimable(struct arena *a, struct trees *t, const struct informer *i,
	struct str namespace, struct str uid);

/* ---- pods ---- */
bool pod_is_finished(const struct cJSON *pod);    /* Succeeded or Failed */
bool pod_is_active(const struct cJSON *pod);      /* neither finished nor being deleted */
bool pod_is_terminating(const struct cJSON *pod); /* being deleted, not finished */
bool pod_is_ready(const struct cJSON *pod);
bool pod_ready_since(const struct cJSON *pod, int64_t *wall);
/* Ready for that long? *wait: how long until it is, if nothing happens; -1: nobody knows. */
bool pod_is_available(
	const struct cJSON *pod, int64_t min_ready_seconds, int64_t now, int64_t *wait);
bool pod_phase_is(const struct cJSON *pod, const char *phase);

/* ---- owners ---- */
const struct cJSON *controller_of(const struct cJSON *object); /* its owner reference, or NULL */
bool is_controlled_by(const struct cJSON *object, const struct cJSON *owner);
/* {"apiVersion", "kind", "name", "uid", "controller": true, "blockOwnerDeletion": true} */
struct cJSON *controller_ref(struct arena *a, const struct cJSON *owner);
bool is_being_deleted(const struct cJSON *object);

/* A LabelSelector, or the plain map of a replication controller. */
struct selector selector_of(struct arena *a, const struct cJSON *selector);
bool selector_matches(const struct selector *s, const struct cJSON *object);

/*
 * Which of the candidates are the owner's. What matches and has no controller is adopted, what
 * matches no more is let go, each by a step of the plan (adopting asks first whether the owner
 * is still there); what is adopted counts already. `finalizer`, when not NULL, is given to what
 * is adopted and taken from what is released.
 */
struct claim {
	const struct cJSON *owner;
	const struct resource *owner_resource, *resource;
	const struct selector *selector;
	const char *finalizer;
	bool confirmed; /* the plan has the question already */
};
void claim_all(struct plan *p, struct claim *c, const struct trees *candidates, struct trees *mine);

/*
 * For handlers: queues the controllers of a changed object before and after, and, when it has
 * none (any more) and that or its labels are new, all that could adopt it: those objects of
 * `owners` in its namespace whose spec.selector matches.
 */
struct claim_kind {
	const char *kind, *group;
	const char *owners; /* the source */
};
void claim_changed(
	struct usual *u, const struct claim_kind *k, struct object *old, struct object *fresh);

/* ---- making pods ---- */
/* "name-", or the name alone where that would be too long. */
struct str pod_prefix(struct arena *a, struct str name);
/* Metadata and spec of the template, in the owner's namespace, controlled by it. */
struct cJSON *pod_from_template(
	struct arena *a, const struct cJSON *owner, const struct cJSON *template);

/* ---- taking pods away ---- */
/*
 * Sorts the pods so that those to be deleted first stand first. `related`: pods of owners that
 * are one workload with this one; a node with more of them loses some first.
 */
void sort_for_deletion(
	struct arena *a, struct trees *pods, const struct trees *related, int64_t now);

/* ---- status ---- */
struct str time_text(struct arena *a, int64_t wall);
bool time_of(const struct cJSON *object, const char *dotted, int64_t *wall);
/* Same type, in status.conditions; NULL when there is none. */
struct cJSON *condition_find(const struct cJSON *conditions, const char *type);
/* How the API's refusal of a write reads in events and conditions. */
struct str refusal_text(const struct plan_refusal *r);
bool refusal_is_namespace_going(const struct plan_refusal *r);

#endif
