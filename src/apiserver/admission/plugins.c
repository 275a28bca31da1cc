/* Every admission plugin, in upstream's order. */
#include "plugins.h"

#define CREATE ADMIT_CREATE
#define UPDATE ADMIT_UPDATE
#define DELETE ADMIT_DELETE

const struct admission_plugin admission_plugins[] = {
	{"NamespaceLifecycle", true, CREATE | UPDATE | DELETE, admit_namespace_lifecycle, NULL},
	{"LimitRanger", true, CREATE | UPDATE, mutate_limits, validate_limits},
	{"ServiceAccount", true, CREATE | UPDATE, mutate_service_account, validate_service_account},
	{"NodeRestriction", false, CREATE | UPDATE | DELETE, admit_node_restriction, NULL},
	{"TaintNodesByCondition", true, CREATE, mutate_new_node, NULL},
	{"PodSecurity", true, CREATE | UPDATE, NULL, validate_pod_security},
	{"Priority", true, CREATE | UPDATE | DELETE, mutate_priority, validate_priority_class},
	{"DefaultTolerationSeconds", true, CREATE | UPDATE, mutate_toleration_seconds, NULL},
	{"DefaultStorageClass", true, CREATE, mutate_default_storage_class, NULL},
	{"StorageObjectInUseProtection", true, CREATE, mutate_in_use_protection, NULL},
	{"OwnerReferencesPermissionEnforcement", false, CREATE | UPDATE, NULL,
		validate_owner_references},
	{"PersistentVolumeClaimResize", true, UPDATE, NULL, validate_claim_resize},
	{"RuntimeClass", true, CREATE, mutate_runtime_class, validate_runtime_class},
	{"CertificateApproval", true, UPDATE, NULL, validate_approval},
	{"CertificateSigning", true, UPDATE, NULL, validate_signing},
	{"ClusterTrustBundleAttest", true, CREATE | UPDATE, NULL, validate_attest},
	{"CertificateSubjectRestriction", true, CREATE, NULL, validate_subject},
	{"DefaultIngressClass", true, CREATE, mutate_default_ingress_class, NULL},
	{"PodTopologyLabels", true, CREATE, mutate_topology_labels, NULL},
	{"PodResizeValidator", true, UPDATE, NULL, validate_pod_resize},
	{"ResourceQuota", true, CREATE | UPDATE, NULL, validate_quota},
	{.name = NULL},
};
