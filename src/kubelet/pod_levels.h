/* pod_levels: what the pods of this node use, for eviction.h. */
#ifndef KUBE_KUBELET_POD_LEVELS_H
#define KUBE_KUBELET_POD_LEVELS_H

#include "eviction.h"
#include "kubelet_private.h"

/* An emptyDir that is to be measured, or was. */
struct emptydir_level {
	struct str uid, path; /* uid: the pod's */
	struct volume_level level;
	int64_t inodes;
};
struct emptydir_levels {
	struct emptydir_level *items;
	size_t count;
};

/* Of pods that limit them, or of all; not measured yet. */
void emptydir_levels_list(
	struct kubelet *k, struct arena *a, bool all, struct emptydir_levels *out);
/* On a worker. */
void emptydir_levels_measure(struct emptydir_levels *l, const _Atomic(bool) *stop);

/*
 * Of all pods that run here; in the arena, trees are borrowed from their workers until the loop
 * turns. How many.
 */
size_t pod_levels_gather(struct kubelet *k, struct arena *a, const struct emptydir_levels *volumes,
	struct pod_level **levels);

#endif
