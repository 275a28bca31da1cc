/*
 * Which settings of the kernel pods may ask for. Pure; upstream's list of safe ones, and what the
 * configuration allows besides.
 */
#ifndef KUBE_KUBELET_SYSCTL_RULES_H
#define KUBE_KUBELET_SYSCTL_RULES_H

#include <kube/json.h>

/* "net/ipv4/conf/eno2.100/x" as "net.ipv4.conf.eno2/100.x": what comes first divides. */
struct str sysctl_dotted(struct arena *a, struct str name);

struct sysctl_patterns { /* names, or beginnings that end with "*" */
	const struct str *items;
	size_t count;
};
/* Those that may be allowed belong to a namespace of the pod's. ERR_INVALID. */
int sysctl_patterns_check(struct sysctl_patterns unsafe, struct err *err);

/* false: why, in upstream's words. In the arena. */
bool sysctls_are_allowed(struct arena *a, const struct cJSON *pod, struct sysctl_patterns unsafe,
	struct str *message);

#endif
