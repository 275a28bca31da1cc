/* What a pod needs around its containers: before the first one, and until the last has gone. */
#ifndef KUBE_KUBELET_POD_PREPARE_H
#define KUBE_KUBELET_POD_PREPARE_H

#include "pod_worker.h"

/* Makes volumes, or brings them up to date, when that is due; wakes the worker when it is done. */
void pod_prepare(struct pod_worker *w);
/* Containers may start. */
bool pod_is_prepared(const struct pod_worker *w);
/* When it is due again: wall; 0: never. */
int64_t pod_prepare_next(const struct pod_worker *w);

/* Takes volumes and cgroup away; the worker is ENDED then. */
void pod_leave(struct pod_worker *w);
/* Takes the rest of its files away: nothing of it is asked for any more. Sets w->buried. */
void pod_bury(struct pod_worker *w);

/* ---- cgroups ---- */
/* The tree that pods stand in; what cannot be had is logged. At the beginning, blocks. */
void pod_cgroups_open(struct kubelet *k);
void pod_cgroups_close(struct kubelet *k);
/* A pod's own, with what the pod as a whole may use. */
void pod_cgroup_make(
	struct kubelet *k, struct pod_cgroup_work *c, struct op *op, const struct cJSON *pod);
/* Of one that is resized: what it had, or is to have, whichever is more. had NULL: nobody knows. */
void pod_cgroup_widen(struct kubelet *k, struct pod_cgroup_work *c, struct op *op,
	const struct cJSON *had, const struct cJSON *pod);
void pod_cgroup_remove(
	struct kubelet *k, struct pod_cgroup_work *c, struct op *op, const struct cJSON *pod);
void pod_cgroup_done(struct pod_cgroup_work *c);

#endif
