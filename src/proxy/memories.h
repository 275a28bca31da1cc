/*
 * What clients of a port of a service are remembered by: one memory, by whichever of its addresses
 * they come. The number of a memory and those of the endpoints in it are one: above the number of
 * the memory, below that of the endpoint. An endpoint keeps its own as long as it stays, so that
 * others may come and go.
 */
#ifndef KUBE_PROXY_MEMORIES_H
#define KUBE_PROXY_MEMORIES_H

#include "compile.h"

#include <kube/map.h>

struct installed;

struct memories {
	struct map taken; /* numbers that have been given out */
};

void memories_init(struct memories *m);
void memories_done(struct memories *m);
/*
 * Numbers those of the service `key`, and what its ways say of their endpoints: as they were in
 * `old` (NULL: nothing was). Where there are no numbers left, clients are not remembered.
 */
void memories_number(
	struct memories *m, struct str key, const struct installed *old, struct compiled *fresh);
/* What `old` had and `now` has not is for others; either may be NULL. */
void memories_release(struct memories *m, const struct installed *old, const struct installed *now);
/* Adds to the batch what makes the difference. */
void memories_change(struct nft_batch *b, const struct installed *old, const struct installed *now);

#endif
