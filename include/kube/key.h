/*
 * Key pairs and PEM. Keys are ECDSA P-256 (the default) or RSA (2048 and up); others are read
 * for verification when mbedTLS knows them (P-384, P-521). A `struct key` is immutable and
 * reference-counted: several threads may sign with it at once.
 */
#ifndef KUBE_KEY_H
#define KUBE_KEY_H

#include <kube/buf.h>
#include <kube/err.h>

struct key;

enum key_kind { KEY_ECDSA_P256, KEY_RSA_2048, KEY_RSA_3072, KEY_RSA_4096, KEY_OTHER };

/* Slow for RSA: call it from work. */
int key_generate(enum key_kind kind, struct key **key, struct err *err);
struct key *key_ref(struct key *key);
void key_unref(struct key *key); /* wipes the private part with the last reference; NULL is fine */
enum key_kind key_kind(const struct key *key);
bool key_is_private(const struct key *key);
bool key_same(const struct key *a, const struct key *b); /* the same public key */

/* PEM or DER: PKCS#1, SEC1, PKCS#8 (unencrypted) private keys; SPKI and PKCS#1 public keys. */
int key_parse(struct str text, struct key **key, struct err *err);
/* The first two want a private key. */
void key_print_pem(const struct key *key, struct buf *out); /* EC PRIVATE KEY / RSA PRIVATE KEY */
void key_print_pkcs8_pem(const struct key *key, struct buf *out);
void key_print_public_pem(const struct key *key, struct buf *out);
void key_public_der(const struct key *key, struct buf *out); /* SubjectPublicKeyInfo */

enum key_hash { KEY_SHA256, KEY_SHA384, KEY_SHA512 };

/* Over a digest. ECDSA in DER, RSA as PKCS#1 v1.5. */
int key_sign(
	struct key *key, enum key_hash hash, struct str digest, struct buf *sig, struct err *err);
int key_verify(
	struct key *key, enum key_hash hash, struct str digest, struct str sig, struct err *err);

/* One PEM block after the other; headers (Proc-Type) refused. false at the end; err set if
 * malformed. */
struct pem_block {
	struct str label; /* "CERTIFICATE" */
	struct buf der;
};
bool pem_next(struct str *rest, struct pem_block *block, struct err *err);
void pem_block_done(struct pem_block *block);
void pem_print(struct buf *out, struct str label, struct str der);

/* Takes the same time whatever differs; the length is no secret. */
bool secret_equal(struct str a, struct str b);

#endif
