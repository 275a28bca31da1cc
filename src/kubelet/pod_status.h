/*
 * The status of a pod as the API is to have it: containers, phase, conditions. Pure.
 */
#ifndef KUBE_KUBELET_POD_STATUS_H
#define KUBE_KUBELET_POD_STATUS_H

#include "resize.h"

struct pod_status_input {
	const struct pod_view *view;
	const struct cJSON *old; /* the status as last written, or as the API has it */
	const struct ip *host_ips;
	size_t host_ip_count;
	const char *runtime; /* "kube": containerID is "kube://id" */
	bool terminal;       /* everything of it has ended and nothing runs again */
	bool rejected;       /* it has never been let in */
	/* An end that has been decided for it; phase empty: none. */
	struct str phase, reason, message;
	const struct resize_told *resize; /* NULL: nothing is told */
	struct str disruption; /* why the kubelet itself ended it: DisruptionTarget; empty: not */
};

struct cJSON *pod_status_make(struct arena *a, const struct pod_status_input *in);

/*
 * The strategic merge patch from one status to another of the same pod, or NULL when nothing
 * differs. Conditions of others are left alone.
 */
struct cJSON *pod_status_patch(
	struct arena *a, struct str uid, const struct cJSON *old, const struct cJSON *fresh);

#endif
