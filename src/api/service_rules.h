/*
 * What a Service says about addresses: cluster IPs, families, node ports. Pure; the allocators
 * of the API server call these before they take addresses, validation calls them again.
 */
#ifndef KUBE_API_SERVICE_RULES_H
#define KUBE_API_SERVICE_RULES_H

#include <kube/services.h>

#include "kinds.h"

bool service_is_headless(const struct cJSON *service);
bool service_is_type(const struct cJSON *service, const char *type);
/* clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy against each other and what stood before. */
void check_cluster_ips(
	struct field_errors *e, const struct cJSON *service, const struct cJSON *old);

#endif
