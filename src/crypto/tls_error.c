#include "tls_internal.h"

/* How Go's crypto/tls names the alerts; by their numbers in the registry. */
static const char *alert_text(int alert)
{
	static const struct {
		uint8_t alert;
		const char *text;
	} texts[] = {
		{0, "close notify"},
		{10, "unexpected message"},
		{20, "bad record MAC"},
		{21, "decryption failed"},
		{22, "record overflow"},
		{30, "decompression failure"},
		{40, "handshake failure"},
		{42, "bad certificate"},
		{43, "unsupported certificate"},
		{44, "revoked certificate"},
		{45, "expired certificate"},
		{46, "unknown certificate"},
		{47, "illegal parameter"},
		{48, "unknown certificate authority"},
		{49, "access denied"},
		{50, "error decoding message"},
		{51, "error decrypting message"},
		{60, "export restriction"},
		{70, "protocol version not supported"},
		{71, "insufficient security level"},
		{80, "internal error"},
		{86, "inappropriate fallback"},
		{90, "user canceled"},
		{100, "no renegotiation"},
		{109, "missing extension"},
		{110, "unsupported extension"},
		{111, "certificate unobtainable"},
		{112, "unrecognized name"},
		{113, "bad certificate status response"},
		{114, "bad certificate hash value"},
		{115, "unknown PSK identity"},
		{116, "certificate required"},
		{120, "no application protocol"},
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].alert == alert)
			return texts[i].text;
	return NULL;
}

static int error_alert_read(const struct tls_engine *e, struct err *err)
{
	int alert = mbed_ssl_alert_read(&e->ssl);
	const char *text = alert_text(alert);
	if (text)
		return err_set(err, ERR_TLS, "remote error: tls: %s", text);
	return err_set(err, ERR_TLS, "remote error: tls: alert(%d)", alert);
}

/* What Go says for the failures that people meet. */
static const char *error_text(const struct tls_engine *e, int ret)
{
	/* 2.28 has one error for many faults of a ClientHello; the alert it chose says more. */
	if (e->alert_sent == MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL)
		return "tls: client requested unsupported application protocols";
	if (e->alert_sent == MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION)
		ret = MBED_ERR_SSL_VERSION;
	switch (ret) {
	case MBEDTLS_ERR_SSL_INVALID_MAC:
		return "local error: tls: bad record MAC";
	case MBEDTLS_ERR_SSL_INVALID_RECORD:
		return e->done ? "tls: malformed record"
			       : "tls: first record does not look like a TLS handshake";
	case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
		return "tls: unexpected message";
	case MBED_ERR_SSL_NO_COMMON_CIPHER:
		return "tls: no cipher suite supported by both client and server";
	case MBED_ERR_SSL_VERSION:
		return e->config->server ? "tls: client offered only unsupported versions"
					 : "tls: server selected unsupported protocol version";
	case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
		return "tls: client didn't provide a certificate";
	default:
		return NULL;
	}
}

int tls_error(const struct tls_engine *e, int ret, struct err *err)
{
	if (ret == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
		return error_alert_read(e, err);
	const char *text = error_text(e, ret);
	if (text)
		return err_set(err, ERR_TLS, "%s", text);
	return mbed_err(err, ERR_TLS, ret, e->done ? "tls" : "tls: handshake failure");
}

int tls_error_alert(int ret)
{
	switch (ret) {
	case MBEDTLS_ERR_SSL_INVALID_MAC:
		return MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC;
	case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
		return MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE;
	case MBED_ERR_SSL_VERSION:
		return MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION;
	case MBEDTLS_ERR_SSL_INTERNAL_ERROR:
		return MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR;
	default:
		return MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
	}
}
