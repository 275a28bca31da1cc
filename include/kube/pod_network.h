/*
 * pod_network: the network of the pods of this node. Every pod has a cable of its own to the node:
 * eth0 inside, a link named after the sandbox outside, and a route to each of its addresses. There
 * is no bridge: whoever talks to a pod, other pods included, is routed by the node, so the rules
 * of services see every packet.
 *
 *	pod:	eth0 10.42.0.5/32, default by 169.254.1.1 (and fe80::1)
 *	node:	10.42.0.5 by kubeXXXXXXXXXXX; 10.42.0.0/24 otherwise unreachable
 *		nftables, POD_NETWORK_TABLE: host ports, and masquerade of what leaves the cluster
 *
 * Addresses come from the node's pod CIDRs, one of each family, the longest unused first. Who has
 * which is on disk before the pod has it: a file an address below DIRECTORY/addresses, with the
 * sandbox's id. Whoever starts again goes on with what is there.
 *
 * One node as yet: the CIDRs of others will be routes beside those of the pods here (host.c), by
 * what connects the nodes.
 */
#ifndef KUBE_POD_NETWORK_H
#define KUBE_POD_NETWORK_H

#include <kube/runtime_native.h>

struct pod_network;

#define POD_NETWORK_TABLE "kube-pods"

struct pod_network_options {
	const char *directory; /* made if need be */
	/* Where pods are reached by their own address: no masquerade. One a family at most. */
	struct cidr cluster_cidrs[2];
	size_t cluster_cidr_count;
	uint32_t mtu;        /* 0: that of the link which leads out of the node */
	int64_t check_every; /* ns; whether somebody has flushed the rules; 0: half a minute */
};

/* Reads what lies on disk: at start. What the options point to is copied. */
int pod_network_new(struct env *env, struct scope *scope, const struct pod_network_options *options,
	struct pod_network **n, struct err *err);
/* After stop, or when nothing was ever asked of it. */
void pod_network_free(struct pod_network *n);
/*
 * Begins with the CIDRs of before, when there are any: pods that went on while nobody was here are
 * met as they were. What does not work yet is no failure: pod_network_ready says what it is.
 */
void pod_network_start(struct pod_network *n, struct op *op);
/* What is under way is cancelled; pods go on. Never refused. Whoever attaches has ended before. */
void pod_network_stop(struct pod_network *n, struct op *op);

/*
 * The node's pod CIDRs, one or two: sets up forwarding and the rules. The same again is fine.
 * ERR_CONFLICT when pods here have addresses of others: a node keeps its CIDRs while it has pods.
 * What has failed may be asked for again.
 */
void pod_network_set_cidrs(
	struct pod_network *n, struct op *op, const struct cidr *cidrs, size_t count);
/* Can pods be connected? `why` (may be NULL) is set when not. */
bool pod_network_ready(const struct pod_network *n, struct err *why);

/*
 * What the runtime calls. attach is refused with ERR_UNAVAILABLE as long as the network is not
 * ready; a sandbox that had addresses before is connected again all the same. Host ports that such
 * a sandbox had are on disk, too.
 */
struct runtime_network *pod_network_runtime(struct pod_network *n);

/*
 * To be called once the runtime knows its sandboxes: these are all there are. Cables, addresses
 * and host ports of others are taken away.
 */
void pod_network_keep(
	struct pod_network *n, struct op *op, const struct str *sandboxes, size_t count);

/* How many addresses are in use; for metrics. */
size_t pod_network_count(const struct pod_network *n);

/*
 * Takes everything away that a pod network has put into this machine's network: cables, routes,
 * rules. Blocks; when none runs. What lies on disk is the caller's.
 */
int pod_network_clear(struct err *err);

#endif
