#include "tls_internal.h"

#include <kube/mem.h>

/*
 * The handshake runs mbedTLS state by state. Up to SERVER_HELLO nothing is expensive, and there it
 * is known whether a session is resumed: then nothing ever will be. Otherwise all that follows
 * belongs on a worker, also the cheap states between the public-key ones and the last, which
 * frees what the others have allocated: a thread that frees another's memory waits for its
 * allocator's lock, and the loop must not wait for a worker that is not scheduled.
 *
 *	… SERVER_HELLO ─┬─ full: everything up to HANDSHAKE_OVER is heavy
 *	                └─ resumed: CHANGE_CIPHER_SPEC, FINISHED … here
 *
 * TLS 1.3 makes a key in each hello, resumed or not: it is heavy from there on.
 */
static bool stage_is_heavy(const struct tls_engine *e)
{
	int first = e->config->server ? MBEDTLS_SSL_SERVER_HELLO : MBEDTLS_SSL_CLIENT_HELLO;
	return e->full || (mbed_ssl_is_tls13(&e->ssl) && mbed_ssl_state(&e->ssl) >= first);
}

bool tls_engine_handshake_is_heavy(const struct tls_engine *e, const struct buf *in)
{
	if (e->done || e->dead || !stage_is_heavy(e))
		return false;
	size_t left = in->len - (e->in == in ? e->in_used : 0);
	return !mbed_ssl_state_reads(&e->ssl, e->config->server) || left > 0 ||
	       mbedtls_ssl_check_pending(&e->ssl);
}

/* ---- the peer's chain ---- */
int tls_certs_from_mbed(struct certs *certs, const mbedtls_x509_crt *crt, struct err *err)
{
	size_t count = 0;
	for (const mbedtls_x509_crt *c = crt; c && c->raw.len; c = c->next)
		count++;
	*certs = (struct certs){0};
	if (!count)
		return 0;
	certs->items = mem_new(count * sizeof(*certs->items));
	for (; certs->count < count; crt = crt->next) {
		struct str der = str_make((const char *)crt->raw.p, crt->raw.len);
		int code = cert_parse_der(der, &certs->items[certs->count], err);
		if (code) {
			certs_done(certs);
			return code;
		}
		certs->count++;
	}
	return 0;
}

static int peer_check(struct tls_engine *e, const mbedtls_x509_crt *crt, struct err *err)
{
	const struct tls_config *c = e->config;
	certs_done(&e->peer);
	int code = tls_certs_from_mbed(&e->peer, crt, err);
	if (code || c->insecure)
		return code;
	/* cert_verify checks no name when it is given none: any certificate of a root would do. */
	if (!c->server && !e->host[0])
		return err_set(
			err, ERR_CERTIFICATE, "there is no name that the certificate must be for");
	struct cert_check check = {
		.roots = &c->roots,
		.now = e->now,
		.usage = c->server ? CERT_CLIENT : CERT_SERVER,
		.host = str_from(e->host),
	};
	return cert_verify(&e->peer, &check, err);
}

/* mbedTLS picks the alert by these flags. */
static uint32_t peer_flags(const struct tls_engine *e)
{
	if (!e->peer.count)
		return MBEDTLS_X509_BADCERT_CN_MISMATCH; /* unreadable: "bad certificate" */
	struct cert *leaf = e->peer.items[0];
	unsigned usage = e->config->server ? CERT_CLIENT : CERT_SERVER;
	const struct cert_info *info = cert_info(leaf);
	if (!tls_cert_is_current(leaf, e->now))
		return MBEDTLS_X509_BADCERT_EXPIRED;
	if (info->has_extended && !(info->extended & usage))
		return MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
	if (e->host && e->host[0] && cert_matches_host(leaf, str_from(e->host), NULL))
		return MBEDTLS_X509_BADCERT_CN_MISMATCH;
	return MBEDTLS_X509_BADCERT_NOT_TRUSTED;
}

/*
 * Called for each certificate, the leaf last. Whatever mbedTLS thought of them is thrown away:
 * the verdict is cert_verify's, given over the whole chain when the leaf comes by (it heads the
 * list that the peer sent).
 */
int tls_peer_verify(void *engine, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct tls_engine *e = engine;
	*flags = 0;
	if (depth > 0)
		return 0;
	err_done(&e->peer_error);
	e->verified = peer_check(e, crt, &e->peer_error) == 0;
	if (!e->verified)
		*flags = peer_flags(e);
	return 0;
}

/* ---- steps ---- */
/* The first five bytes of a client that speaks HTTP, or of a server that answers in it. */
static bool looks_like_http(const struct tls_engine *e, struct str in)
{
	static const char *const requests[] = {
		"GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET", "CONNE", "PRI *"};
	if (!e->config->server)
		return str_starts(in, STR("HTTP/"));
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		if (str_starts(in, str_from(requests[i])))
			return true;
	return false;
}

static bool refuse_stranger(struct tls_engine *e, struct buf *in, struct buf *out, struct err *err)
{
	bool http = looks_like_http(e, buf_str(in));
	if (!http && (in->at[0] == MBEDTLS_SSL_MSG_HANDSHAKE || in->at[0] == MBEDTLS_SSL_MSG_ALERT))
		return false;
	e->dead = true;
	if (!http) {
		err_set(err, ERR_TLS, "tls: first record does not look like a TLS handshake");
	} else if (e->config->server) {
		err_set(err, ERR_TLS, "client sent an HTTP request to an HTTPS server");
		buf_add_text(out, "HTTP/1.0 400 Bad Request\r\n\r\n"
				  "Client sent an HTTP request to an HTTPS server.\n");
	} else {
		err_set(err, ERR_TLS, "server gave HTTP response to HTTPS client");
	}
	return true;
}

static void learn_resumption(struct tls_engine *e, int before)
{
	enum mbed_resumption learnt = mbed_ssl_resumption(&e->ssl, before);
	if (learnt == MBED_RESUMPTION_UNKNOWN)
		return;
	e->resumed = learnt == MBED_RESUMED;
	e->full = !e->resumed;
	if (e->full)
		certs_done(&e->peer); /* what a session or ticket had put there */
}

static int handshake_step(struct tls_engine *e)
{
	int before = mbed_ssl_state(&e->ssl);
	int ret = mbedtls_ssl_handshake_step(&e->ssl);
	if (ret == 0)
		learn_resumption(e, before);
	if (ret == 0 && mbed_ssl_state(&e->ssl) == MBEDTLS_SSL_HANDSHAKE_OVER) {
		e->done = true;
		tls_records_begin(e);
	}
	return ret;
}

static enum tls_want handshake_failed(struct tls_engine *e, int ret, struct err *err)
{
	e->dead = true;
	if (ret != MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE && !e->alert_sent)
		(void)mbedtls_ssl_send_alert_message(&e->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
			(unsigned char)tls_error_alert(ret));
	if (!e->peer_error.code || e->verified || ret == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
		tls_error(e, ret, err);
		return TLS_FAILED;
	}
	int code = err_move(err, &e->peer_error);
	err_wrap(err, code,
		e->config->server ? "tls: failed to verify client certificate"
				  : "tls: failed to verify certificate");
	return TLS_FAILED;
}

/*
 * A client that would go on with a server nobody has verified, or an end that does not know
 * whose certificates it holds, is our own mistake: end it.
 */
static enum tls_want handshake_done(struct tls_engine *e, struct err *err)
{
	const struct tls_config *c = e->config;
	bool sure = c->server || c->insecure || (e->resumed ? e->offered : e->verified);
	if (sure && (e->resumed || e->full))
		return TLS_DONE;
	e->dead = true;
	err_set(err, ERR_TLS, "tls: the peer's certificate was not verified");
	return TLS_FAILED;
}

static enum tls_want handshake_run(struct tls_engine *e, struct buf *in, struct err *err)
{
	bool light = !tls_engine_handshake_is_heavy(e, in);
	while (!e->done) {
		if (light && tls_engine_handshake_is_heavy(e, in))
			return TLS_WANT_WORK;
		size_t used = e->in_used;
		int ret = handshake_step(e);
		if (ret == MBEDTLS_ERR_SSL_WANT_READ && (e->starved || e->in_used == used))
			return TLS_WANT_READ;
		if (ret != 0 && ret != MBEDTLS_ERR_SSL_WANT_READ)
			return handshake_failed(e, ret, err);
	}
	return handshake_done(e, err);
}

enum tls_want tls_engine_handshake(
	struct tls_engine *e, struct buf *in, struct buf *out, struct err *err)
{
	if (e->dead) {
		err_set(err, ERR_TLS, "tls: the connection has failed");
		return TLS_FAILED;
	}
	if (e->done)
		return TLS_DONE;
	if (!e->started && in->len) {
		if (in->len < 5)
			return TLS_WANT_READ; /* a record's header, or enough to see that it is none
					       */
		e->started = true;
		if (refuse_stranger(e, in, out, err))
			return TLS_FAILED;
	}
	tls_engine_enter(e, in, out);
	enum tls_want want = handshake_run(e, in, err);
	tls_engine_leave(e);
	return want;
}
