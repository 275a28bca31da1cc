/*
 * Versions that say the same otherwise than their hub. A row a version: what it fills in by
 * itself, and the way to the hub's shape and back. Trees are changed in place, before they are
 * decoded as the target's shape, which leaves out what that does not know.
 */
#ifndef KUBE_API_CONVERT_H
#define KUBE_API_CONVERT_H

#include "types.h"

#include <kube/api_codec.h>
#include <kube/resource.h>

typedef void convert_fn(struct arena *a, struct cJSON *object);

/* of workloads (convert_workloads.c) */
void deployment_defaults_extensions(struct arena *a, struct cJSON *object);
void deployment_defaults_beta1(struct arena *a, struct cJSON *object);
void daemonset_defaults_extensions(struct arena *a, struct cJSON *object);
void selector_defaults(struct arena *a, struct cJSON *object);
void statefulset_defaults_beta1(struct arena *a, struct cJSON *object);
void deployment_to_hub(struct arena *a, struct cJSON *object);
void deployment_from_hub(struct arena *a, struct cJSON *object);
void daemonset_from_hub(struct arena *a, struct cJSON *object);

/* of networking, discovery, policy (convert_network.c) */
void ingress_defaults_beta1(struct arena *a, struct cJSON *object);
void ingress_to_hub(struct arena *a, struct cJSON *object);
void ingress_from_hub(struct arena *a, struct cJSON *object);
void endpointslice_to_hub(struct arena *a, struct cJSON *object);
void endpointslice_from_hub(struct arena *a, struct cJSON *object);
void budget_to_hub(struct arena *a, struct cJSON *object);
void budget_from_hub(struct arena *a, struct cJSON *object);

/* of autoscaling v1 (convert_autoscaling.c) */
void scaler_to_hub(struct arena *a, struct cJSON *object);
void scaler_from_hub(struct arena *a, struct cJSON *object);
/* Takes away the annotations that say in v1 what it has no fields for; were there any? */
bool scaler_drop_annotations(struct cJSON *object);

/* of autoscaling v2beta1 (convert_metrics.c) */
/* one metric of spec, of status; v1 has the same shape in its annotations */
void metric_to_hub(struct arena *a, struct cJSON *metric);
void metric_from_hub(struct arena *a, struct cJSON *metric);
void metric_status_to_hub(struct arena *a, struct cJSON *metric);
void metric_status_from_hub(struct arena *a, struct cJSON *metric);
void metrics_to_hub(struct arena *a, struct cJSON *object);
void metrics_from_hub(struct arena *a, struct cJSON *object);

/* of resource v1beta1 (convert_devices.c) */
void claim_to_hub(struct arena *a, struct cJSON *object);
void claim_from_hub(struct arena *a, struct cJSON *object);
void slice_to_hub(struct arena *a, struct cJSON *object);
void slice_from_hub(struct arena *a, struct cJSON *object);

/* of access (convert_access.c) */
void review_to_hub(struct arena *a, struct cJSON *object);
void review_from_hub(struct arena *a, struct cJSON *object);
void subjects_to_hub(struct arena *a, struct cJSON *object);
void subjects_from_hub(struct arena *a, struct cJSON *object);
void webhooks_defaults_beta1(struct arena *a, struct cJSON *object);
void signing_defaults_beta1(struct arena *a, struct cJSON *object); /* convert_signing.c */

/* of definitions (convert_definitions.c) */
void definition_defaults_beta1(struct arena *a, struct cJSON *object);
void definition_to_hub(struct arena *a, struct cJSON *object);
void definition_from_hub(struct arena *a, struct cJSON *object);

/* of events (convert_events.c) */
void event_to_hub(struct arena *a, struct cJSON *object);
void event_from_hub(struct arena *a, struct cJSON *object);

/* The member under another name; nothing when it is not there. */
void convert_rename(struct arena *a, struct cJSON *object, const char *from, const char *to);

#endif
