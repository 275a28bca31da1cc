/* Every admission plugin, in upstream's order. */
#include "plugins.h"

#define CREATE ADMIT_CREATE
#define UPDATE ADMIT_UPDATE
#define DELETE ADMIT_DELETE
#define ALL    (CREATE | UPDATE | DELETE | ADMIT_CONNECT)

const struct admission_plugin admission_plugins[] = {
	{"AlwaysAdmit", false, ALL, admit_always, NULL},
	{"NamespaceAutoProvision", false, CREATE, NULL, NULL},
	{"NamespaceLifecycle", true, CREATE | UPDATE | DELETE, admit_namespace_lifecycle, NULL},
	{"NamespaceExists", false, CREATE | UPDATE | DELETE, NULL, validate_namespace_exists},
	{"LimitPodHardAntiAffinityTopology", false, CREATE | UPDATE, NULL, validate_anti_affinity},
	{"PodPreset", false, CREATE, mutate_pod_presets, NULL},
	{"LimitRanger", true, CREATE | UPDATE, mutate_limits, validate_limits},
	{"ServiceAccount", true, CREATE | UPDATE, mutate_service_account, validate_service_account},
	{"NodeRestriction", false, CREATE | UPDATE | DELETE, admit_node_restriction, NULL},
	{"TaintNodesByCondition", true, CREATE, mutate_new_node, NULL},
	{"AlwaysPullImages", false, CREATE | UPDATE, mutate_pull_policy, validate_pull_policy},
	{"ImagePolicyWebhook", false, CREATE | UPDATE, NULL, NULL},
	{"PodSecurity", true, CREATE | UPDATE, NULL, validate_pod_security},
	{"PodNodeSelector", false, CREATE, mutate_node_selector, validate_node_selector},
	{"Priority", true, CREATE | UPDATE | DELETE, mutate_priority, validate_priority_class},
	{"DefaultTolerationSeconds", true, CREATE | UPDATE, mutate_toleration_seconds, NULL},
	{"PodTolerationRestriction", false, CREATE | UPDATE, mutate_tolerations,
		validate_tolerations},
	{"EventRateLimit", false, CREATE | UPDATE, NULL, validate_event_rate},
	{"ExtendedResourceToleration", false, CREATE | UPDATE, mutate_extended_tolerations, NULL},
	{"DefaultStorageClass", true, CREATE, mutate_default_storage_class, NULL},
	{"StorageObjectInUseProtection", true, CREATE, mutate_in_use_protection, NULL},
	{"PodGroupProtection", true, CREATE, mutate_pod_group, NULL},
	{"OwnerReferencesPermissionEnforcement", false, CREATE | UPDATE, NULL,
		validate_owner_references},
	{"PersistentVolumeClaimResize", true, UPDATE, NULL, validate_claim_resize},
	{"RuntimeClass", true, CREATE, mutate_runtime_class, validate_runtime_class},
	{"CertificateApproval", true, UPDATE, NULL, validate_approval},
	{"CertificateSigning", true, UPDATE, NULL, validate_signing},
	{"ClusterTrustBundleAttest", true, CREATE | UPDATE, NULL, validate_attest},
	{"CertificateSubjectRestriction", true, CREATE, NULL, validate_subject},
	{"DefaultIngressClass", true, CREATE, mutate_default_ingress_class, NULL},
	{"DenyServiceExternalIPs", false, CREATE | UPDATE, NULL, validate_external_ips},
	{"PodTopologyLabels", true, CREATE, mutate_topology_labels, NULL},
	{"PodGroupWorkloadExists", true, CREATE, NULL, validate_pod_group},
	{"NodeDeclaredFeatureValidator", true, UPDATE, NULL, validate_declared_features},
	{"JobValidation", true, UPDATE, NULL, validate_job},
	{"PodResizeValidator", true, UPDATE, NULL, validate_pod_resize},
	{"MutatingAdmissionPolicy", true, CREATE | UPDATE | ADMIT_CONNECT, mutate_by_policies,
		NULL},
	{"MutatingAdmissionWebhook", true, ALL, NULL, NULL},
	{"ValidatingAdmissionPolicy", true, ALL, NULL, validate_policies},
	{"ValidatingAdmissionWebhook", true, ALL, NULL, NULL},
	{"ResourceQuota", true, CREATE | UPDATE, NULL, NULL},
	{"AlwaysDeny", false, ALL, deny_always, deny_always},
	{.name = NULL},
};

const struct admission_waits admission_waits[] = {
	{"NamespaceAutoProvision", start_namespace_provision, NULL},
	{"ImagePolicyWebhook", NULL, start_image_policy},
	{"MutatingAdmissionWebhook", start_mutating_webhooks, NULL},
	{"ValidatingAdmissionWebhook", NULL, start_validating_webhooks},
	{"ResourceQuota", NULL, start_quota},
	{.name = NULL},
};
