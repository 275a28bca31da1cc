/* Salsa20 as NaCl's secretbox uses it: its core, the key schedule of long nonces, the stream. */
#ifndef CRYPTO_SALSA_H
#define CRYPTO_SALSA_H

#include <stddef.h>
#include <stdint.h>

#define SALSA_KEY   32
#define SALSA_BLOCK 64

/* HSalsa20: a key of its own for the first 16 bytes of a long nonce. */
void salsa_subkey(const unsigned char key[SALSA_KEY], const unsigned char nonce[16],
	unsigned char out[SALSA_KEY]);
/* One block of the stream. */
void salsa_block(const unsigned char key[SALSA_KEY], const unsigned char nonce[8], uint64_t counter,
	unsigned char out[SALSA_BLOCK]);

#endif
