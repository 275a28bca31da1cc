#include <kube/bits.h>
#include <kube/mem.h>

enum { WORD_BITS = 64 };

void bits_init(struct bits *b, size_t size)
{
	b->words = mem_new((size / WORD_BITS + 1) * sizeof(b->words[0]));
	b->size = size;
	b->count = 0;
}

void bits_done(struct bits *b)
{
	mem_free(b->words);
	*b = (struct bits){0};
}

bool bits_has(const struct bits *b, size_t n)
{
	return n < b->size && (b->words[n / WORD_BITS] >> n % WORD_BITS & 1);
}

bool bits_add(struct bits *b, size_t n)
{
	assert(n < b->size);
	if (bits_has(b, n))
		return false;
	b->words[n / WORD_BITS] |= (uint64_t)1 << n % WORD_BITS;
	b->count++;
	return true;
}

bool bits_remove(struct bits *b, size_t n)
{
	if (!bits_has(b, n))
		return false;
	b->words[n / WORD_BITS] &= ~((uint64_t)1 << n % WORD_BITS);
	b->count--;
	return true;
}

/* The first number >= from whose bit differs from the same bit of `flip`. */
static ssize_t bits_next(const struct bits *b, size_t from, uint64_t flip)
{
	if (from >= b->size)
		return -1;
	size_t i = from / WORD_BITS;
	uint64_t word = (b->words[i] ^ flip) & (~(uint64_t)0 << from % WORD_BITS);
	while (!word) {
		if (++i > (b->size - 1) / WORD_BITS)
			return -1;
		word = b->words[i] ^ flip;
	}
	/* The last word's bits behind the end are never set, but count as free. */
	size_t n = i * WORD_BITS + (size_t)__builtin_ctzll(word);
	return n < b->size ? (ssize_t)n : -1;
}

ssize_t bits_next_free(const struct bits *b, size_t from)
{
	return bits_next(b, from, ~(uint64_t)0);
}

ssize_t bits_next_set(const struct bits *b, size_t from)
{
	return bits_next(b, from, 0);
}
