/* Every admission plugin, in upstream's order. */
#include "plugins.h"

#define CREATE ADMIT_CREATE
#define UPDATE ADMIT_UPDATE
#define DELETE ADMIT_DELETE

const struct admission_plugin admission_plugins[] = {
	{"NamespaceLifecycle", true, CREATE | UPDATE | DELETE, admit_namespace_lifecycle, NULL},
	{"ServiceAccount", true, CREATE, mutate_service_account, NULL},
	{"TaintNodesByCondition", true, CREATE, mutate_new_node, NULL},
	{"Priority", true, CREATE | UPDATE, mutate_priority, NULL},
	{"DefaultTolerationSeconds", true, CREATE | UPDATE, mutate_toleration_seconds, NULL},
	{"StorageObjectInUseProtection", true, CREATE, mutate_in_use_protection, NULL},
	{"DefaultStorageClass", true, CREATE, mutate_default_storage_class, NULL},
	{"DefaultIngressClass", true, CREATE, mutate_default_ingress_class, NULL},
	{"PodTopologyLabels", true, CREATE, mutate_topology_labels, NULL},
	{"PodResizeValidator", true, UPDATE, NULL, validate_pod_resize},
	{.name = NULL},
};
