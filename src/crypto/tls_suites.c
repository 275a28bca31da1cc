/* What of TLS is offered: all that is good, or what of it somebody names. */
#include "mbed_compat_tls.h"
#include "tls_internal.h"

#include <kube/mem.h>

/* What Go's library has and this one does not speak: named, they are no mistake. */
static const char *const foreign[] = {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
	"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
	"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
	"TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
	"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
	"TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA",
	"TLS_RSA_WITH_AES_128_CBC_SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256",
	"TLS_RSA_WITH_AES_256_CBC_SHA", "TLS_RSA_WITH_AES_256_GCM_SHA384",
	"TLS_RSA_WITH_RC4_128_SHA", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
	"TLS_CHACHA20_POLY1305_SHA256"};

static const struct {
	const char *name;
	int suite;
} own[] = {
	{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
	{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
	{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
	{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
	{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
	{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
		MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256},
	{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
		MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256},
};

static bool is_foreign(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		if (str_eq_text(name, foreign[i]))
			return true;
	return false;
}

static int own_suite(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (str_eq_text(name, own[i].name))
			return own[i].suite;
	return 0;
}

static bool is_named(const struct tls_server_options *o, int suite)
{
	for (size_t i = 0; i < o->suite_count; i++)
		if (own_suite(o->suites[i]) == suite)
			return true;
	return false;
}

/* In our order of preference, as Go keeps to its own. TLS 1.3 has good ones only: all stay. */
static int choose(struct tls_config *c, const struct tls_server_options *o, struct err *err)
{
	const int *all = mbed_ssl_suites();
	size_t count = 0, of_12 = 0;

	for (size_t i = 0; i < o->suite_count; i++)
		if (!own_suite(o->suites[i]) && !is_foreign(o->suites[i]))
			return err_set(err, ERR_USAGE,
				"Cipher suite %.*s not supported or doesn't exist",
				STRF(o->suites[i]));
	while (all[count])
		count++;
	c->suites = mem_new((count + 1) * sizeof(*c->suites));
	count = 0;
	for (size_t i = 0; all[i]; i++) {
		bool named = is_named(o, all[i]);

		of_12 += named;
		if (named || mbed_suite_is_13(all[i]))
			c->suites[count++] = all[i];
	}
	if (!of_12 && !o->only_tls13)
		return err_set(err, ERR_USAGE,
			"none of the cipher suites is one that is spoken here: those are ECDHE "
			"with AES-GCM or ChaCha20-Poly1305");
	mbedtls_ssl_conf_ciphersuites(&c->conf, c->suites);
	return 0;
}

int tls_suites_set(struct tls_config *c, const struct tls_server_options *o, struct err *err)
{
	if (o->only_tls13 && !mbed_ssl_conf_only_tls13(&c->conf))
		return err_set(
			err, ERR_USAGE, "TLS 1.3 is more than this machine's TLS library can do");
	return o->suite_count ? choose(c, o, err) : 0;
}

int tls_version_parse(struct str name, bool *only_tls13, struct err *err)
{
	static const char *const older[] = {"VersionTLS10", "VersionTLS11", "VersionTLS12"};

	*only_tls13 = str_eq_text(name, "VersionTLS13");
	for (size_t i = 0; i < ARRAY_LEN(older); i++)
		if (str_eq_text(name, older[i]))
			return 0;
	return *only_tls13 || !name.len
		       ? 0
		       : err_set(err, ERR_USAGE, "unknown tls version \"%.*s\"", STRF(name));
}
