#include "node_tls.h"

#include <kube/key.h>
#include <kube/mem.h>
#include <kube/time.h>

#define LIFETIME (365 * 24 * HOUR)

struct parts {
	struct certs chain, roots;
	struct key *key;
};

static int make_own(const struct node_tls *in, struct parts *p, struct err *err)
{
	const struct cert_request request = {.subject = {.common_name = in->name},
		.now = in->now,
		.lifetime = LIFETIME,
		.path_length = -1,
		.usages = CERT_SERVER,
		.dns = &in->name,
		.dns_count = 1,
		.ips = in->ips,
		.ip_count = in->ip_count};
	struct cert *cert;
	int code = key_generate(KEY_ECDSA_P256, &p->key, err);

	if (code || (code = cert_issue(&request, p->key, NULL, p->key, &cert, err)))
		return code;
	p->chain.items = mem_new(sizeof(struct cert *));
	p->chain.items[0] = cert;
	p->chain.count = 1;
	return 0;
}

static int configure(
	const struct node_tls *in, struct parts *p, struct tls_config **tls, struct err *err)
{
	static const char *const alpn[] = {"h2", "http/1.1", NULL};
	struct tls_identity identity = {.chain = &p->chain};
	struct tls_server_options options = {.identities = &identity,
		.identity_count = 1,
		.alpn = alpn,
		.suites = in->suites,
		.suite_count = in->suite_count};
	int code = tls_version_parse(in->min_version, &options.only_tls13, err);

	if (code)
		return code;
	code = in->certificate.len ? certs_parse_pem(in->certificate, &p->chain, err)
				   : make_own(in, p, err);
	if (!code && in->certificate.len)
		code = key_parse(in->key, &p->key, err);
	if (!code && in->client_authorities.len) {
		code = certs_parse_pem(in->client_authorities, &p->roots, err);
		options.client_roots = &p->roots;
		options.client_certs = TLS_CERTS_OPTIONAL;
	}
	identity.key = p->key;
	return code ? code : tls_config_new_server(&options, tls, err);
}

int node_tls_new(struct node_tls *in, struct tls_config **tls, struct err *err)
{
	struct parts parts = {0};
	int code = configure(in, &parts, tls, err);

	in->until = in->certificate.len ? 0 : in->now + LIFETIME;
	certs_done(&parts.chain);
	certs_done(&parts.roots);
	key_unref(parts.key);
	return code;
}
