/*
 * What one Service needs in the proxy's table: a pure function of the Service, its slices and the
 * node. Chains, for each port and family:
 *
 *	svcN-…	from inside: to every endpoint
 *	locN-…	to the endpoints of this node, where a policy says Local
 *	extN-…	from outside: node ports, external addresses, those of load balancers
 *	fwN-…	who may come to a load balancer's address
 *	epN-…	to one endpoint
 */
#ifndef KUBE_PROXY_COMPILE_H
#define KUBE_PROXY_COMPILE_H

#include "endpoints.h"

#include <kube/nft.h>
#include <kube/proxy.h>

#define PROXY_MARK 0x4000u /* its source is to be ours */

/* The table's own sets; those of IPv6 follow those of IPv4. */
enum table_set {
	SET_SERVICES4,
	SET_SERVICES6,
	SET_NODE_PORTS4,
	SET_NODE_PORTS6,
	SET_NO_ENDPOINTS4,
	SET_NO_ENDPOINTS6,
	SET_NO_NODE_PORTS4,
	SET_NO_NODE_PORTS6,
	SET_CLUSTER_IPS4,
	SET_CLUSTER_IPS6,
	SET_NODE_IPS4,
	SET_NODE_IPS6,
	TABLE_SETS
};
extern const struct nft_set table_sets[TABLE_SETS];

struct table_element {
	enum table_set set;
	struct nft_element element;
};

/* Where datagrams to an address go; what the kernel remembers of others is to be forgotten. */
struct datagram_path {
	struct ip ip; /* .len 0: any address of the machine */
	uint16_t port;
	const struct ip *endpoints; /* in order */
	size_t endpoint_count;
};

/* In the caller's arena. */
struct compiled {
	struct nft_chain *chains;
	size_t chain_count;
	struct nft_set *sets; /* who came to which endpoint, for session affinity */
	size_t set_count;
	struct table_element *elements;
	size_t element_count;
	struct datagram_path *paths;
	size_t path_count;
	uint16_t health_port; /* 0: none */
	size_t local_ready;   /* addresses on this node that are ready */
	/* A policy says Local, and all endpoints are elsewhere. */
	bool no_local_inside, no_local_outside;
};

void compile_service(struct arena *a, const struct proxy_node *node, const struct cJSON *service,
	const struct cJSON *const *slices, size_t slice_count, struct compiled *out);
/* Chains that belong to no service, the sets and the hooks. */
struct base_options {
	const struct cidr *nodeport_addresses; /* empty: those of compile_node */
	size_t nodeport_address_count;
};
void compile_base(struct arena *a, const struct base_options *o, struct compiled *out);
/* The node's own addresses, of either family: node ports are there. */
void compile_node(struct arena *a, const struct ip *ips, size_t count, struct compiled *out);

#endif
