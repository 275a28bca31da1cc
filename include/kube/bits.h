/* A set of small numbers, fixed size from birth: ports, addresses in a CIDR, ids. */
#ifndef KUBE_BITS_H
#define KUBE_BITS_H

#include <kube/defs.h>

struct bits {
	uint64_t *words;
	size_t size;  /* numbers 0 .. size-1 */
	size_t count; /* how many are set */
};

void bits_init(struct bits *b, size_t size);
void bits_done(struct bits *b);
bool bits_has(const struct bits *b, size_t n);
bool bits_add(struct bits *b, size_t n);    /* n < size; false: was there already */
bool bits_remove(struct bits *b, size_t n); /* false: was not there */
/* The first number >= from that is not set (or is set), or -1. */
ssize_t bits_next_free(const struct bits *b, size_t from);
ssize_t bits_next_set(const struct bits *b, size_t from);

#endif
