/* configuration_lists: what a KubeletConfiguration says in lists, and what it may not say here. */
#ifndef KUBE_KUBELET_CONFIGURATION_LISTS_H
#define KUBE_KUBELET_CONFIGURATION_LISTS_H

#include <kube/kubelet_configuration.h>

int configuration_read_lists(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err);

#endif
