/* Of a node's configuration, what concerns evictions. Pure. */
#ifndef KUBE_KUBELET_CONFIGURATION_EVICTION_H
#define KUBE_KUBELET_CONFIGURATION_EVICTION_H

#include <kube/kubelet_configuration.h>

/* Fills in the thresholds; defaults are put into the tree. ERR_INVALID. */
int configuration_read_eviction(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err);

#endif
