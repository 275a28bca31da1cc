/*
 * Hashes: a fast keyed one for tables (64 bit, not for secrets), FNV-1a 32 (Kubernetes names
 * things by it), crc32c for stored bytes, SHA-256 for digests, SHA-1 for WebSocket's handshake.
 */
#ifndef KUBE_HASH_H
#define KUBE_HASH_H

#include <kube/str.h>

uint64_t hash_bytes(uint64_t seed, struct str s);
uint32_t hash_fnv32a(struct str s);
uint32_t crc32c(uint32_t crc, struct str s); /* start with 0; uses the CPU's instruction if there */

struct sha256 {
	uint32_t state[8];
	uint64_t length;
	unsigned char block[64];
};
void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, struct str s);
void sha256_end(struct sha256 *h, unsigned char digest[32]);
void sha256_of(struct str s, unsigned char digest[32]);

/* Not for what must be secure. */
void sha1_of(struct str s, unsigned char digest[20]);

#endif
