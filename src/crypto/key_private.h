/* What a key is made of, for this folder: certificates and the TLS engine. */
#ifndef CRYPTO_KEY_PRIVATE_H
#define CRYPTO_KEY_PRIVATE_H

#include "mbed_compat.h"

#include <kube/key.h>

#include <stdatomic.h>

struct key {
	atomic_uint refs;
	enum key_kind kind;
	bool is_private;
	/*
	 * Type MBEDTLS_PK_NONE when mbedTLS does not know the algorithm: such a key can be held and
	 * compared, and verifies nothing. A private one may be given to mbedTLS on several threads
	 * (mbedtls_ssl_conf_own_cert): nothing in it is computed lazily any more.
	 */
	mbedtls_pk_context pk;
	char *spki; /* SubjectPublicKeyInfo */
	size_t spki_len;
};

#define KEY_RSA_BITS_MIN 1024
#define KEY_RSA_BITS_MAX 8192 /* mbedTLS's own limit too */
#define KEY_DER_MAX      (16 * KIB)

/* Takes the pk context over (also on failure), checks it and makes a key of it. */
int key_adopt(mbedtls_pk_context *pk, bool is_private, struct key **key, struct err *err);
/* From a SubjectPublicKeyInfo. An algorithm mbedTLS does not know is no failure. */
int key_parse_spki(struct str spki, struct key **key, struct err *err);

struct str key_spki(const struct key *key);
bool key_is_rsa(const struct key *key);
bool key_is_ec(const struct key *key);
/* RFC 7093, method 1: the first 160 bits of the SHA-256 of the public key's bit string. */
void key_identifier(const struct key *key, unsigned char id[20]);

/* RSA-PSS with MGF1 of the same hash and a salt of the hash's length: certificates use it. */
int key_verify_pss(
	struct key *key, enum key_hash hash, struct str digest, struct str sig, struct err *err);
/* The digest of bytes; returns its length. */
size_t key_digest(enum key_hash hash, struct str bytes, unsigned char digest[64]);

#endif
