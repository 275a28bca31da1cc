/* The functions of the plugins, one file a plugin or a few small ones. */
#ifndef KUBE_APISERVER_ADMISSION_PLUGINS_H
#define KUBE_APISERVER_ADMISSION_PLUGINS_H

#include "access.h"
#include "admission.h"

admit_fn admit_namespace_lifecycle;
admit_fn mutate_limits, validate_limits;
admit_fn mutate_service_account, validate_service_account;
admit_fn admit_node_restriction;
admit_fn mutate_runtime_class, validate_runtime_class;
admit_fn validate_priority_class;
admit_fn validate_owner_references, validate_claim_resize;
admit_fn validate_pod_security;
admit_start_fn start_quota;
admit_fn validate_approval, validate_signing, validate_attest, validate_subject;
admit_fn mutate_priority, mutate_toleration_seconds, mutate_new_node;
/* storage.c: one more that must be taken away before the new object can go. */
void admission_add_finalizer(struct admission_review *r, const char *name);
admit_fn mutate_in_use_protection, mutate_default_storage_class, mutate_default_ingress_class;

/* gates.c */
admit_fn admit_always, deny_always, validate_namespace_exists, validate_external_ips;

/* pod_rules.c */
admit_fn mutate_pull_policy, validate_pull_policy, mutate_extended_tolerations,
	validate_anti_affinity;

/* of what is configured, each its file */
admit_fn mutate_node_selector, validate_node_selector;
admit_fn mutate_tolerations, validate_tolerations;
admit_fn validate_event_rate;
admit_fn mutate_pod_presets;

/* policy_validating.c, policy_mutating.c */
admit_fn validate_policies, mutate_by_policies;

/* pod_nodes.c */
admit_fn mutate_topology_labels, validate_pod_resize;

/* pod_groups.c */
admit_fn mutate_pod_group, validate_pod_group, validate_job;

admit_fn validate_declared_features;
admit_start_fn start_namespace_provision, start_image_policy;

/* hooks_mutating.c, hooks_validating.c */
admit_start_fn start_mutating_webhooks, start_validating_webhooks;

#endif
