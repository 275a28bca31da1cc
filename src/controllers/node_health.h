/*
 * What nodes say about themselves, and what follows from that for their taints. Pure.
 *
 *	silent for long ── its conditions become Unknown ──┐
 *	conditions ────────────────────────────────────────┴─ taints: NoSchedule at once; NoExecute
 *	                                                      as fast as its zone's state allows
 */
#ifndef KUBE_CONTROLLERS_NODE_HEALTH_H
#define KUBE_CONTROLLERS_NODE_HEALTH_H

#include "controllers.h"

enum zone_state {
	ZONE_UNKNOWN, /* not looked at yet */
	ZONE_NORMAL,
	ZONE_PARTLY_DOWN,
	ZONE_DOWN,
};
/* By how many of its nodes are ready and are not. */
enum zone_state zone_state_of(size_t ready, size_t not_ready);
/* The shortest time between two nodes that begin to lose their pods; 0: none does. */
int64_t zone_pace(enum zone_state state, size_t nodes);
/* "region:zone" by the node's labels. */
struct str zone_of(struct arena *a, const struct cJSON *labels);

enum node_answer { NODE_WAIT, NODE_GO };
struct node_view {
	const struct resource *nodes, *pods_resource;
	const struct cJSON *node;
	struct cJSON *const *pods; /* on it */
	size_t pod_count;
	int64_t now;
	int64_t heard;           /* when it last gave a sign */
	int64_t grace, startup;  /* how long it may be silent; if it has never said anything */
	bool fresh;              /* seen for the first time */
	bool all_zones_are_down; /* then it is us who are cut off */
	/* Asked when its pods would have to go. */
	enum node_answer (*may_evict)(void *ctx);
	void *ctx;
};
void node_health_plan(const struct node_view *v, struct plan *p);

#endif
