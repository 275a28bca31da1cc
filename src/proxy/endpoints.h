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
	const struct ip *ips; /* its own, at most one of a family */
	size_t ip_count;
};

/* What is said of an endpoint, whatever its port. */
struct endpoint_state {
	bool ready : 1, serving : 1, terminating : 1, local : 1;
	bool node_hinted : 1, zone_hinted : 1; /* it is said for whom it is best */
	bool for_node : 1, for_zone : 1;       /* and that is us */
};
struct endpoint {
	struct ip ip;
	struct endpoint_state is;
	uint16_t port;
	uint32_t nth; /* of all of its port */
};
struct endpoints {
	struct endpoint *items; /* by address and port, each once */
	size_t count;
};

/* An EndpointSlice, as it looks from the node: all that matters of it, in a twentieth of its size.
 */
struct slice_port {
	struct str name, protocol;
	uint16_t port; /* 0: none */
};
struct slice_endpoint {
	struct ip ip;
	struct endpoint_state is;
};
struct slice {
	uint8_t ip_len; /* of all of its addresses; 0: it has none */
	struct slice_port *ports;
	struct slice_endpoint *endpoints;
	size_t port_count, endpoint_count;
};
/* In the arena. */
/* By their labels Services and slices may be somebody else's, or nobody's. */
bool proxy_leaves(const struct cJSON *object);
const struct slice *slice_read(
	struct arena *a, const struct proxy_node *node, const struct cJSON *slice);

/* What slices of one Service say about a port, for one family. */
struct endpoints endpoints_collect(struct arena *a, const struct slice *const *slices,
	size_t slice_count, bool v6, struct str port_name, struct str protocol);
/*
 * Those that are ready, of them those meant for this node or its zone when all say for whom they
 * are; when none is ready those that still serve while they end.
 */
struct endpoints endpoints_of_cluster(struct arena *a, const struct endpoints *all);
struct endpoints endpoints_of_node(struct arena *a, const struct endpoints *all);

#endif
