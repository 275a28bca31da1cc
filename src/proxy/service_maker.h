/* Between the files that compile a Service: the Service at hand, and its port. */
#ifndef KUBE_PROXY_SERVICE_MAKER_H
#define KUBE_PROXY_SERVICE_MAKER_H

#include "compile_parts.h"

struct service_maker {
	struct arena *arena;
	const struct proxy_node *node;
	const struct cJSON *service, *spec;
	const struct slice *const *slices;
	size_t slice_count;
	struct compiled *out;

	struct str namespace, name;
	bool node_type, balanced; /* has node ports; has a load balancer's addresses */
	bool inside_local, outside_local;
	uint32_t affinity; /* seconds; 0: none */
	struct ip *ready;  /* endpoints here that are, of all ports */
	size_t ready_count;
	bool ready_v6; /* of which family */
	/* of the port and family at hand */
	bool v6;
	struct ip cluster_ip;
	struct str port_name, protocol;
	uint8_t number;
	uint16_t port, node_port;
	struct endpoints all, cluster, local;
	uint8_t *led; /* of all, whether somebody may be sent there: by whom, LED_… */
	bool remembers;
	bool has_firewall;
};

/* An element about an address of the port; ip: NULL where the port alone says what it is. */
void service_element(struct service_maker *m, enum table_set set, const struct ip *ip,
	uint16_t port, enum nft_verdict verdict, struct str to);
/* Is it an address, of the family at hand? */
bool service_of_family(const struct service_maker *m, struct str text, struct ip *ip);
/* Is it a balancer's address that packets are to be sent on from here? */
bool service_has_balancer_at(
	const struct service_maker *m, const struct cJSON *ingress, struct ip *ip);
/*
 * Is the balancer's address for some only? Then there is a chain of the service's own that says who
 * may come.
 */
bool service_guard(struct service_maker *m, const struct ip *ip);

#endif
