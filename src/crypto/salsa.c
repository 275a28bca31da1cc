/* After the cipher's specification; additions, rotations and exclusive ors alone: constant time. */
#include "salsa.h"

#include <string.h>

/* "expand 32-byte k", a word at each corner of the diagonal. */
static const uint32_t sigma[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

static uint32_t load(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static void store(unsigned char *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(v >> (8 * i));
}

static uint32_t rotate(uint32_t v, int by)
{
	return v << by | v >> (32 - by);
}

static void quarter(uint32_t *x, int a, int b, int c, int d)
{
	x[b] ^= rotate(x[a] + x[d], 7);
	x[c] ^= rotate(x[b] + x[a], 9);
	x[d] ^= rotate(x[c] + x[b], 13);
	x[a] ^= rotate(x[d] + x[c], 18);
}

static void rounds(uint32_t x[16])
{
	for (int i = 0; i < 10; i++) {
		quarter(x, 0, 4, 8, 12);
		quarter(x, 5, 9, 13, 1);
		quarter(x, 10, 14, 2, 6);
		quarter(x, 15, 3, 7, 11);
		quarter(x, 0, 1, 2, 3);
		quarter(x, 5, 6, 7, 4);
		quarter(x, 10, 11, 8, 9);
		quarter(x, 15, 12, 13, 14);
	}
}

static void fill(uint32_t x[16], const unsigned char *key, const unsigned char in[16])
{
	for (int i = 0; i < 4; i++) {
		x[5 * i] = sigma[i];
		x[1 + i] = load(key + 4 * i);
		x[11 + i] = load(key + 16 + 4 * i);
		x[6 + i] = load(in + 4 * i);
	}
}

void salsa_subkey(const unsigned char key[SALSA_KEY], const unsigned char nonce[16],
	unsigned char out[SALSA_KEY])
{
	uint32_t x[16];

	fill(x, key, nonce);
	rounds(x);
	for (int i = 0; i < 4; i++) {
		store(out + 4 * i, x[5 * i]);
		store(out + 16 + 4 * i, x[6 + i]);
	}
}

void salsa_block(const unsigned char key[SALSA_KEY], const unsigned char nonce[8], uint64_t counter,
	unsigned char out[SALSA_BLOCK])
{
	unsigned char in[16];
	uint32_t x[16], y[16];

	memcpy(in, nonce, 8);
	store(in + 8, (uint32_t)counter);
	store(in + 12, (uint32_t)(counter >> 32));
	fill(x, key, in);
	memcpy(y, x, sizeof(y));
	rounds(x);
	for (int i = 0; i < 16; i++)
		store(out + 4 * i, x[i] + y[i]);
}
