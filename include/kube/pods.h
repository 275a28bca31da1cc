/* What more than one module asks about pods. Pods are trees of core/v1. */
#ifndef KUBE_PODS_H
#define KUBE_PODS_H

#include <kube/json.h>

/* One condition as it is to stand from now on; reason and message may be empty. */
struct pod_condition {
	const char *type, *status, *reason, *message;
};
/* Adds or replaces it; the time of its last transition stays unless the status changes. */
void pod_set_condition(
	struct arena *a, struct cJSON *pod, const struct pod_condition *condition, int64_t now);
bool pod_has_condition(const struct cJSON *pod, const char *type, const char *status);

/*
 * What a pod's containers ask for, or are limited to, together: the larger of what the main ones
 * with the sidecars need and what any init container needs with the sidecars before it. What the
 * pod has for itself comes first. path: "resources.requests" or "resources.limits". A list of
 * quantities in the arena.
 */
struct cJSON *pod_sum(struct arena *a, const struct cJSON *spec, const char *path);

/* The class of its quality of service: Guaranteed, Burstable, BestEffort. */
const char *pod_qos(const struct cJSON *spec);

/* Of what containers ask for, is this a vendor's: "example.com/gpu"? */
bool resource_name_is_extended(struct str name);
/* Can a pod ask for it as a whole: CPU, memory, huge pages? */
bool resource_name_is_pod_level(struct str name);

/* Drops members behind closed feature gates that `old` (or NULL) does not use already. */
void pod_drop_closed(struct cJSON *spec, const struct cJSON *old);

#endif
