/* The functions of the plugins, one file a plugin or a few small ones. */
#ifndef KUBE_APISERVER_ADMISSION_PLUGINS_H
#define KUBE_APISERVER_ADMISSION_PLUGINS_H

#include "admission.h"

admit_fn admit_namespace_lifecycle;
admit_fn mutate_service_account;
admit_fn mutate_priority, mutate_toleration_seconds, mutate_new_node;
admit_fn mutate_in_use_protection, mutate_default_storage_class, mutate_default_ingress_class;

/* pod_nodes.c */
admit_fn mutate_topology_labels, validate_pod_resize;

#endif
