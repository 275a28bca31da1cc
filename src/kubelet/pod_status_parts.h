/* What the files of the status share. */
#ifndef KUBE_KUBELET_POD_STATUS_PARTS_H
#define KUBE_KUBELET_POD_STATUS_PARTS_H

#include "pod_status.h"

/* Lists of containerStatuses: of init, main and ephemeral containers. */
struct cJSON *container_statuses(
	struct arena *a, const struct pod_status_input *in, enum container_role role);
/* Nothing runs any more: what still seems to is said to have been lost. */
void container_statuses_end(struct arena *a, const struct pod_view *v, struct cJSON *status);

/* The phase that follows from the containers' states in `status`. */
const char *pod_phase(const struct pod_status_input *in, const struct cJSON *status);

/* Adds conditions of ours to the list behind those of others. */
void pod_status_conditions(
	struct arena *a, const struct pod_status_input *in, struct cJSON *status);

/* The entry of that name in status.initContainerStatuses or .containerStatuses. */
struct cJSON *status_entry(const struct cJSON *status, struct str name);
bool any_main_started(const struct cJSON *pod, const struct cJSON *status);
struct str status_time(struct arena *a, int64_t ns);

#endif
