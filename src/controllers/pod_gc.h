/* Which pods nobody will ever come back to. Pure. */
#ifndef KUBE_CONTROLLERS_POD_GC_H
#define KUBE_CONTROLLERS_POD_GC_H

#include "controllers.h"

enum pod_fate {
	POD_KEPT,
	POD_NODE_GONE,   /* bound to a node that does not exist */
	POD_NEVER_BOUND, /* being deleted, and on no node */
	POD_NODE_OUT,    /* being deleted on a node that is out of service */
};
/* node: NULL when there is none. */
enum pod_fate pod_fate(const struct cJSON *pod, const struct cJSON *node);

/* The end of such a pod; that its node is gone is asked once more before. */
struct pod_end {
	const struct resource *pods, *nodes;
	const struct cJSON *pod;
	enum pod_fate fate; /* POD_KEPT: it has finished, and there are too many of those */
	int64_t now;
};
void pod_end_plan(const struct pod_end *e, struct plan *p);

/* What is to go first when there are too many finished pods: the evicted, then the oldest. */
struct finished_pod {
	bool evicted;
	int64_t created;
	struct str key;
};
int finished_pod_order(const void *left, const void *right);

#endif
