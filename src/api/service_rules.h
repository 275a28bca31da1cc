/*
 * What a Service says about addresses and ports: cluster IPs, families, node ports. Pure; the
 * allocators of the API server call these before they take addresses, validation calls them again.
 */
#ifndef KUBE_API_SERVICE_RULES_H
#define KUBE_API_SERVICE_RULES_H

#include <kube/services.h>

#include "kinds.h"

bool service_is_headless(const struct cJSON *service);
bool service_is_type(const struct cJSON *service, const char *type);
/* clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy against each other. */
void check_cluster_ips(struct field_errors *e, const struct cJSON *service);
/* … and against what stood before. */
void check_cluster_ips_kept(
	struct field_errors *e, const struct cJSON *service, const struct cJSON *old);
/* Each port by itself; spec: the path of the Service's. */
void check_service_ports(
	struct field_errors *e, const struct path *spec, const struct cJSON *service);
/* No two of the list have the same number ("port", "nodePort") with the same protocol. */
void check_service_port_pairs(struct field_errors *e, const struct path *ports,
	const struct cJSON *list, const char *member);
void warn_service(struct change *c);

#endif
