/* SHA-1 (FIPS 180-4): what WebSocket's handshake is made of. For nothing that must be secure. */
#include <kube/hash.h>

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static void expand(const unsigned char block[64], uint32_t w[80])
{
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
}

static void add_block(uint32_t state[5], const unsigned char block[64])
{
	static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
	uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

	expand(block, w);
	for (int i = 0; i < 80; i++) {
		uint32_t f = i < 20              ? (b & c) | (~b & d)
			     : i >= 40 && i < 60 ? (b & c) | (b & d) | (c & d)
						 : b ^ c ^ d;
		uint32_t next = rotate(a, 5) + f + e + constants[i / 20] + w[i];

		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

void sha1_of(struct str s, unsigned char digest[20])
{
	uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	unsigned char last[128] = {0};
	struct str rest = s;

	for (; rest.len >= 64; rest = str_skip(rest, 64))
		add_block(state, (const unsigned char *)rest.at);
	if (rest.len)
		memcpy(last, rest.at, rest.len);
	last[rest.len] = 0x80;
	size_t size = rest.len < 56 ? 64 : 128;
	for (int i = 0; i < 8; i++)
		last[size - 1 - (size_t)i] = (unsigned char)((uint64_t)s.len * 8 >> (8 * i));
	for (size_t i = 0; i < size; i += 64)
		add_block(state, last + i);
	for (int i = 0; i < 20; i++)
		digest[i] = (unsigned char)(state[i / 4] >> (8 * (3 - i % 4)));
}
