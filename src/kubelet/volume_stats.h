/*
 * volume_stats: how much room the volumes of this node's pods have and take, measured every now
 * and then (volumeStatsAggPeriod) as upstream measures them, for /stats/summary and /metrics.
 */
#ifndef KUBE_KUBELET_VOLUME_STATS_H
#define KUBE_KUBELET_VOLUME_STATS_H

#include "kubelet_private.h"

struct volume_figure {
	struct str name;  /* in the pod */
	struct str claim; /* that it stands for; empty: none */
	bool of_pod;      /* on the node's disk: what is in it counts as the pod's */
	int64_t at;       /* wall */
	int64_t capacity, available, used, inodes, inodes_free, inodes_used;
};
struct volume_figures {
	const struct volume_figure *items;
	size_t count;
};

struct volume_stats;

/* In k->scope. NULL: nothing is to be measured. */
struct volume_stats *volume_stats_new(struct kubelet *k);
void volume_stats_free(struct volume_stats *s); /* NULL is fine */

/* Of a pod, as they were measured last; borrowed until the loop turns. */
struct volume_figures volume_stats_of(const struct volume_stats *s, struct str uid);
/* Lines of /metrics about those that stand for claims. */
void volume_stats_print(const struct volume_stats *s, struct buf *out);

/* On a worker. `counted`: what is in it is counted, else its file system knows. */
void volume_measure(struct volume_figure *f, const char *path, bool counted, int64_t wall,
	const _Atomic(bool) *stop);

#endif
