/* Cells of particular kinds. */
#ifndef KUBE_API_TABLES_CELLS_OWN_H
#define KUBE_API_TABLES_CELLS_OWN_H

#include "cells.h"

#include <kube/time.h>

static inline char text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* cells_cluster.c */
cell_fn cell_node_status, cell_roles, cell_node_address, cell_kernel, cell_component_health,
	cell_component_text, cell_event_first_seen, cell_event_last_seen, cell_event_count,
	cell_event_message, cell_event_object, cell_event_source, cell_subjects,
	cell_request_condition, cell_requested_duration, cell_certificate_state, cell_api_service,
	cell_api_service_available, cell_param_kind, cell_param_ref, cell_missing_level,
	cell_storage_versions, cell_migrated, cell_migration_status;

/* cells_network.c */
cell_fn cell_service_ports, cell_external_address, cell_ingress_addresses, cell_ingress_hosts,
	cell_ingress_ports, cell_class_parameters, cell_endpoints, cell_slice_ports,
	cell_slice_addresses, cell_parent;

/* cells_pod.c */
cell_fn cell_pod_ready, cell_pod_status, cell_restarts, cell_gates;

/* cells_storage.c */
cell_fn cell_access_modes, cell_bound_modes, cell_bound_capacity, cell_claim, cell_storage_class,
	cell_token_requests, cell_quota, cell_claim_state, cell_pool_sum, cell_pool_errors,
	cell_pool_status, cell_pool_completed;

/* cells_workload.c */
cell_fn cell_job_status, cell_completions, cell_job_duration, cell_suspend, cell_controller,
	cell_targets, cell_group_policy, cell_group_status;

/* The condition of a row that shows a finished pod; NULL for others. */
struct cJSON *pod_conditions(struct arena *a, const struct cJSON *object);

#endif
