/*
 * volumes: what a pod's claims are, as the API has them: bound ones with their volumes, and those
 * that wait for their first pod, with the volumes they could have. Read once for a decision; a
 * node is then judged without looking at any object again.
 */
#ifndef KUBE_SCHEDULER_VOLUMES_H
#define KUBE_SCHEDULER_VOLUMES_H

#include "framework.h"

struct volume {
	struct str name;
	struct object *object; /* the shelf's */
	struct cJSON *tree;
	bool picky; /* there is a node affinity */
	struct node_selector nodes;
	int64_t size;
	bool preferred; /* it names the claim itself */
};

struct claim {
	struct str name, key; /* key: "namespace/name" */
	struct object *object;
	struct cJSON *tree;
	int64_t size;
	bool bound;            /* completely */
	struct volume *volume; /* of a bound one; NULL: is not there */
	/* of one that waits for its first pod */
	struct volume *candidates; /* the best first */
	size_t candidate_count;
	struct str selected; /* the node it is to be provisioned for, already */
	bool provisions;     /* somebody could make a volume */
	struct node_term *topologies;
	size_t topology_count; /* 0: anywhere */
	bool single;           /* ReadWriteOncePod */
};
struct claims {
	struct claim *items;
	size_t count;
	bool unbound_now; /* one should have been bound by now */
};

/* OK; or why the pod can go nowhere. */
struct verdict claims_read(struct cycle *c, struct claims *claims);
bool volume_accepts(const struct volume *v, const struct node *n);

#endif
