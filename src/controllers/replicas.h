/*
 * What ReplicaSets and ReplicationControllers are: as many pods of a template as are wanted. Each
 * is its rules alone, the rest stands here once. replicas_plan is pure: objects in, plan out.
 */
#ifndef KUBE_CONTROLLERS_REPLICAS_H
#define KUBE_CONTROLLERS_REPLICAS_H

#include "workload.h"

struct replicas_kind {
	struct claim_kind claim; /* "ReplicaSet", "apps", "replicasets" */
	bool counts_terminating; /* status.terminatingReplicas */
	const char *recorder;    /* who its events come from */
	struct usual_source sources[3];
};
/* The sources of its rules. */
usual_changed_fn replicas_changed, replicas_pod_changed;
/* k->rules is the struct replicas_kind. */
struct part *replicas_start(const struct controllers_world *w, const struct controller_kind *k);

struct replicas_view {
	const struct replicas_kind *kind;
	const struct resource *resource, *pods_resource;
	struct cJSON *owner;  /* the ReplicaSet */
	struct trees pods;    /* that it may claim */
	struct trees related; /* those of its siblings, its own among them; for scaling down */
};

void replicas_plan(const struct replicas_view *v, int64_t now, struct plan *p);
plan_refused_fn replicas_refused; /* ctx is not looked at */

#endif
