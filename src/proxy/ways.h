/*
 * From what was and what is to be at an address and port to the elements that make the difference.
 * Choices are numbered without a gap, and whoever stays keeps its number where it can: one endpoint
 * more or less is a few elements, however many there are.
 */
#ifndef KUBE_PROXY_WAYS_H
#define KUBE_PROXY_WAYS_H

#include "compile.h"

/* In order of address and port. */
int place_cmp(const struct place *a, const struct place *b);

/* What goes from a set, and what comes to it. */
struct difference {
	enum table_set set;
	struct nft_element *gone, *come;
	size_t gone_count, come_count;
};
void difference_put(struct nft_batch *b, const struct difference *d);

/* The map that says its class. */
enum table_set way_set(const struct way *w);
/* Of the same address and port? In order. */
int way_cmp(const struct way *a, const struct way *b);
/*
 * Either may be NULL: nothing was, nothing is to be. Numbers the places of `now`; what the batch
 * points to is in its arena.
 */
void way_change(struct nft_batch *b, const struct way *old, struct way *now);

#endif
