/*
 * JSON Web Tokens in their compact form (RFC 7519, 7515), with the algorithms of our keys: RS256
 * for RSA; ES256, ES384, ES512 for the curves. Pure: nobody reads a clock here, and what the
 * claims mean is the caller's business.
 */
#ifndef KUBE_JWT_H
#define KUBE_JWT_H

#include <kube/json.h>
#include <kube/key.h>

#define JWT_MAX (64 * KIB) /* a longer one is none */

/* A token taken apart. Nothing of it is true before jwt_verify. */
struct jwt {
	struct str algorithm, key_id; /* of the header; empty when it does not say */
	struct cJSON *claims;
	struct str signed_text; /* header and claims as they stand; borrowed from the token */
	struct str signature;   /* bytes */
};

/* ERR_SYNTAX when it is no token. */
int jwt_read(struct arena *a, struct str token, struct jwt *jwt, struct err *err);
/* 0 when the key has signed it, by the one algorithm that belongs to the key. */
int jwt_verify(const struct jwt *jwt, struct key *key, struct err *err);
/*
 * The same for tokens that others sign: an RSA key may have signed by any of RS256, RS384, RS512,
 * PS256, PS384, PS512.
 */
int jwt_verify_any(const struct jwt *jwt, struct key *key, struct err *err);
bool jwt_algorithm_known(struct str name);
/* Any thread; slow for RSA: call it from work. `claims` is JSON text. */
int jwt_sign(struct key *key, struct str claims, struct buf *out, struct err *err);

/*
 * "header..signature" over a text that goes another way, by a secret that both sides know (HS256):
 * how clusters prove themselves to those who hold a token of theirs.
 */
void jws_sign_detached(struct str secret, struct str key_id, struct str content, struct buf *out);

/* "RS256"; NULL for keys that sign no tokens. */
const char *jwt_algorithm(const struct key *key);
/* As Kubernetes names keys: the SHA-256 of the public key, base64url. */
struct str jwt_key_id(struct arena *a, const struct key *key);
/* The public key as a JWK (RFC 7517); NULL for keys that sign no tokens. */
struct cJSON *jwt_public_key(struct arena *a, const struct key *key);
/* A JWK of an RSA key or of the curves above. ERR_SYNTAX; ERR_UNSUPPORTED for other kinds. */
int jwk_read(const struct cJSON *jwk, struct key **key, struct err *err);

#endif
