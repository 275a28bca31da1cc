#include "mbed_compat_tls.h"

#include "gcm.h"

#include <mbedtls/platform_util.h>

/*
 * ECDHE only; the faster cipher first. With the CPU's instructions that is AES (gcm.h); without
 * them, and through mbedTLS alone, ChaCha20.
 */
#define AES_12                                                                                     \
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,                                           \
		MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,                                     \
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,                                   \
		MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
#define CHACHA_12                                                                                  \
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,                                     \
		MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
#if MBED_HAS_TLS13
#define ALL_13                                                                                     \
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256, MBEDTLS_TLS1_3_AES_128_GCM_SHA256,                \
		MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
#else
#define ALL_13
#endif

static const int suites_aes[] = {ALL_13 AES_12, CHACHA_12, 0};
static const int suites_chacha[] = {ALL_13 CHACHA_12, AES_12, 0};

const int *mbed_ssl_suites(void)
{
	return gcm_available() ? suites_aes : suites_chacha;
}

bool mbed_suite_is_13(int suite)
{
	static const int of_13[] = {ALL_13 0};

	for (size_t i = 0; of_13[i]; i++)
		if (of_13[i] == suite)
			return true;
	return false;
}

#if MBEDTLS_VERSION_MAJOR < 3

static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519,
	MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1, MBEDTLS_ECP_DP_NONE};
static const int hashes[] = {
	MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512, MBEDTLS_MD_NONE};

void mbed_ssl_conf_protocol(mbedtls_ssl_config *conf, bool tls13)
{
	(void)tls13;
	mbedtls_ssl_conf_ciphersuites(conf, mbed_ssl_suites());
	mbedtls_ssl_conf_curves(conf, curves);
	mbedtls_ssl_conf_sig_hashes(conf, hashes);
	mbedtls_ssl_conf_min_version(
		conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_renegotiation(conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
}

bool mbed_ssl_conf_only_tls13(mbedtls_ssl_config *conf)
{
	(void)conf;
	return false;
}

#else

static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
static const uint16_t algorithms[] = {MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384, MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
#if MBED_HAS_TLS13
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256, MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
#endif
	MBEDTLS_TLS1_3_SIG_NONE};

void mbed_ssl_conf_protocol(mbedtls_ssl_config *conf, bool tls13)
{
	mbedtls_ssl_conf_ciphersuites(conf, mbed_ssl_suites());
	mbedtls_ssl_conf_groups(conf, groups);
	mbedtls_ssl_conf_sig_algs(conf, algorithms);
	mbedtls_ssl_conf_min_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(conf,
		tls13 && MBED_HAS_TLS13 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
#if MBED_HAS_TLS13
	/* Resuming without a fresh key exchange would cost forward secrecy. */
	mbedtls_ssl_conf_tls13_key_exchange_modes(
		conf, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL |
			      MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
		conf, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
#if defined(MBEDTLS_SSL_RENEGOTIATION)
	mbedtls_ssl_conf_renegotiation(conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
}

bool mbed_ssl_conf_only_tls13(mbedtls_ssl_config *conf)
{
	mbedtls_ssl_conf_min_tls_version(
		conf, MBED_HAS_TLS13 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
	return MBED_HAS_TLS13;
}

#endif

/* ---- the keys of records ---- */

static void tell_secret(const unsigned char *master, const unsigned char *client_random,
	const unsigned char *server_random, mbedtls_tls_prf_types prf)
{
	struct mbed_secret secret = {.prf = prf};

	memcpy(secret.master, master, sizeof(secret.master));
	memcpy(secret.randoms, server_random, 32);
	memcpy(secret.randoms + 32, client_random, 32);
	mbed_secret_came(&secret);
	mbedtls_platform_zeroize(&secret, sizeof(secret));
}

#if MBEDTLS_VERSION_MAJOR < 3

static int secret_exported(void *p, const unsigned char *master, const unsigned char *keys,
	size_t mac_len, size_t key_len, size_t iv_len, const unsigned char client_random[32],
	const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
	(void)p, (void)keys, (void)mac_len, (void)key_len, (void)iv_len;
	tell_secret(master, client_random, server_random, prf);
	return 0;
}

void mbed_conf_tell_secret(mbedtls_ssl_config *conf)
{
	mbedtls_ssl_conf_export_keys_ext_cb(conf, secret_exported, NULL);
}

void mbed_ssl_tell_secret(mbedtls_ssl_context *ssl)
{
	(void)ssl;
}

#else

static void secret_exported(void *p, mbedtls_ssl_key_export_type type, const unsigned char *secret,
	size_t len, const unsigned char client_random[32], const unsigned char server_random[32],
	mbedtls_tls_prf_types prf)
{
	(void)p;
	if (type == MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET && len == 48)
		tell_secret(secret, client_random, server_random, prf);
}

void mbed_conf_tell_secret(mbedtls_ssl_config *conf)
{
	(void)conf;
}

void mbed_ssl_tell_secret(mbedtls_ssl_context *ssl)
{
	mbedtls_ssl_set_export_keys_cb(ssl, secret_exported, NULL);
}

#endif

unsigned char *mbed_ssl_out_sequence(mbedtls_ssl_context *ssl)
{
	return ssl->cur_out_ctr;
}

unsigned char *mbed_ssl_in_sequence(mbedtls_ssl_context *ssl)
{
	return ssl->in_ctr;
}

/* ---- states ---- */

int mbed_ssl_state(const mbedtls_ssl_context *ssl)
{
	return ssl->state;
}

int mbed_ssl_alert_read(const mbedtls_ssl_context *ssl)
{
	return ssl->in_msg[1];
}

bool mbed_ssl_record_begun(const mbedtls_ssl_context *ssl)
{
	return ssl->in_left > 0;
}

const mbedtls_x509_crt *mbed_session_peer(const mbedtls_ssl_session *session)
{
	return session->peer_cert;
}

bool mbed_session_resumable(const mbedtls_ssl_session *session)
{
	/* The id of a session of TLS 1.3 is there for old middleboxes only. */
	return session->ticket_len > 0 || (session->id_len > 0 && !mbed_session_is_tls13(session));
}

#if MBED_HAS_TLS13

bool mbed_ssl_is_tls13(const mbedtls_ssl_context *ssl)
{
	return ssl->tls_version == MBEDTLS_SSL_VERSION_TLS1_3;
}

bool mbed_session_is_tls13(const mbedtls_ssl_session *session)
{
	return session->tls_version == MBEDTLS_SSL_VERSION_TLS1_3;
}

bool mbed_ssl_got_ticket(int ret)
{
	return ret == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
}

static bool state_reads_tls13(int state, bool server)
{
	switch (state) {
	case MBEDTLS_SSL_CLIENT_HELLO:
	case MBEDTLS_SSL_CLIENT_CERTIFICATE:
	case MBEDTLS_SSL_CLIENT_CERTIFICATE_VERIFY:
	case MBEDTLS_SSL_CLIENT_FINISHED:
		return server;
	case MBEDTLS_SSL_SERVER_HELLO:
	case MBEDTLS_SSL_ENCRYPTED_EXTENSIONS:
	case MBEDTLS_SSL_CERTIFICATE_REQUEST:
	case MBEDTLS_SSL_SERVER_CERTIFICATE:
	case MBEDTLS_SSL_CERTIFICATE_VERIFY:
	case MBEDTLS_SSL_SERVER_FINISHED:
		return !server;
	default:
		return false;
	}
}

#else

bool mbed_ssl_is_tls13(const mbedtls_ssl_context *ssl)
{
	(void)ssl;
	return false;
}

bool mbed_session_is_tls13(const mbedtls_ssl_session *session)
{
	(void)session;
	return false;
}

bool mbed_ssl_got_ticket(int ret)
{
	(void)ret;
	return false;
}

static bool state_reads_tls13(int state, bool server)
{
	(void)state, (void)server;
	return false;
}

#endif

bool mbed_ssl_state_reads(const mbedtls_ssl_context *ssl, bool server)
{
	if (mbed_ssl_is_tls13(ssl))
		return state_reads_tls13(ssl->state, server);
	switch (ssl->state) {
	case MBEDTLS_SSL_CLIENT_CERTIFICATE:
	case MBEDTLS_SSL_CLIENT_KEY_EXCHANGE:
	case MBEDTLS_SSL_CERTIFICATE_VERIFY:
	case MBEDTLS_SSL_CLIENT_CHANGE_CIPHER_SPEC:
	case MBEDTLS_SSL_CLIENT_FINISHED:
		return server;
	case MBEDTLS_SSL_FLUSH_BUFFERS:
	case MBEDTLS_SSL_HANDSHAKE_WRAPUP:
		return false;
	default:
		return !server;
	}
}

enum mbed_resumption mbed_ssl_resumption(const mbedtls_ssl_context *ssl, int before)
{
#if MBED_HAS_TLS13
	if (mbed_ssl_is_tls13(ssl)) {
		if (before != MBEDTLS_SSL_ENCRYPTED_EXTENSIONS || ssl->state == before)
			return MBED_RESUMPTION_UNKNOWN;
		return ssl->state == MBEDTLS_SSL_SERVER_FINISHED ? MBED_RESUMED : MBED_NOT_RESUMED;
	}
#endif
	if (before != MBEDTLS_SSL_SERVER_HELLO || ssl->state == before)
		return MBED_RESUMPTION_UNKNOWN;
	return ssl->state == MBEDTLS_SSL_SERVER_CHANGE_CIPHER_SPEC ? MBED_RESUMED
								   : MBED_NOT_RESUMED;
}
