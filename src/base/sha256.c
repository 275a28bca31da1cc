/* SHA-256 (FIPS 180-4), with the processor's own rounds where it has them. */
#include <kube/hash.h>

static const uint32_t round_constants[64] = {
	0x428a2f98,
	0x71374491,
	0xb5c0fbcf,
	0xe9b5dba5,
	0x3956c25b,
	0x59f111f1,
	0x923f82a4,
	0xab1c5ed5,
	0xd807aa98,
	0x12835b01,
	0x243185be,
	0x550c7dc3,
	0x72be5d74,
	0x80deb1fe,
	0x9bdc06a7,
	0xc19bf174,
	0xe49b69c1,
	0xefbe4786,
	0x0fc19dc6,
	0x240ca1cc,
	0x2de92c6f,
	0x4a7484aa,
	0x5cb0a9dc,
	0x76f988da,
	0x983e5152,
	0xa831c66d,
	0xb00327c8,
	0xbf597fc7,
	0xc6e00bf3,
	0xd5a79147,
	0x06ca6351,
	0x14292967,
	0x27b70a85,
	0x2e1b2138,
	0x4d2c6dfc,
	0x53380d13,
	0x650a7354,
	0x766a0abb,
	0x81c2c92e,
	0x92722c85,
	0xa2bfe8a1,
	0xa81a664b,
	0xc24b8b70,
	0xc76c51a3,
	0xd192e819,
	0xd6990624,
	0xf40e3585,
	0x106aa070,
	0x19a4c116,
	0x1e376c08,
	0x2748774c,
	0x34b0bcb5,
	0x391c0cb3,
	0x4ed8aa4a,
	0x5b9cca4f,
	0x682e6ff3,
	0x748f82ee,
	0x78a5636f,
	0x84c87814,
	0x8cc70208,
	0x90befffa,
	0xa4506ceb,
	0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotate_right(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void sha256_blocks_portable(uint32_t state[8], const unsigned char *p, size_t blocks)
{
	for (; blocks > 0; blocks--, p += 64) {
		uint32_t w[64], s[8];
		for (size_t i = 0; i < 16; i++)
			w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
			       (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
		for (size_t i = 16; i < 64; i++) {
			uint32_t x = w[i - 15], y = w[i - 2];
			w[i] = w[i - 16] + w[i - 7] +
			       (rotate_right(x, 7) ^ rotate_right(x, 18) ^ x >> 3) +
			       (rotate_right(y, 17) ^ rotate_right(y, 19) ^ y >> 10);
		}
		memcpy(s, state, sizeof(s));
		for (size_t i = 0; i < 64; i++) {
			uint32_t a = s[0], e = s[4];
			uint32_t one =
				s[7] +
				(rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) +
				((e & s[5]) ^ (~e & s[6])) + round_constants[i] + w[i];
			uint32_t two =
				(rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) +
				((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
			memmove(s + 1, s, 7 * sizeof(s[0]));
			s[4] += one;
			s[0] = one + two;
		}
		for (size_t i = 0; i < 8; i++)
			state[i] += s[i];
	}
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

static bool sha256_cpu_can(void)
{
	/* 0: not asked yet, 1: no, 2: yes. Every thread finds the same answer. */
	static _Atomic(int) answer;
	int known = answer;
	if (known)
		return known == 2;
	unsigned a, b, c, d;
	bool can = __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
		   (b & bit_SHA);
	answer = can ? 2 : 1;
	return can;
}

/*
 * The instructions keep the eight words as two registers, ABEF and CDGH, do two rounds each and
 * extend the message four words at a time.
 */
__attribute__((target("sha,sse4.1"))) static void sha256_blocks_cpu(
	uint32_t state[8], const unsigned char *p, size_t blocks)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
	__m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
	__m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);

	for (; blocks > 0; blocks--, p += 64) {
		__m128i abef_before = abef, cdgh_before = cdgh, w[4];
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) {
			__m128i *now = &w[i & 3];
			if (i < 4) {
				*now = _mm_shuffle_epi8(
					_mm_loadu_si128((const __m128i *)(p + 16 * i)), swap);
			} else {
				__m128i last = w[(i + 3) & 3], middle = w[(i + 2) & 3];
				*now = _mm_sha256msg1_epu32(*now, w[(i + 1) & 3]);
				*now = _mm_add_epi32(*now, _mm_alignr_epi8(last, middle, 4));
				*now = _mm_sha256msg2_epu32(*now, last);
			}
			__m128i k = _mm_loadu_si128((const __m128i *)(round_constants + 4 * i));
			k = _mm_add_epi32(k, *now);
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k, 0x0e));
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}

	low = _mm_shuffle_epi32(abef, 0x1b);
	high = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xf0));
	_mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
}
#else
static bool sha256_cpu_can(void)
{
	return false;
}

static void sha256_blocks_cpu(uint32_t state[8], const unsigned char *p, size_t blocks)
{
	sha256_blocks_portable(state, p, blocks);
}
#endif

static void sha256_blocks(uint32_t state[8], const void *at, size_t blocks)
{
	(sha256_cpu_can() ? sha256_blocks_cpu : sha256_blocks_portable)(state, at, blocks);
}

void sha256_init(struct sha256 *h)
{
	static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	memcpy(h->state, start, sizeof(start));
	h->length = 0;
}

void sha256_add(struct sha256 *h, struct str s)
{
	size_t held = h->length % 64;
	if (s.len == 0)
		return;
	h->length += s.len;
	if (held) {
		size_t fits = MIN(64 - held, s.len);
		memcpy(h->block + held, s.at, fits);
		s = str_skip(s, fits);
		if (held + fits < 64)
			return;
		sha256_blocks(h->state, h->block, 1);
	}
	sha256_blocks(h->state, s.at, s.len / 64);
	s = str_skip(s, s.len / 64 * 64);
	memcpy(h->block, s.at, s.len);
}

void sha256_end(struct sha256 *h, unsigned char digest[32])
{
	uint64_t bits = h->length * 8;
	size_t held = h->length % 64;
	h->block[held++] = 0x80;
	if (held > 56) {
		memset(h->block + held, 0, 64 - held);
		sha256_blocks(h->state, h->block, 1);
		held = 0;
	}
	memset(h->block + held, 0, 56 - held);
	for (size_t i = 0; i < 8; i++)
		h->block[56 + i] = (unsigned char)(bits >> (56 - 8 * i));
	sha256_blocks(h->state, h->block, 1);
	for (size_t i = 0; i < 32; i++)
		digest[i] = (unsigned char)(h->state[i / 4] >> (24 - i % 4 * 8));
}

void sha256_of(struct str s, unsigned char digest[32])
{
	struct sha256 h;
	sha256_init(&h);
	sha256_add(&h, s);
	sha256_end(&h, digest);
}
