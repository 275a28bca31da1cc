/* Which kind has which columns, and rows of them. */
#include "cells_own.h"

#define COLUMN(heading, kind, form, wide, how, where, text)                                        \
	{.name = (heading),                                                                        \
		.type = (kind),                                                                    \
		.format = (form),                                                                  \
		.priority = (wide),                                                                \
		.doc = (text),                                                                     \
		.cell = (how),                                                                     \
		.argument = (where)},
#define TABLE(id, ...) static const struct table_column columns_##id[] = {__VA_ARGS__};
#include "tables.def"
#undef TABLE
#undef COLUMN

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TABLE(id, ...)                                                                             \
	static const struct table table_##id = {                                                   \
		.columns = columns_##id,                                                           \
		.column_count = COUNT(columns_##id),                                               \
	};
#include "tables.def"
#undef TABLE

/* For kinds without columns of their own. */
static const struct table_column columns_default[] = {
	{"Name", "string", "name", 0, "Name of the object.", cell_text, "metadata.name"},
	{"Created At", "date", "", 0, "When the object was created.", cell_created, NULL},
};
static const struct table table_default = {.columns = columns_default, .column_count = 2};

/* Kinds of the stored version. */
static const struct {
	const char *group, *kind;
	const struct table *table;
} tables[] = {
	{"", "Pod", &table_pod},
	{"", "PodTemplate", &table_pod_template},
	{"policy", "PodDisruptionBudget", &table_pod_disruption_budget},
	{"", "ReplicationController", &table_replication_controller},
	{"apps", "ReplicaSet", &table_replica_set},
	{"apps", "DaemonSet", &table_daemon_set},
	{"batch", "Job", &table_job},
	{"batch", "CronJob", &table_cron_job},
	{"", "Service", &table_service},
	{"networking.k8s.io", "Ingress", &table_ingress},
	{"networking.k8s.io", "IngressClass", &table_ingress_class},
	{"apps", "StatefulSet", &table_stateful_set},
	{"", "Endpoints", &table_endpoints},
	{"", "Node", &table_node},
	{"", "Event", &table_event},
	{"", "Namespace", &table_namespace},
	{"", "Secret", &table_secret},
	{"", "ServiceAccount", &table_service_account},
	{"", "PersistentVolume", &table_persistent_volume},
	{"", "PersistentVolumeClaim", &table_persistent_volume_claim},
	{"", "ComponentStatus", &table_component_status},
	{"apps", "Deployment", &table_deployment},
	{"autoscaling", "HorizontalPodAutoscaler", &table_horizontal_pod_autoscaler},
	{"", "ConfigMap", &table_config_map},
	{"networking.k8s.io", "NetworkPolicy", &table_network_policy},
	{"rbac.authorization.k8s.io", "RoleBinding", &table_role_binding},
	{"rbac.authorization.k8s.io", "ClusterRoleBinding", &table_cluster_role_binding},
	{"certificates.k8s.io", "CertificateSigningRequest", &table_certificate_signing_request},
	{"certificates.k8s.io", "ClusterTrustBundle", &table_cluster_trust_bundle},
	{"certificates.k8s.io", "PodCertificateRequest", &table_pod_certificate_request},
	{"coordination.k8s.io", "Lease", &table_lease},
	{"coordination.k8s.io", "LeaseCandidate", &table_lease_candidate},
	{"storage.k8s.io", "StorageClass", &table_storage_class},
	{"storage.k8s.io", "VolumeAttributesClass", &table_volume_attributes_class},
	{"apps", "ControllerRevision", &table_controller_revision},
	{"", "ResourceQuota", &table_resource_quota},
	{"scheduling.k8s.io", "PriorityClass", &table_priority_class},
	{"node.k8s.io", "RuntimeClass", &table_runtime_class},
	{"storage.k8s.io", "VolumeAttachment", &table_volume_attachment},
	{"discovery.k8s.io", "EndpointSlice", &table_endpoint_slice},
	{"storage.k8s.io", "CSINode", &table_csi_node},
	{"storage.k8s.io", "CSIDriver", &table_csi_driver},
	{"admissionregistration.k8s.io", "MutatingWebhookConfiguration",
		&table_mutating_webhook_configuration},
	{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration",
		&table_validating_webhook_configuration},
	{"admissionregistration.k8s.io", "ValidatingAdmissionPolicy",
		&table_validating_admission_policy},
	{"admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding",
		&table_validating_admission_policy_binding},
	{"admissionregistration.k8s.io", "MutatingAdmissionPolicy",
		&table_mutating_admission_policy},
	{"admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding",
		&table_mutating_admission_policy_binding},
	{"flowcontrol.apiserver.k8s.io", "FlowSchema", &table_flow_schema},
	{"flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration",
		&table_priority_level_configuration},
	{"internal.apiserver.k8s.io", "StorageVersion", &table_storage_version},
	{"autoscaling", "Scale", &table_scale},
	{"resource.k8s.io", "DeviceClass", &table_device_class},
	{"resource.k8s.io", "ResourceClaim", &table_resource_claim},
	{"resource.k8s.io", "ResourceClaimTemplate", &table_resource_claim_template},
	{"resource.k8s.io", "ResourceSlice", &table_resource_slice},
	{"resource.k8s.io", "ResourcePoolStatusRequest", &table_resource_pool_status_request},
	{"resource.k8s.io", "DeviceTaintRule", &table_device_taint_rule},
	{"networking.k8s.io", "ServiceCIDR", &table_service_cidr},
	{"networking.k8s.io", "IPAddress", &table_ip_address},
	{"storagemigration.k8s.io", "StorageVersionMigration", &table_storage_version_migration},
	{"scheduling.k8s.io", "Workload", &table_workload},
	{"scheduling.k8s.io", "PodGroup", &table_pod_group},
	{"apiregistration.k8s.io", "APIService", &table_api_service},
};

const struct table *table_find(struct str group, struct str kind)
{
	for (size_t i = 0; i < COUNT(tables); i++)
		if (str_eq_text(kind, tables[i].kind) && str_eq_text(group, tables[i].group))
			return tables[i].table;
	return &table_default;
}

const struct table *resource_table(const struct resource *r)
{
	return r->table ? r->table : table_find(r->hub->group, r->hub->kind);
}

struct cJSON *table_cells(const struct table *t, struct arena *a, const struct cJSON *object,
	int64_t now, struct cJSON **conditions)
{
	struct table_row row = {
		.arena = a, .object = object, .cells = json_new(a, JSON_ARRAY), .now = now};

	for (size_t i = 0; i < t->column_count; i++)
		t->columns[i].cell(&row, t->columns[i].argument);
	*conditions = t == &table_pod ? pod_conditions(a, object) : NULL;
	return row.cells;
}
