/* The decisions about a DaemonSet: which nodes run its pod, which of its pods go. Pure. */
#ifndef KUBE_CONTROLLERS_DAEMONS_H
#define KUBE_CONTROLLERS_DAEMONS_H

#include "revisions.h"

struct daemons_view {
	const struct resource *sets, *pods_resource, *revisions_resource;
	struct cJSON *set;
	struct trees pods, revisions; /* that it may claim */
	struct trees nodes;
	bool (*is_taken)(void *ctx, struct str namespace, struct str name); /* a revision's name */
	/* A failed pod on that node: may it be replaced now? Otherwise how long until then. */
	int64_t (*hold_back)(void *ctx, struct str node, int64_t now);
	void *ctx;
};
void daemons_plan(const struct daemons_view *v, int64_t now, struct plan *p);
bool daemons_refused(void *ctx, struct plan *p, const struct plan_refusal *refusal, int64_t now);

/* ---- daemon_pods.c ---- */
/* The pod for a node: template, tolerations, bound to that node by its affinity. */
struct cJSON *daemon_pod(
	struct arena *a, const struct cJSON *set, struct str node, struct str hash);
/* The node that a pod is on or is meant for. */
struct str daemon_pod_node(const struct cJSON *pod);
/* Should the set's pod come to that node? May one that is there stay? */
struct daemon_fit {
	bool runs, stays;
};
struct daemon_fit daemon_fit(struct arena *a, const struct cJSON *set, const struct cJSON *node);
/* nodeSelector and required node affinity. */
bool node_matches(const struct cJSON *pod_spec, const struct cJSON *node);

#endif
