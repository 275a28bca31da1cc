/* Which endpoints a port of a Service leads to. Pure. */
#ifndef KUBE_PROXY_ENDPOINTS_H
#define KUBE_PROXY_ENDPOINTS_H

#include <kube/ip.h>
#include <kube/json.h>

struct proxy_node {
	struct str name, zone;
	const struct cidr *pod_cidrs; /* who is in there is no stranger */
	size_t pod_cidr_count;
	bool masquerade_all;
};

struct endpoint {
	struct ip ip;
	uint16_t port;
	uint32_t nth; /* of all of its port */
	bool ready, serving, terminating, local;
	bool node_hinted, zone_hinted; /* it is said for whom it is best */
	bool for_node, for_zone;       /* and that is us */
};
struct endpoints {
	struct endpoint *items; /* by address and port, each once */
	size_t count;
};

/* What slices of one Service say about a port, for one family. */
struct endpoints endpoints_collect(struct arena *a, const struct proxy_node *node,
	const struct cJSON *const *slices, size_t slice_count, bool v6, struct str port_name,
	struct str protocol);
/*
 * Those that are ready, of them those meant for this node or its zone when all say for whom they
 * are; when none is ready those that still serve while they end.
 */
struct endpoints endpoints_of_cluster(struct arena *a, const struct endpoints *all);
struct endpoints endpoints_of_node(struct arena *a, const struct endpoints *all);

#endif
