#include "gcm.h"

#include <kube/key.h>
#include <kube/mem.h>

#if defined(__x86_64__)

#include <mbedtls/platform_util.h>
#include <wmmintrin.h>

#include <smmintrin.h>

/* The rest of the program is built for any x86-64; gcm_available has asked this one. */
#define FAST   __attribute__((target("aes,pclmul,ssse3,sse4.1")))
#define INLINE __attribute__((target("aes,pclmul,ssse3,sse4.1"), always_inline)) static inline

#define BLOCK      16
#define AT_ONCE    8
#define ROUNDS_MAX 14

/*
 * GHASH's field elements stand in memory with the bits of each byte, and the bytes, the other way
 * round than the multiplier wants them. The bytes are swapped; the bits need not be, because the
 * product of two reflected numbers is the reflected product shifted by one: the powers of H are
 * kept shifted by one, which makes up for it.
 */
struct gcm {
	__m128i round[ROUNDS_MAX + 1];
	__m128i power[AT_ONCE];  /* H^1 … H^8 */
	__m128i halves[AT_ONCE]; /* of each, the sum of its two halves */
	int rounds;
};

/* One message under way. */
struct state {
	__m128i counter; /* bytes swapped */
	__m128i mask;    /* of the tag */
	__m128i hash;
};

bool gcm_available(void)
{
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("sse4.1");
}

/* ---- AES ---- */

INLINE __m128i next_round_key(__m128i key, __m128i word)
{
	key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
	key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
	key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
	return _mm_xor_si128(key, word);
}

/* The instruction takes its constant as a literal. */
#define ASSIST(key, constant, word)                                                                \
	_mm_shuffle_epi32(_mm_aeskeygenassist_si128((key), (constant)), (word))
#define NEXT_128(k, i, constant)                                                                   \
	((k)[i] = next_round_key((k)[(i)-1], ASSIST((k)[(i)-1], (constant), 0xff)))
#define NEXT_256(k, i, constant)                                                                   \
	((k)[i] = next_round_key((k)[(i)-2], ASSIST((k)[(i)-1], (constant), 0xff)),                \
		(k)[(i) + 1] = next_round_key((k)[(i)-1], ASSIST((k)[i], 0, 0xaa)))

FAST static void expand_128(struct gcm *g, const unsigned char *key)
{
	__m128i *k = g->round;

	g->rounds = 10;
	k[0] = _mm_loadu_si128((const __m128i *)key);
	NEXT_128(k, 1, 0x01);
	NEXT_128(k, 2, 0x02);
	NEXT_128(k, 3, 0x04);
	NEXT_128(k, 4, 0x08);
	NEXT_128(k, 5, 0x10);
	NEXT_128(k, 6, 0x20);
	NEXT_128(k, 7, 0x40);
	NEXT_128(k, 8, 0x80);
	NEXT_128(k, 9, 0x1b);
	NEXT_128(k, 10, 0x36);
}

FAST static void expand_256(struct gcm *g, const unsigned char *key)
{
	__m128i *k = g->round;

	g->rounds = 14;
	k[0] = _mm_loadu_si128((const __m128i *)key);
	k[1] = _mm_loadu_si128((const __m128i *)(key + BLOCK));
	NEXT_256(k, 2, 0x01);
	NEXT_256(k, 4, 0x02);
	NEXT_256(k, 6, 0x04);
	NEXT_256(k, 8, 0x08);
	NEXT_256(k, 10, 0x10);
	NEXT_256(k, 12, 0x20);
	k[14] = next_round_key(k[12], ASSIST(k[13], 0x40, 0xff));
}

INLINE __m128i encrypt_block(const struct gcm *g, __m128i b)
{
	b = _mm_xor_si128(b, g->round[0]);
	for (int r = 1; r < g->rounds; r++)
		b = _mm_aesenc_si128(b, g->round[r]);
	return _mm_aesenclast_si128(b, g->round[g->rounds]);
}

INLINE __m128i swap_bytes(__m128i b)
{
	return _mm_shuffle_epi8(b, _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
}

INLINE __m128i next_counter(struct state *s)
{
	__m128i now = s->counter;

	s->counter = _mm_add_epi32(now, _mm_set_epi32(0, 0, 0, 1));
	return swap_bytes(now);
}

/* ---- GHASH ---- */

struct product {
	__m128i low, middle, high;
};

INLINE __m128i add_halves(__m128i a)
{
	return _mm_xor_si128(a, _mm_shuffle_epi32(a, 0x4e));
}

INLINE void multiply_add(struct product *p, __m128i a, __m128i power, __m128i halves)
{
	p->low = _mm_xor_si128(p->low, _mm_clmulepi64_si128(a, power, 0x00));
	p->high = _mm_xor_si128(p->high, _mm_clmulepi64_si128(a, power, 0x11));
	p->middle = _mm_xor_si128(p->middle, _mm_clmulepi64_si128(add_halves(a), halves, 0x00));
}

/* Back to 128 bits: x^128 = x^7 + x^2 + x + 1, reflected; 64 bits at a time. */
INLINE __m128i reduce(struct product p)
{
	const __m128i polynomial = _mm_set_epi64x(0, (long long)0xc200000000000000);
	__m128i middle = _mm_xor_si128(p.middle, _mm_xor_si128(p.low, p.high));

	p.low = _mm_xor_si128(p.low, _mm_slli_si128(middle, 8));
	p.high = _mm_xor_si128(p.high, _mm_srli_si128(middle, 8));
	for (int i = 0; i < 2; i++) {
		__m128i folded = _mm_clmulepi64_si128(p.low, polynomial, 0x00);
		p.low = _mm_xor_si128(_mm_shuffle_epi32(p.low, 0x4e), folded);
	}
	return _mm_xor_si128(p.high, p.low);
}

INLINE __m128i multiply(__m128i a, __m128i power, __m128i halves)
{
	struct product p = {0};

	multiply_add(&p, a, power, halves);
	return reduce(p);
}

INLINE void hash_block(const struct gcm *g, struct state *s, __m128i b)
{
	__m128i sum = _mm_xor_si128(s->hash, swap_bytes(b));

	s->hash = multiply(sum, g->power[0], g->halves[0]);
}

INLINE void hash_blocks(const struct gcm *g, struct state *s, const __m128i *b)
{
	struct product p = {0};

#pragma GCC unroll 8
	for (int i = 0; i < AT_ONCE; i++) {
		__m128i sum = swap_bytes(b[i]);
		if (i == 0)
			sum = _mm_xor_si128(sum, s->hash);
		multiply_add(&p, sum, g->power[AT_ONCE - 1 - i], g->halves[AT_ONCE - 1 - i]);
	}
	s->hash = reduce(p);
}

INLINE __m128i load_part(const unsigned char *at, size_t len)
{
	unsigned char part[BLOCK] = {0};

	memcpy(part, at, len);
	return _mm_loadu_si128((const __m128i *)part);
}

FAST static void hash_text(const struct gcm *g, struct state *s, struct str text)
{
	const unsigned char *at = (const unsigned char *)text.at;
	size_t len = text.len;

	for (; len >= BLOCK; at += BLOCK, len -= BLOCK)
		hash_block(g, s, _mm_loadu_si128((const __m128i *)at));
	if (len)
		hash_block(g, s, load_part(at, len));
}

FAST static void make_powers(struct gcm *g)
{
	__m128i h = swap_bytes(encrypt_block(g, _mm_setzero_si128()));
	/* Shifted by one bit over all 128; what falls out comes back through the polynomial. */
	__m128i carries = _mm_srli_epi64(h, 63);
	__m128i fallen = _mm_shuffle_epi32(_mm_srai_epi32(h, 31), 0xff);

	h = _mm_or_si128(_mm_slli_epi64(h, 1), _mm_slli_si128(carries, 8));
	h = _mm_xor_si128(
		h, _mm_and_si128(fallen, _mm_set_epi64x((long long)0xc200000000000000, 1)));
	g->power[0] = h;
	g->halves[0] = add_halves(h);
	for (int i = 1; i < AT_ONCE; i++) {
		g->power[i] = multiply(g->power[i - 1], g->power[0], g->halves[0]);
		g->halves[i] = add_halves(g->power[i]);
	}
}

/* ---- messages ---- */

/* Eight blocks of the key stream: their rounds run side by side. */
INLINE void stream_blocks(const struct gcm *g, struct state *s, __m128i *b)
{
#pragma GCC unroll 8
	for (int i = 0; i < AT_ONCE; i++)
		b[i] = _mm_xor_si128(next_counter(s), g->round[0]);
	for (int r = 1; r < g->rounds; r++) {
		__m128i key = g->round[r];
#pragma GCC unroll 8
		for (int i = 0; i < AT_ONCE; i++)
			b[i] = _mm_aesenc_si128(b[i], key);
	}
	__m128i last = g->round[g->rounds];
#pragma GCC unroll 8
	for (int i = 0; i < AT_ONCE; i++)
		b[i] = _mm_aesenclast_si128(b[i], last);
}

/* What is hashed is what travels: the result of sealing, the input of opening. */
INLINE void crypt_block(const struct gcm *g, struct state *s, const unsigned char *in,
	unsigned char *out, size_t len, bool seal)
{
	__m128i from = load_part(in, len);
	__m128i to = _mm_xor_si128(from, encrypt_block(g, next_counter(s)));
	unsigned char part[BLOCK];

	_mm_storeu_si128((__m128i *)part, to);
	memcpy(out, part, len);
	hash_block(g, s, seal ? load_part(part, len) : from);
}

INLINE void crypt_text(
	const struct gcm *g, struct state *s, struct str text, unsigned char *out, bool seal)
{
	const unsigned char *in = (const unsigned char *)text.at;
	size_t len = text.len;

	for (; len >= AT_ONCE * BLOCK; len -= AT_ONCE * BLOCK) {
		__m128i from[AT_ONCE], to[AT_ONCE];

		stream_blocks(g, s, to);
#pragma GCC unroll 8
		for (int i = 0; i < AT_ONCE; i++) {
			from[i] = _mm_loadu_si128((const __m128i *)in + i);
			to[i] = _mm_xor_si128(to[i], from[i]);
			_mm_storeu_si128((__m128i *)out + i, to[i]);
		}
		hash_blocks(g, s, seal ? to : from);
		in += AT_ONCE * BLOCK;
		out += AT_ONCE * BLOCK;
	}
	for (; len; len -= MIN(len, (size_t)BLOCK)) {
		crypt_block(g, s, in, out, MIN(len, (size_t)BLOCK), seal);
		in += BLOCK;
		out += BLOCK;
	}
}

FAST static struct state begin(
	const struct gcm *g, const unsigned char nonce[GCM_NONCE], struct str aad)
{
	struct state s = {0};
	__m128i first = _mm_insert_epi32(load_part(nonce, GCM_NONCE), 0x01000000, 3);

	s.counter = swap_bytes(first);
	s.mask = encrypt_block(g, next_counter(&s));
	hash_text(g, &s, aad);
	return s;
}

FAST static void end(const struct gcm *g, struct state *s, struct str aad, struct str text,
	unsigned char tag[GCM_TAG])
{
	__m128i lengths = _mm_set_epi64x((long long)aad.len * 8, (long long)text.len * 8);

	hash_block(g, s, swap_bytes(lengths));
	_mm_storeu_si128((__m128i *)tag, _mm_xor_si128(swap_bytes(s->hash), s->mask));
}

FAST void gcm_seal(const struct gcm *g, const unsigned char nonce[GCM_NONCE], struct str aad,
	struct str in, unsigned char *out, unsigned char tag[GCM_TAG])
{
	struct state s = begin(g, nonce, aad);

	crypt_text(g, &s, in, out, true);
	end(g, &s, aad, in, tag);
}

FAST bool gcm_open(const struct gcm *g, const unsigned char nonce[GCM_NONCE], struct str aad,
	struct str in, unsigned char *out, const unsigned char tag[GCM_TAG])
{
	struct state s = begin(g, nonce, aad);
	unsigned char right[GCM_TAG];

	crypt_text(g, &s, in, out, false);
	end(g, &s, aad, in, right);
	return secret_equal(
		str_make((const char *)right, GCM_TAG), str_make((const char *)tag, GCM_TAG));
}

struct gcm *gcm_new(const unsigned char *key, size_t len)
{
	if (!gcm_available())
		return NULL;
	assert(len == 16 || len == 32);
	struct gcm *g = mem_new(sizeof(*g));
	if (len == 16)
		expand_128(g, key);
	else
		expand_256(g, key);
	make_powers(g);
	return g;
}

void gcm_free(struct gcm *g)
{
	if (!g)
		return;
	mbedtls_platform_zeroize(g, sizeof(*g));
	mem_free(g);
}

#else

bool gcm_available(void)
{
	return false;
}

struct gcm *gcm_new(const unsigned char *key, size_t len)
{
	(void)key, (void)len;
	return NULL;
}

void gcm_free(struct gcm *g)
{
	assert(!g);
	(void)g;
}

/* Nobody has a key. */
void gcm_seal(const struct gcm *g, const unsigned char nonce[GCM_NONCE], struct str aad,
	struct str in, unsigned char *out, unsigned char tag[GCM_TAG])
{
	(void)g, (void)nonce, (void)aad, (void)in, (void)out, (void)tag;
	assert(!"there is no such key");
}

bool gcm_open(const struct gcm *g, const unsigned char nonce[GCM_NONCE], struct str aad,
	struct str in, unsigned char *out, const unsigned char tag[GCM_TAG])
{
	(void)g, (void)nonce, (void)aad, (void)in, (void)out, (void)tag;
	assert(!"there is no such key");
	return false;
}

#endif
