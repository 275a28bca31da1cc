#include "rng.h"
#include "tls_internal.h"

#include <kube/mem.h>

void tls_certs_copy(struct certs *to, const struct certs *from)
{
	*to = (struct certs){0};
	if (!from || !from->count)
		return;
	to->items = mem_new(from->count * sizeof(*to->items));
	for (; to->count < from->count; to->count++)
		to->items[to->count] = cert_ref(from->items[to->count]);
}

bool tls_cert_is_current(const struct cert *cert, int64_t now)
{
	const struct cert_info *info = cert_info(cert);
	return now >= info->not_before && now <= info->not_after;
}

/* ---- identities ---- */
static int own_load_chain(struct tls_own *own, const struct certs *chain, struct err *err)
{
	for (size_t i = 0; i < chain->count; i++) {
		struct str der = cert_der(chain->items[i]);
		if (mbedtls_x509_crt_parse_der(
			    &own->chain, (const unsigned char *)der.at, der.len) != 0)
			return err_set(err, ERR_CERTIFICATE,
				"tls: certificate %zu of the chain cannot be used", i + 1);
	}
	return 0;
}

static int own_load(struct tls_own *own, const struct tls_identity *id, struct err *err)
{
	mbedtls_x509_crt_init(&own->chain);
	if (!id->chain || !id->chain->count || !id->key)
		return err_set(err, ERR_CERTIFICATE, "tls: no certificates configured");
	own->leaf = cert_ref(id->chain->items[0]);
	if (!key_is_private(id->key) || !key_same(cert_key(own->leaf), id->key))
		return err_set(err, ERR_CERTIFICATE, "tls: private key does not match public key");
	own->key = key_ref(id->key);
	return own_load_chain(own, id->chain, err);
}

static void own_done(struct tls_own *own)
{
	mbedtls_x509_crt_free(&own->chain);
	key_unref(own->key);
	cert_unref(own->leaf);
}

/* Exact names win over wildcards; a wildcard stands for one label. */
static bool own_is_for(const struct tls_own *own, struct str name, bool wildcards)
{
	const struct cert_info *info = cert_info(own->leaf);
	struct str rest = {0}, label;
	if (!str_cut(name, '.', &label, &rest))
		rest = (struct str){0};
	for (size_t i = 0; i < info->dns_count; i++) {
		struct str dns = info->dns[i];
		if (!wildcards && str_eq_nocase(dns, name))
			return true;
		if (wildcards && rest.len && str_starts(dns, STR("*.")) &&
			str_eq_nocase(str_skip(dns, 2), rest))
			return true;
	}
	return false;
}

/* Only what a host name can hold is kept: the name shows up in logs. */
static char *name_copy(struct str name)
{
	if (!name.len || name.len > 253)
		return NULL;
	char *copy = str_dup(name);
	for (char *c = copy; c < copy + name.len; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
		bool fine = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-' ||
			    *c == '.' || *c == '_';
		if (!fine) {
			mem_free(copy);
			return NULL;
		}
	}
	return copy;
}

int tls_identity_pick(void *config, mbedtls_ssl_context *ssl, const unsigned char *name, size_t len)
{
	struct tls_config *c = config;
	struct tls_engine *e = CONTAINER_OF(ssl, struct tls_engine, ssl);
	mem_free(e->sni);
	e->sni = name_copy(str_make((const char *)name, len));
	if (!e->sni)
		return 0;
	bool found = false;
	for (int wildcards = 0; wildcards < 2 && !found; wildcards++)
		for (size_t i = 0; i < c->own_count; i++) {
			struct tls_own *own = &c->own[i];
			if (!own_is_for(own, str_from(e->sni), wildcards))
				continue;
			/* Several may fit, say one ECDSA and one RSA: mbedTLS takes the first that
			 * the client's cipher suites can use. */
			found = true;
			int ret = mbedtls_ssl_set_hs_own_cert(ssl, &own->chain, &own->key->pk);
			if (ret != 0)
				return ret;
		}
	return 0;
}

/* ---- configurations ---- */
/*
 * mbedTLS sends the subjects of its trusted certificates in a CertificateRequest, and refuses to
 * require a certificate without having any. These carry the raw subject and nothing else: no
 * chain can end in one of them, because the fields that are compared are empty. Trust is
 * decided by cert_verify alone.
 */
static void config_name_cas(struct tls_config *c, const struct certs *roots)
{
	mbedtls_x509_crt **last = &c->cas;
	size_t count = roots ? roots->count : 0;
	for (size_t i = 0; i < count || i == 0; i++) {
		mbedtls_x509_crt *crt = mem_new(sizeof(*crt));
		mbedtls_x509_crt_init(crt);
		*last = crt;
		last = &crt->next;
		if (i >= count)
			break;
		struct str subject = cert_info(c->roots.items[i])->subject_der;
		crt->version = 3;
		crt->subject_raw.p = (unsigned char *)(uintptr_t)subject.at;
		crt->subject_raw.len = subject.len;
	}
	mbedtls_ssl_conf_ca_chain(&c->conf, c->cas, NULL);
}

static int config_set_alpn(struct tls_config *c, const char *const *alpn, struct err *err)
{
	size_t count = 0;
	while (alpn && alpn[count])
		count++;
	if (!count)
		return 0;
	c->alpn = mem_new((count + 1) * sizeof(*c->alpn));
	for (size_t i = 0; i < count; i++)
		c->alpn[i] = mem_copy_text(alpn[i]);
	if (mbedtls_ssl_conf_alpn_protocols(&c->conf, (const char **)c->alpn) != 0)
		return err_set(err, ERR_INVALID, "tls: bad protocol name for ALPN");
	return 0;
}

static struct tls_config *config_new(bool server, bool tls13)
{
	struct tls_config *c = mem_new(sizeof(*c));
	c->refs = 1;
	c->server = server;
	mbedtls_ssl_config_init(&c->conf);
	int ret = mbedtls_ssl_config_defaults(&c->conf,
		server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
		MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
	assert(ret == 0); /* it fails for want of memory only */
	(void)ret;
	mbedtls_ssl_conf_rng(&c->conf, rng_mbed, NULL);
	mbed_ssl_conf_protocol(&c->conf, tls13);
	mbed_conf_tell_secret(&c->conf);
	return c;
}

static int config_load_identities(
	struct tls_config *c, const struct tls_identity *ids, size_t count, struct err *err)
{
	c->own = mem_new(count * sizeof(*c->own));
	for (size_t i = 0; i < count; i++) {
		c->own_count = i + 1;
		int code = own_load(&c->own[i], &ids[i], err);
		if (code)
			return code;
	}
	if (mbedtls_ssl_conf_own_cert(&c->conf, &c->own[0].chain, &c->own[0].key->pk) != 0)
		return err_set(err, ERR_CERTIFICATE, "tls: the certificate cannot be used");
	return 0;
}

static int server_setup(struct tls_config *c, const struct tls_server_options *o, struct err *err)
{
	static const int modes[] = {[TLS_CERTS_NONE] = MBEDTLS_SSL_VERIFY_NONE,
		[TLS_CERTS_OPTIONAL] = MBEDTLS_SSL_VERIFY_OPTIONAL,
		[TLS_CERTS_REQUIRED] = MBEDTLS_SSL_VERIFY_REQUIRED};
	if (!o->identity_count)
		return err_set(err, ERR_CERTIFICATE, "tls: no certificates configured");
	int code = config_load_identities(c, o->identities, o->identity_count, err);
	if (!code)
		code = tls_suites_set(c, o, err);
	if (!code)
		code = config_set_alpn(c, o->alpn, err);
	if (code)
		return code;
	c->client_certs = o->client_certs;
	tls_certs_copy(&c->roots, o->client_roots);
	mbedtls_ssl_conf_authmode(&c->conf, modes[o->client_certs]);
	config_name_cas(c, o->client_roots_untold ? NULL : &c->roots);
	mbedtls_ssl_conf_sni(&c->conf, tls_identity_pick, c);
	if (!o->no_tickets)
		mbedtls_ssl_conf_session_tickets_cb(
			&c->conf, tickets_write, tickets_parse, &c->tickets);
	return 0;
}

int tls_config_new_server(
	const struct tls_server_options *o, struct tls_config **config, struct err *err)
{
	struct tls_config *c = config_new(true, !o->no_tls13);
	tickets_init(&c->tickets, o);
	int code = server_setup(c, o, err);
	if (code) {
		tls_config_unref(c);
		return code;
	}
	*config = c;
	return 0;
}

int tls_config_new_client(
	const struct tls_client_options *o, struct tls_config **config, struct err *err)
{
	struct tls_config *c = config_new(false, !o->no_tls13);
	tickets_init(&c->tickets, NULL);
	int code = o->identity ? config_load_identities(c, o->identity, 1, err) : 0;
	if (!code)
		code = config_set_alpn(c, o->alpn, err);
	if (code) {
		tls_config_unref(c);
		return code;
	}
	c->insecure = o->insecure;
	c->server_name = str_dup(o->server_name);
	tls_certs_copy(&c->roots, o->roots);
	/* With insecure the callback still wants to see the chain, hence not VERIFY_NONE. */
	mbedtls_ssl_conf_authmode(
		&c->conf, o->insecure ? MBEDTLS_SSL_VERIFY_OPTIONAL : MBEDTLS_SSL_VERIFY_REQUIRED);
	config_name_cas(c, NULL);
	*config = c;
	return 0;
}

struct tls_config *tls_config_ref(struct tls_config *config)
{
	config->refs++;
	return config;
}

void tls_config_unref(struct tls_config *c)
{
	if (!c || --c->refs)
		return;
	mbedtls_ssl_config_free(&c->conf);
	for (size_t i = 0; i < c->own_count; i++)
		own_done(&c->own[i]);
	mem_free(c->own);
	for (mbedtls_x509_crt *crt = c->cas, *next; crt; crt = next) {
		next = crt->next;
		mem_free(crt);
	}
	certs_done(&c->roots);
	for (size_t i = 0; c->alpn && c->alpn[i]; i++)
		mem_free(c->alpn[i]);
	mem_free(c->alpn);
	mem_free(c->server_name);
	mem_free(c->suites);
	tickets_done(&c->tickets);
	mem_free(c);
}

void tls_config_adopt_tickets(struct tls_config *fresh, struct tls_config *old)
{
	tickets_adopt(&fresh->tickets, &old->tickets);
}
