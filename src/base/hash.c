#include <kube/hash.h>

/*
 * The table hash multiplies 64 by 64 bits and folds the product's halves together. Both factors
 * are covered with numbers that only the seed gives away: an input that makes a factor zero, and
 * with it the product blind to the other factor, cannot be found without knowing the seed.
 */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t read64(const char *p)
{
	uint64_t value;
	memcpy(&value, p, sizeof(value));
	return value;
}

static uint64_t read32(const char *p)
{
	uint32_t value;
	memcpy(&value, p, sizeof(value));
	return value;
}

uint64_t hash_bytes(uint64_t seed, struct str s)
{
	/* Digits of pi and e: odd, and nobody's choice. */
	static const uint64_t pi = 0x243f6a8885a308d3, e = 0xb7e151628aed2a6b;
	uint64_t cover = fold(seed ^ pi, e) + seed, sum = seed ^ e;
	uint64_t a = 0, b = 0;
	const char *p = s.at;
	size_t left = s.len;
	while (left > 16) {
		sum = fold(read64(p) ^ cover, read64(p + 8) ^ sum);
		p += 16;
		left -= 16;
	}
	if (left >= 8) {
		a = read64(p);
		b = read64(p + left - 8);
	} else if (s.len > 16) {
		/* Too few are left for two words: the last 16 bytes reach back. */
		a = read64(p + left - 16);
		b = read64(p + left - 8);
	} else if (left >= 4) {
		a = read32(p);
		b = read32(p + left - 4);
	} else if (left > 0) {
		a = (uint64_t)(unsigned char)p[0] << 16 |
		    (uint64_t)(unsigned char)p[left / 2] << 8 | (unsigned char)p[left - 1];
	}
	sum = fold(a ^ cover, b ^ sum);
	return fold(sum ^ s.len ^ pi, cover | 1);
}

uint32_t hash_fnv32a(struct str s)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < s.len; i++)
		hash = (hash ^ (unsigned char)s.at[i]) * 16777619u;
	return hash;
}
