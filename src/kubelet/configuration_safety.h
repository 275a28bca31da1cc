/* Of a node's configuration, what keeps pods and callers within bounds. Pure. */
#ifndef KUBE_KUBELET_CONFIGURATION_SAFETY_H
#define KUBE_KUBELET_CONFIGURATION_SAFETY_H

#include <kube/kubelet_configuration.h>

/* Defaults are put into the tree. ERR_SYNTAX, ERR_INVALID: also what is not there to be had. */
int configuration_read_safety(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err);

#endif
