/*
 * The ranges of a cluster network that nodes get for their pods, and which of them are taken.
 * They are given out one after the other, so that one that was freed is not used again at once.
 */
#ifndef KUBE_CONTROLLERS_NODE_RANGES_H
#define KUBE_CONTROLLERS_NODE_RANGES_H

#include <kube/arena.h>
#include <kube/ip.h>

#define NODE_RANGES_BITS 16 /* so many ranges at most, as a power of two */

struct node_ranges {
	struct cidr all;
	uint8_t bits; /* of one range */
	uint32_t count, used, next;
	uint8_t *taken; /* a bit each */
};

/* ERR_USAGE: too many or none fit. `bits` 0: 24, or 64. */
int node_ranges_init(struct node_ranges *r, struct cidr all, int bits, struct err *err);
void node_ranges_done(struct node_ranges *r);
/* All that lies in that network; false: it is another. Taking twice and freeing twice is fine. */
bool node_ranges_take(struct node_ranges *r, const struct cidr *range);
bool node_ranges_free(struct node_ranges *r, const struct cidr *range);
bool node_ranges_next(struct node_ranges *r, struct cidr *range); /* taken then; false: none left */

#endif
