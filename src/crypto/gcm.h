/*
 * AES-GCM with the CPU's own instructions: eight blocks at a time, where mbedTLS goes one by one.
 * Only for 96-bit nonces, as TLS uses them. Runs in constant time. A key may be used by several
 * threads at once.
 */
#ifndef CRYPTO_GCM_H
#define CRYPTO_GCM_H

#include <kube/str.h>

#define GCM_NONCE 12
#define GCM_TAG   16

struct gcm;

/* Whether this CPU can. */
bool gcm_available(void);
/* 16 or 32 bytes of key; NULL when the CPU cannot. */
struct gcm *gcm_new(const unsigned char *key, size_t len);
void gcm_free(struct gcm *g); /* wipes; NULL is fine */
/* Both read `in` and write as many bytes to `out`, which may be the same place. */
void gcm_seal(const struct gcm *g, const unsigned char nonce[GCM_NONCE], struct str aad,
	struct str in, unsigned char *out, unsigned char tag[GCM_TAG]);
/* false, and nothing to be used in `out`, when the tag does not fit. */
bool gcm_open(const struct gcm *g, const unsigned char nonce[GCM_NONCE], struct str aad,
	struct str in, unsigned char *out, const unsigned char tag[GCM_TAG]);

#endif
