/*
 * mbedTLS, the only door to it: every file of this folder includes it through here, and what
 * differs between 2.28 and 3.x differs only in this pair of files. Functions return 0 or
 * mbedTLS's negative code; mbed_err makes an err of one.
 */
#ifndef CRYPTO_MBED_COMPAT_H
#define CRYPTO_MBED_COMPAT_H

/* 3.x hides the fields of its structs behind this; 2.28 does not know it. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include <kube/err.h>

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>

/* RSA's blinding state and Montgomery constants are behind mbedTLS's own mutex. */
#ifndef MBEDTLS_THREADING_C
#error "mbedTLS must be built with MBEDTLS_THREADING_C: keys sign on several threads at once"
#endif
#ifdef MBEDTLS_USE_PSA_CRYPTO
#error "mbedTLS with MBEDTLS_USE_PSA_CRYPTO keeps EC keys where this code does not look"
#endif

/*
 * Before the first use of keys or TLS; any number of times, on any thread. 3.x keeps its TLS 1.3
 * key schedule in PSA, which wants to be started.
 */
int mbed_start(void);

/* Unencrypted PKCS#1, SEC1 or PKCS#8 in DER. */
int mbed_pk_parse_private(mbedtls_pk_context *pk, struct str der);
int mbed_pk_sign(mbedtls_pk_context *pk, mbedtls_md_type_t md, struct str digest,
	unsigned char *sig, size_t room, size_t *len);
/* These write at the end of the room and return the length, as mbedTLS does. */
int mbed_pk_write_private(const mbedtls_pk_context *pk, unsigned char *room, size_t size);
int mbed_pk_write_public(const mbedtls_pk_context *pk, unsigned char *room, size_t size);

/*
 * The curve's group, shared by all threads and never freed. 2.28 caches the multiples of the
 * generator inside the group at first use, unlocked; here they have been made already, so that
 * everything afterwards only reads (all that valgrind's drd still sees shared are the counters of
 * mbedTLS's self-test). It also spares each new certificate that computation.
 * NULL: a curve we do not use (only P-256, P-384 and P-521 are).
 */
mbedtls_ecp_group *mbed_group(mbedtls_ecp_group_id id);

/* "what: mbedTLS's words". Returns the code. */
int mbed_err(struct err *err, int code, int mbed_code, const char *what);

#endif
