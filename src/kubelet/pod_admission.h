/* Whether a pod that was sent to this node may run here. Pure. */
#ifndef KUBE_KUBELET_POD_ADMISSION_H
#define KUBE_KUBELET_POD_ADMISSION_H

#include "pod_preemption.h"
#include "sysctl_rules.h"

struct pod_admission {
	const struct cJSON *pod;
	const struct cJSON *const *others; /* that run here, or will */
	size_t other_count;
	const struct cJSON *allocatable;       /* a list of quantities */
	const struct cJSON *node;              /* for its labels */
	bool apparmor;                         /* the node enforces its profiles */
	const bool *pressure;                  /* PRESSURES of them: what the node is short of */
	struct sysctl_patterns unsafe_sysctls; /* that are allowed all the same */
};
/*
 * false: why, in upstream's words. In the arena. True with victims: once these have gone (of the
 * others, for a pod that is critical).
 */
bool pod_is_admitted(struct arena *a, const struct pod_admission *in, struct pod_victims *victims,
	struct str *reason, struct str *message);

/* Of a pod that is resized: is there room for it on an empty node, and beside the others? */
bool pod_can_ever_fit(struct arena *a, const struct pod_admission *in, struct str *message);
bool pod_fits(struct arena *a, const struct pod_admission *in, struct str *message);

#endif
