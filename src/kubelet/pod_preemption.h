/*
 * Who makes room on this node for a pod that the system cannot do without. Pure.
 *
 * Best effort before burstable before guaranteed, as few as will do: of each class those who
 * come nearest to what is missing, and of equals the smaller one.
 */
#ifndef KUBE_KUBELET_POD_PREEMPTION_H
#define KUBE_KUBELET_POD_PREEMPTION_H

#include <kube/json.h>

#define PREEMPTED         "Preempted in order to admit critical pod"
#define PREEMPTED_BECAUSE "Pod was preempted by Kubelet to accommodate a critical pod."

/* Of one resource, in thousandths of a processor or whole units. */
struct pod_shortage {
	struct str name;
	int64_t amount;
};

struct pod_victims {
	const struct cJSON **pods;
	size_t count;
};

/* What the pod asks for, in the unit of shortages; "pods": 1. */
int64_t pod_asks(const struct cJSON *pod, struct str resource);

/* false: all together would not do; why, in the arena. */
bool pod_victims_choose(struct arena *a, const struct cJSON *preemptor,
	const struct cJSON *const *others, size_t other_count, const struct pod_shortage *shortages,
	size_t shortage_count, struct pod_victims *victims, struct str *failure);

#endif
