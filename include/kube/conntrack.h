/*
 * conntrack: the kernel's list of connections. Entries of UDP outlive the rules they were made by:
 * while a client keeps sending, its packets go where they went first, also when nobody is there
 * any more. Whoever changes such rules takes the entries away that no longer fit.
 *
 * Both calls block, in the network namespace of the thread: for worker threads.
 */
#ifndef KUBE_CONNTRACK_H
#define KUBE_CONNTRACK_H

#include <kube/err.h>
#include <kube/ip.h>

struct conntrack_side {
	struct ip source, destination;
	uint16_t source_port, destination_port;
};

struct conntrack_flow {
	uint8_t protocol;            /* IPPROTO_UDP, … */
	struct conntrack_side first; /* as the client sent it: destination is the virtual address */
	struct conntrack_side answer; /* as it is answered: source is who was chosen */
};

typedef bool conntrack_choose_fn(void *ctx, const struct conntrack_flow *flow);

/* Deletes the flows of a protocol, of both families, that are chosen. *count: how many. */
int conntrack_delete(
	uint8_t protocol, conntrack_choose_fn *choose, void *ctx, size_t *count, struct err *err);

#endif
