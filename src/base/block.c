#include <kube/block.h>

#include <kube/mem.h>

#include <stdatomic.h>

struct block *block_new(size_t len)
{
	assert(len <= PTRDIFF_MAX - sizeof(struct block));
	struct block *b = mem_alloc(sizeof(*b) + len);
	atomic_init(&b->refs, 1);
	b->len = len;
	return b;
}

struct block *block_from(struct str s)
{
	struct block *b = block_new(s.len);
	if (s.len)
		memcpy(b->bytes, s.at, s.len);
	return b;
}

struct block *block_ref(struct block *b)
{
	uint32_t before = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	assert(before > 0 && before < UINT32_MAX);
	return b;
}

void block_unref(struct block *b)
{
	if (!b)
		return;
	/* Every reader's last look must come before the memory goes back. */
	uint32_t before = atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel);
	assert(before > 0);
	if (before == 1)
		mem_free(b);
}
