#include <kube/random.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void random_fill(void *at, size_t len)
{
	char *p = at;
	while (len > 0) {
		/* More than 256 bytes may come in pieces, and a signal may interrupt. */
		ssize_t got = getrandom(p, len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			fputs("kube: the kernel gives no random bytes\n", stderr);
			abort();
		}
		p += got;
		len -= (size_t)got;
	}
}

uint64_t random_u64(void)
{
	uint64_t value;
	random_fill(&value, sizeof(value));
	return value;
}

static uint64_t rotate_left(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

void rng_init(struct rng *r, uint64_t seed)
{
	for (size_t i = 0; i < ARRAY_LEN(r->state); i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		r->state[i] = z ^ z >> 31;
	}
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t *s = r->state, result = rotate_left(s[1] * 5, 7) * 9, moved = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= moved;
	s[3] = rotate_left(s[3], 45);
	return result;
}

/*
 * The high half of a 128-bit product scales a draw to the bound; the draws whose low half falls
 * into the uneven rest are thrown away, which makes it exactly uniform.
 */
uint64_t rng_below(struct rng *r, uint64_t bound)
{
	assert(bound > 0);
	uint64_t uneven = -bound % bound;
	unsigned __int128 product;
	do
		product = (unsigned __int128)rng_u64(r) * bound;
	while ((uint64_t)product < uneven);
	return (uint64_t)(product >> 64);
}

double rng_unit(struct rng *r)
{
	return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

void rng_fill(struct rng *r, void *at, size_t len)
{
	unsigned char *p = at;
	while (len > 0) {
		uint64_t draw = rng_u64(r);
		for (size_t i = 0; i < sizeof(draw) && len > 0; i++, len--, draw >>= 8)
			*p++ = (unsigned char)draw;
	}
}

static void fill_from(random_fn *fill, void *ctx, void *at, size_t len)
{
	if (fill)
		fill(ctx, at, len);
	else
		random_fill(at, len);
}

static bool uuid_dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

void uuid_make(char out[37], random_fn *fill, void *ctx)
{
	unsigned char bytes[16];
	fill_from(fill, ctx, bytes, sizeof(bytes));
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40); /* version 4 */
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80); /* RFC 4122 */
	for (size_t i = 0, nibble = 0; i < 36; i++) {
		if (uuid_dash_at(i)) {
			out[i] = '-';
			continue;
		}
		unsigned char both = bytes[nibble / 2];
		out[i] = "0123456789abcdef"[nibble % 2 ? both & 15 : both >> 4];
		nibble++;
	}
	out[36] = 0;
}

bool uuid_valid(struct str s)
{
	if (s.len != 36)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		bool hex =
			(c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
		if (uuid_dash_at(i) ? c != '-' : !hex)
			return false;
	}
	return true;
}

void random_name_suffix(char *out, size_t n, random_fn *fill, void *ctx)
{
	static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
	enum { LETTERS = sizeof(alphabet) - 1, EVEN = 256 / LETTERS * LETTERS };
	size_t done = 0;
	while (done < n) {
		unsigned char draws[16];
		size_t want = MIN(n - done, sizeof(draws));
		fill_from(fill, ctx, draws, want);
		/* Bytes from EVEN on would favour the first letters. */
		for (size_t i = 0; i < want; i++)
			if (draws[i] < EVEN)
				out[done++] = alphabet[draws[i] % LETTERS];
	}
	out[n] = 0;
}
