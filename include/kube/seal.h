/*
 * Sealing of what lies on a disk: bytes in, bytes out that only who has the key can read, by the
 * algorithms that Kubernetes names. A fresh nonce for each, in front of the sealed bytes. Pure but
 * for its randomness; keys may be used by several threads at once.
 */
#ifndef KUBE_SEAL_H
#define KUBE_SEAL_H

#include <kube/buf.h>
#include <kube/err.h>

enum seal_kind {
	SEAL_AES_GCM,   /* 16, 24 or 32 bytes of key; changed or moved bytes are noticed */
	SEAL_AES_CBC,   /* the same sizes; changed bytes are noticed by chance only */
	SEAL_SECRETBOX, /* 32 bytes: XSalsa20 and Poly1305; changed bytes are noticed */
};

struct seal_key;
/* ERR_INVALID: a size that the kind does not have. */
int seal_key_new(enum seal_kind kind, struct str secret, struct seal_key **key, struct err *err);
void seal_key_free(struct seal_key *k); /* wipes; NULL is fine */
/* A key of 32 random bytes in *out. */
void seal_random(unsigned char out[32]);

/*
 * Appends to *out. `place` says where the bytes belong: AES-GCM opens them only there; the others
 * know nothing of it.
 */
int seal_close(const struct seal_key *k, struct str place, struct str plain, struct buf *out,
	struct err *err);
/* ERR_INVALID when the key or the place is another, or the bytes have changed. */
int seal_open(const struct seal_key *k, struct str place, struct str sealed, struct buf *out,
	struct err *err);

#endif
