#include "tls_internal.h"

#include <kube/ip.h>
#include <kube/mem.h>

_Thread_local struct tls_engine *tls_engine_running;

/* ---- mbedTLS's I/O: the buffers of the call that runs ---- */
static int engine_recv(void *p, unsigned char *at, size_t len)
{
	struct tls_engine *e = p;
	size_t n = e->in ? MIN(e->in->len - e->in_used, len) : 0;
	if (!n) {
		e->starved = true;
		return MBEDTLS_ERR_SSL_WANT_READ;
	}
	memcpy(at, e->in->at + e->in_used, n);
	e->in_used += n;
	return (int)n;
}

/* mbedTLS sends whole records only. */
static int engine_send(void *p, const unsigned char *at, size_t len)
{
	struct tls_engine *e = p;
	if (!e->out)
		return (int)len;
	/* TLS 1.3 hides alerts, but nothing else in a handshake is as short, padding included. */
	bool hidden = at[0] == MBEDTLS_SSL_MSG_APPLICATION_DATA && len <= 37 && !e->done;
	if (at[0] == MBEDTLS_SSL_MSG_ALERT || hidden)
		e->alert_sent = len == 7 ? at[6] : 255;
	buf_add(e->out, at, len);
	return buf_over(e->out) ? MBEDTLS_ERR_SSL_ALLOC_FAILED : (int)len;
}

void tls_engine_enter(struct tls_engine *e, struct buf *in, struct buf *out)
{
	e->in = in;
	e->out = out;
	e->in_used = 0;
	e->starved = false;
	tls_engine_running = e;
}

void tls_engine_leave(struct tls_engine *e)
{
	if (e->in)
		buf_drop_front(e->in, e->in_used);
	e->in = e->out = NULL;
	tls_engine_running = NULL;
}

/* ---- life ---- */
static struct str host_for_sni(struct str host)
{
	struct ip ip;
	if (ip_parse(host, &ip) || host.len > MBEDTLS_SSL_MAX_HOST_NAME_LEN)
		return (struct str){0};
	if (str_ends(host, STR(".")))
		host.len--;
	return host;
}

/* A session resumes only what it was made with: the same config object and the same name. */
static void engine_offer(struct tls_engine *e, const struct tls_session *s)
{
	if (!s || s->config != e->config || strcmp(s->host, e->host) != 0)
		return;
	if (!e->config->insecure &&
		(!s->peer.count || !tls_cert_is_current(s->peer.items[0], e->now)))
		return;
	if (mbedtls_ssl_set_session(&e->ssl, &s->session) != 0)
		return;
	e->offered = true;
	tls_certs_copy(&e->peer, &s->peer);
}

static void engine_setup_client(
	struct tls_engine *e, struct str host, const struct tls_session *resume)
{
	if (!host.len)
		host = str_from(e->config->server_name);
	e->host = str_dup(host);
	char *sni = str_dup(host_for_sni(host));
	int ret = mbedtls_ssl_set_hostname(&e->ssl, sni[0] ? sni : NULL);
	assert(ret == 0); /* too long has been excluded */
	(void)ret;
	mem_free(sni);
	engine_offer(e, resume);
}

struct tls_engine *tls_engine_new(
	struct tls_config *config, struct str host, const struct tls_session *resume, int64_t now)
{
	struct tls_engine *e = mem_new(sizeof(*e));
	e->config = tls_config_ref(config);
	e->now = now;
	mbedtls_ssl_init(&e->ssl);
	int ret = mbedtls_ssl_setup(&e->ssl, &config->conf);
	assert(ret == 0); /* it fails for want of memory only */
	(void)ret;
	mbedtls_ssl_set_bio(&e->ssl, e, engine_send, engine_recv, NULL);
	mbedtls_ssl_set_verify(&e->ssl, tls_peer_verify, e);
	mbed_ssl_tell_secret(&e->ssl);
	if (!config->server)
		engine_setup_client(e, host, resume);
	return e;
}

void tls_engine_free(struct tls_engine *e)
{
	if (!e)
		return;
	mbedtls_ssl_free(&e->ssl);
	tls_records_end(e);
	mem_free(e->host);
	mem_free(e->sni);
	certs_done(&e->peer);
	err_done(&e->peer_error);
	tls_config_unref(e->config);
	mem_free(e);
}

/* ---- application data ---- */
static int engine_failed(struct tls_engine *e, int ret, struct err *err)
{
	e->dead = true;
	return tls_error(e, ret, err);
}

/* Opens the next record. 0: plaintext waits; 1: nothing more to read now; negative: an error. */
static int engine_next_record(struct tls_engine *e, bool *ended, struct err *err)
{
	unsigned char none;
	while (!mbedtls_ssl_get_bytes_avail(&e->ssl)) {
		size_t used = e->in_used;
		int ret = mbedtls_ssl_read(&e->ssl, &none, 0);
		if (ret == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
			*ended = true;
			return 1;
		}
		if (mbed_ssl_got_ticket(ret))
			continue;
		if (ret < 0 && ret != MBEDTLS_ERR_SSL_WANT_READ)
			return engine_failed(e, ret, err);
		/* A warning ends the call too; only an empty *in means to wait. */
		if (ret < 0 && (e->starved || e->in_used == used))
			return 1;
	}
	return 0;
}

static int engine_decrypt(
	struct tls_engine *e, struct buf *plain, size_t max, bool *ended, struct err *err)
{
	while (max > 0) {
		enum tls_opened opened = tls_records_open(e, plain, &max);
		if (opened == TLS_OPENED)
			continue;
		if (opened == TLS_CUT)
			return 0;
		int code = engine_next_record(e, ended, err);
		if (code)
			return code < 0 ? code : 0;
		size_t n = MIN(mbedtls_ssl_get_bytes_avail(&e->ssl), max);
		char *at = buf_reserve(plain, n);
		if (!at)
			return err_set(err, ERR_LIMIT, "tls: no room for what was read");
		int ret = mbedtls_ssl_read(&e->ssl, (unsigned char *)at, n);
		assert(ret == (int)n); /* it was there */
		(void)ret;
		buf_advance(plain, n);
		max -= n;
	}
	return 0;
}

int tls_engine_decrypt(struct tls_engine *e, struct buf *in, struct buf *plain, size_t max,
	bool *ended, struct buf *out, struct err *err)
{
	*ended = false;
	if (!e->done || e->dead)
		return err_set(err, ERR_TLS, "tls: the connection has failed");
	tls_engine_enter(e, in, out);
	int code = engine_decrypt(e, plain, max, ended, err);
	tls_engine_leave(e);
	return code;
}

bool tls_engine_has_plain(const struct tls_engine *e, const struct buf *in)
{
	return e->done && !e->dead &&
	       (mbedtls_ssl_get_bytes_avail(&e->ssl) > 0 || in->len > e->records.cut);
}

bool tls_engine_in_record(const struct tls_engine *e)
{
	return e->records.cut > 0 || mbed_ssl_record_begun(&e->ssl);
}

static int engine_encrypt(struct tls_engine *e, struct str plain, struct buf *out, struct err *err)
{
	int code = 0;
	tls_engine_enter(e, NULL, out);
	while (plain.len && !code) {
		int ret = mbedtls_ssl_write(&e->ssl, (const unsigned char *)plain.at, plain.len);
		if (ret > 0)
			plain = str_skip(plain, (size_t)ret);
		else if (buf_over(out))
			code = err_set(err, ERR_LIMIT, "tls: no room for what is to be written");
		else
			code = tls_error(e, ret, err);
	}
	tls_engine_leave(e);
	return code;
}

int tls_engine_encrypt(struct tls_engine *e, struct str plain, struct buf *out, struct err *err)
{
	if (!e->done || e->dead)
		return err_set(err, ERR_TLS, "tls: the connection has failed");
	int code = tls_records_seal_here(e) ? tls_records_seal(e, plain, out, err)
					    : engine_encrypt(e, plain, out, err);
	if (code)
		e->dead = true;
	return code;
}

void tls_engine_close_notify(struct tls_engine *e, struct buf *out)
{
	if (!e->done || e->dead)
		return;
	tls_engine_enter(e, NULL, out);
	(void)mbedtls_ssl_close_notify(&e->ssl);
	tls_engine_leave(e);
}

/* ---- what came of it ---- */
void tls_engine_info(const struct tls_engine *e, struct tls_info *info)
{
	*info = (struct tls_info){
		.alpn = str_from(mbedtls_ssl_get_alpn_protocol(&e->ssl)),
		.server_name = str_from(e->sni),
		.version = mbedtls_ssl_get_version(&e->ssl),
		.cipher = mbedtls_ssl_get_ciphersuite(&e->ssl),
		.resumed = e->resumed,
		.peer = e->peer.count ? &e->peer : NULL,
		.peer_error = e->peer_error.code ? &e->peer_error : NULL,
	};
}

struct tls_session *tls_engine_take_session(struct tls_engine *e)
{
	if (e->config->server || !e->done)
		return NULL;
	struct tls_session *s = mem_new(sizeof(*s));
	mbedtls_ssl_session_init(&s->session);
	s->config = tls_config_ref(e->config);
	s->host = mem_copy_text(e->host);
	tls_certs_copy(&s->peer, &e->peer);
	if (mbedtls_ssl_get_session(&e->ssl, &s->session) == 0 &&
		mbed_session_resumable(&s->session))
		return s;
	tls_session_free(s);
	return NULL;
}

void tls_session_free(struct tls_session *s)
{
	if (!s)
		return;
	mbedtls_ssl_session_free(&s->session);
	certs_done(&s->peer);
	mem_free(s->host);
	tls_config_unref(s->config);
	mem_free(s);
}
