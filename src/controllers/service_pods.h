/*
 * What services and pods have to do with each other, as both kinds of endpoints see it. Trees of
 * core/v1; pure.
 */
#ifndef KUBE_CONTROLLERS_SERVICE_PODS_H
#define KUBE_CONTROLLERS_SERVICE_PODS_H

#include "workload.h"
#include <kube/ip.h>

/* When its readiness last changed, to whichever side. */
bool pod_readiness_since(const struct cJSON *pod, int64_t *wall);
/* Has it an address, and a right to stand in endpoints? */
bool pod_counts_as_endpoint(const struct cJSON *pod, bool with_terminating);
/* The port a service's port means in that pod; 0: it has none of that name. */
int64_t pod_port_of(const struct cJSON *pod, const struct cJSON *service_port);
/* Its name in the service's domain, or empty. */
struct str pod_hostname_for(const struct cJSON *pod, const struct cJSON *service);
/* A reference to it, as endpoints have it. */
struct cJSON *pod_target_ref(struct arena *a, const struct cJSON *pod);

bool service_has_address(const struct cJSON *service); /* neither "" nor None */
/* The families it serves, the first one decides for Endpoints. false: IPv4. */
size_t service_ip_families(const struct cJSON *service, bool v6[2]);
bool ip_text_is_v6(struct str text);

#endif
