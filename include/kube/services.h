/*
 * The pure half of address allocation for Services: bringing the fields in order before anything
 * is taken from a range. Services are trees of core/v1.
 */
#ifndef KUBE_SERVICES_H
#define KUBE_SERVICES_H

#include <kube/strategy.h>

/* The families this cluster has ranges for, the default one first. */
struct service_families {
	bool v6[2]; /* IPv6? */
	size_t count;
};

/* Keeps clusterIP and clusterIPs in step, when only one of them was given or taken away. */
void service_normalize(struct arena *a, struct cJSON *service, const struct cJSON *old);
/* An update that leaves out what was allocated keeps it, as far as its type still has it. */
void service_keep_allocated(struct arena *a, struct cJSON *service, const struct cJSON *old);
/* What a change of type, or to one family, takes away, unless the client set it anew. */
void service_drop_for_type(struct arena *a, struct cJSON *service, const struct cJSON *old);
/* Fills ipFamilies and ipFamilyPolicy in. Errors end the write before anything else is checked. */
void service_choose_families(struct arena *a, struct cJSON *service, const struct cJSON *old,
	const struct service_families *families, struct field_errors *e);

bool service_needs_cluster_ip(const struct cJSON *service); /* none for None and ExternalName */
bool service_needs_node_ports(const struct cJSON *service);
bool service_needs_health_port(const struct cJSON *service);

#endif
