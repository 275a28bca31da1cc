/* The rules of a node's pods: host ports, and masquerade. Pure. */
#ifndef PODNET_RULES_H
#define PODNET_RULES_H

#include <kube/nft.h>
#include <kube/runtime.h>

struct rules_pod {
	struct ip ips[2];
	size_t ip_count;
	struct runtime_ports ports;
};

struct rules_input {
	struct cidr pod_cidrs[2]; /* of this node */
	size_t pod_cidr_count;
	struct cidr cluster_cidrs[2];
	size_t cluster_cidr_count;
	/* Of two that want the same port the first has it. */
	const struct rules_pod *pods;
	size_t pod_count;
};

/* The whole table, in place of the one that is there. All of it lives in the batch's arena. */
void rules_compile(const struct rules_input *in, struct nft_batch *b);
/* The pod's side of a host port that packets to this address of the node go to. */
const struct rules_pod *rules_find(const struct rules_input *in, uint8_t protocol,
	const struct ip *to, uint16_t port, const struct runtime_port **found);

#endif
