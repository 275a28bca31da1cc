/*
 * A reference-counted run of bytes, immutable once shared. Stored objects, cached responses and
 * queued writes are blocks: whoever holds a reference may read from any thread. The count is
 * atomic; the bytes are not protected, because nobody changes them after block_new's caller
 * hands the block on.
 */
#ifndef KUBE_BLOCK_H
#define KUBE_BLOCK_H

#include <kube/str.h>

struct block {
	_Atomic(uint32_t) refs;
	size_t len;
	char bytes[];
};

struct block *block_new(size_t len); /* one reference; bytes not zeroed */
struct block *block_from(struct str s);
struct block *block_ref(struct block *b);
void block_unref(struct block *b); /* NULL is fine */

static inline struct str block_str(const struct block *b)
{
	return b ? (struct str){b->bytes, b->len} : (struct str){0};
}

#endif
