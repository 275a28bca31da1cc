/*
 * cluster: the scheduler's picture of nodes and of the pods on them, kept up to date change by
 * change. It is its own snapshot: a decision runs to its end on the loop's thread, so nothing can
 * change under it, and nothing has to be copied for it.
 *
 * A pod that has just been given a node is `assumed` there until the API shows it, so that the
 * next decision already counts it.
 */
#ifndef KUBE_SCHEDULER_CLUSTER_H
#define KUBE_SCHEDULER_CLUSTER_H

#include "kindred.h"

#include <kube/map.h>

struct pod_list {
	struct pod **items;
	size_t count, cap;
};

struct node {
	struct node_facts *facts; /* NULL: only its pods are known so far; in no order then */
	char *name;
	size_t index; /* in cluster->nodes */
	struct pod_list pods;
	/* of these, the ones with required or preferred terms about other pods; with required
	 * anti-affinity; with host ports */
	struct pod_list relating, repelling, holding_ports;
	struct amounts used;
	int64_t nonzero_cpu, nonzero_memory;
	const struct kindred *table; /* of its cluster */
	int32_t *kindred;            /* by its columns; NULL: all are 0 */
};

/* Other objects that decisions look at, by key ("namespace/name" or the name). */
enum shelf {
	SHELF_NAMESPACES,
	SHELF_CLAIMS,
	SHELF_VOLUMES,
	SHELF_CLASSES,
	SHELF_CSI_NODES,
	SHELF_BUDGETS,
	SHELF_SERVICES,
	SHELF_REPLICATION_CONTROLLERS,
	SHELF_REPLICA_SETS,
	SHELF_STATEFUL_SETS,
	SHELF_COUNT,
};

struct cluster {
	struct node **nodes; /* those with facts: zones take turns */
	size_t node_count, node_cap;
	bool order_stale;
	struct omap by_name;
	struct map placements;                  /* uid → struct placement */
	struct map images;                      /* normal name → on how many nodes, as a number */
	size_t tainted, avoided, unschedulable; /* how many nodes */
	size_t relating, repelling;             /* how many nodes have such pods */
	struct map nominations;                 /* node's name → struct pod_list */
	struct map nominees;                    /* uid → struct nomination */
	struct omap shelves[SHELF_COUNT];       /* key → struct object */
	struct kindred kindred;
	struct kindred_owners owners;
	struct map promised_volumes; /* name → key of the claim that is to have it, heap */
	size_t next_start;           /* where the search for nodes goes on */
	uint64_t random;             /* of ties */
};

void cluster_init(struct cluster *c, uint64_t seed);
void cluster_done(struct cluster *c);

/* ---- nodes ---- */
void cluster_set_node(struct cluster *c, struct node_facts *facts); /* takes it */
void cluster_remove_node(struct cluster *c, struct str name);
struct node *cluster_node(const struct cluster *c, struct str name); /* NULL: has no facts */
/* Brings cluster->nodes into order; before each decision. */
void cluster_settle(struct cluster *c);
/* A copy to try things on; its facts are shared. */
struct node *node_copy(const struct node *n);
void node_free(struct node *n);
void node_add_pod(struct node *n, struct pod *p);
void node_remove_pod(struct node *n, struct pod *p);

/* ---- pods on nodes ---- */
struct placement {
	struct pod *pod;
	struct node *node;
	bool assumed;
};
/* Puts a pod on a node, or moves it there; takes a reference of its own. */
void cluster_place(struct cluster *c, struct pod *p, struct str node, bool assumed);
void cluster_displace(struct cluster *c, struct str uid);
const struct placement *cluster_placement(const struct cluster *c, struct str uid);

/* ---- pods that wait for room on a node made for them ---- */
void cluster_nominate(struct cluster *c, struct pod *p, struct str node);
void cluster_denominate(struct cluster *c, struct str uid);
const struct pod_list *cluster_nominated(const struct cluster *c, struct str node); /* or NULL */
struct str cluster_nomination(const struct cluster *c, struct str uid); /* empty: none */

/* ---- the rest ---- */
void cluster_shelve(struct cluster *c, enum shelf shelf, struct str key, struct object *o);
struct object *cluster_shelved(const struct cluster *c, enum shelf shelf, struct str key);
/* Those whose key begins with "namespace/": shelf_each(it, c, SHELF_X, prefix) { it.value } */
struct omap_iter cluster_seek(const struct cluster *c, enum shelf shelf, struct str prefix);
#define shelf_each(it, c, shelf, prefix)                                                           \
	for (struct omap_iter it = cluster_seek((c), (shelf), (prefix));                           \
		omap_next(&(c)->shelves[shelf], &it) && str_starts(it.key, (prefix));)

/* Does a term of `owner` (affinity or anti-affinity) speak of that pod? */
bool cluster_term_matches(
	const struct cluster *c, const struct pod_term *t, const struct pod *other);
uint64_t cluster_random(struct cluster *c);
size_t cluster_image_spread(const struct cluster *c, struct str image); /* nodes that have it */

#endif
