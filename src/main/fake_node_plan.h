/*
 * What a node that is none says of itself and of the pods it is given. Pure: objects in, plans
 * out. Its pods run as soon as they are seen and go as soon as they are asked to; a pod that is
 * to end says so itself:
 *
 *	metadata: {annotations: {fake-node/succeeds-after: 2s}}   or fake-node/fails-after
 */
#ifndef MAIN_FAKE_NODE_PLAN_H
#define MAIN_FAKE_NODE_PLAN_H

#include <kube/plan.h>

#define FAKE_SUCCEEDS "fake-node/succeeds-after"
#define FAKE_FAILS    "fake-node/fails-after"

struct fake_node_shape {
	struct str prefix; /* nodes are called prefix0, prefix1, … */
	int64_t count, zones, pods;
	struct str cpu, memory, storage;
};

enum { FAKE_NODES_MAX = 16384 };
/* The number in a name; -1: it is none of these nodes. */
int64_t fake_node_number(const struct fake_node_shape *shape, struct str name);

/* node, lease: as they are; NULL: not there yet. The key comes again in time to renew. */
void fake_node_plan(const struct fake_node_shape *shape, struct str name, struct cJSON *node,
	const struct cJSON *lease, int64_t now, struct plan *p);

/* pod_ip: the one it gets, should it have none. */
void fake_pod_plan(const struct cJSON *pod, struct str node_ip, struct str pod_ip, int64_t now,
	struct plan *p);
struct str fake_node_ip(struct arena *a, int64_t number);
/* host: 1…254. */
struct str fake_pod_ip(struct arena *a, int64_t number, int host);

#endif
