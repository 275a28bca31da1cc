/*
 * The shared core of ReplicaSets and ReplicationControllers: as many pods of a template as are
 * wanted. replicas_plan is pure: objects in, plan out.
 */
#ifndef KUBE_CONTROLLERS_REPLICAS_H
#define KUBE_CONTROLLERS_REPLICAS_H

#include "workload.h"

struct replicas_kind {
	struct claim_kind claim; /* "ReplicaSet", "apps", "replicasets" */
	bool counts_terminating; /* status.terminatingReplicas */
};

struct replicas_view {
	const struct replicas_kind *kind;
	const struct resource *resource, *pods_resource;
	struct cJSON *owner;  /* the ReplicaSet */
	struct trees pods;    /* that it may claim */
	struct trees related; /* those of its siblings, its own among them; for scaling down */
};

void replicas_plan(const struct replicas_view *v, int64_t now, struct plan *p);
plan_refused_fn replicas_refused; /* ctx is not looked at */
reconcile_fn replicas_reconcile;  /* usual_ctx is the struct replicas_kind */

#endif
