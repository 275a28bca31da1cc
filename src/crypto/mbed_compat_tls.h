/*
 * What differs between mbedTLS 2.28 and 3.6 in the TLS protocol: the rest of mbed_compat.h, for
 * the files of the TLS engine.
 */
#ifndef CRYPTO_MBED_COMPAT_TLS_H
#define CRYPTO_MBED_COMPAT_TLS_H

#include "mbed_compat.h"

#include <mbedtls/ssl.h>

/* Some errors have changed their names. */
#if MBEDTLS_VERSION_MAJOR < 3
#define MBED_ERR_SSL_NO_COMMON_CIPHER MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN
#define MBED_ERR_SSL_VERSION          MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION
#else
#define MBED_ERR_SSL_NO_COMMON_CIPHER MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE
#define MBED_ERR_SSL_VERSION          MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION
#endif

#if MBEDTLS_VERSION_MAJOR >= 3 && defined(MBEDTLS_SSL_PROTO_TLS1_3)
#define MBED_HAS_TLS13 1
#else
#define MBED_HAS_TLS13 0
#endif

/* Versions, cipher suites, curves, signatures; no renegotiation. */
void mbed_ssl_conf_protocol(mbedtls_ssl_config *conf, bool tls13);
/* Ours, in order of preference, ended by 0; and whether one is of TLS 1.3. */
const int *mbed_ssl_suites(void);
bool mbed_suite_is_13(int suite);
/* false: the library cannot. */
bool mbed_ssl_conf_only_tls13(mbedtls_ssl_config *conf);
/* Whether it is TLS 1.3, or may still become it. */
bool mbed_ssl_is_tls13(const mbedtls_ssl_context *ssl);
/* Whether the next step waits for the peer. */
bool mbed_ssl_state_reads(const mbedtls_ssl_context *ssl, bool server);
/*
 * What the step that began in state `before` has shown: 1.2 knows of a resumption after the
 * server's hello, 1.3 after the encrypted extensions, behind which no certificates follow then.
 */
enum mbed_resumption { MBED_RESUMPTION_UNKNOWN, MBED_RESUMED, MBED_NOT_RESUMED };
enum mbed_resumption mbed_ssl_resumption(const mbedtls_ssl_context *ssl, int before);
/* An "error" of reading that says a ticket has come behind the handshake of TLS 1.3. */
bool mbed_ssl_got_ticket(int ret);
bool mbed_session_is_tls13(const mbedtls_ssl_session *session);
/* Where the handshake stands: a state of mbedTLS's, the same numbers in both versions. */
int mbed_ssl_state(const mbedtls_ssl_context *ssl);
/* The description byte of the fatal alert that was just read. */
int mbed_ssl_alert_read(const mbedtls_ssl_context *ssl);
/* Whether bytes of an incomplete record have been taken in. */
bool mbed_ssl_record_begun(const mbedtls_ssl_context *ssl);

/*
 * What the keys of a TLS 1.2 connection are made of, told inside the handshake of each engine's
 * config (2.28) or context (3.x): tls_records.c takes it.
 */
struct mbed_secret {
	unsigned char master[48];
	unsigned char randoms[64]; /* the server's, the client's */
	mbedtls_tls_prf_types prf;
};
void mbed_conf_tell_secret(mbedtls_ssl_config *conf);
void mbed_ssl_tell_secret(mbedtls_ssl_context *ssl);
void mbed_secret_came(const struct mbed_secret *secret);
/* The numbers of the next records, eight bytes each, big end first. */
unsigned char *mbed_ssl_out_sequence(mbedtls_ssl_context *ssl);
unsigned char *mbed_ssl_in_sequence(mbedtls_ssl_context *ssl);

const mbedtls_x509_crt *mbed_session_peer(const mbedtls_ssl_session *session);
/* Whether it holds a ticket or an id that the server may know again. */
bool mbed_session_resumable(const mbedtls_ssl_session *session);

#endif
