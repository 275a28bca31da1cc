/*
 * Certificates for tests of TLS and HTTPS: an authority and what it issues, all in memory. The
 * world's time is fixed, so that nothing in here expires.
 *
 *	struct tls_world w;
 *	tls_world_init(&w, clock_wall());
 *	struct tls_world_identity server;
 *	tls_world_issue(&w, &(struct tls_world_want){.name = "server", .usages = CERT_SERVER,
 *		.dns = "localhost", .ip = "127.0.0.1"}, &server);
 *	… server.identity …
 *	tls_world_identity_done(&server);
 *	tls_world_done(&w);
 */
#ifndef KUBE_TLS_WORLD_H
#define KUBE_TLS_WORLD_H

#include <kube/codec.h>
#include <kube/mem.h>
#include <kube/tls_engine.h>
#include <stdio.h>
#include <stdlib.h>

struct tls_world {
	int64_t now;
	struct key *ca_key;
	struct certs ca; /* also the roots to trust */
};

struct tls_world_want {
	const char *name, *group; /* CN and O */
	unsigned usages;
	const char *dns, *dns2, *ip;
	int64_t now, lifetime; /* 0: the world's now, a day */
	enum key_kind kind;
};

struct tls_world_identity {
	struct tls_identity identity; /* its chain is the one below: do not move the struct */
	struct certs chain;
};

/* Without a world there is nothing to test. */
static inline void tls_world_must(int code, const struct err *err)
{
	if (!code)
		return;
	fprintf(stderr, "making certificates: %s\n", err_text(err));
	abort();
}

static inline struct certs tls_world_chain(struct cert *cert)
{
	struct certs certs = {.items = mem_new(sizeof(*certs.items)), .count = 1};
	certs.items[0] = cert;
	return certs;
}

static inline void tls_world_init(struct tls_world *w, int64_t now)
{
	struct err err = {0};
	struct cert *cert = NULL;
	*w = (struct tls_world){.now = now};
	struct cert_request request = {.subject.common_name = STR("test-ca"),
		.now = now,
		.lifetime = 10 * 365 * 24 * HOUR,
		.is_ca = true,
		.path_length = -1};
	tls_world_must(key_generate(KEY_ECDSA_P256, &w->ca_key, &err), &err);
	tls_world_must(cert_issue(&request, w->ca_key, NULL, w->ca_key, &cert, &err), &err);
	w->ca = tls_world_chain(cert);
}

static inline void tls_world_done(struct tls_world *w)
{
	certs_done(&w->ca);
	key_unref(w->ca_key);
}

static inline void tls_world_issue(
	struct tls_world *w, const struct tls_world_want *want, struct tls_world_identity *made)
{
	struct err err = {0};
	struct cert *cert = NULL;
	struct key *key = NULL;
	struct str dns[2] = {str_from(want->dns), str_from(want->dns2)};
	struct str group = str_from(want->group);
	struct ip ip = {0};
	if (want->ip)
		assert(ip_parse(str_from(want->ip), &ip));
	struct cert_request request = {
		.subject = {.common_name = str_from(want->name),
			.organizations = &group,
			.organization_count = want->group ? 1 : 0},
		.now = want->now ? want->now : w->now,
		.lifetime = want->lifetime ? want->lifetime : 24 * HOUR,
		.path_length = -1,
		.usages = want->usages,
		.dns = dns,
		.dns_count = want->dns2  ? 2
			     : want->dns ? 1
					 : 0,
		.ips = &ip,
		.ip_count = want->ip ? 1 : 0,
	};
	tls_world_must(key_generate(want->kind, &key, &err), &err);
	tls_world_must(cert_issue(&request, key, w->ca.items[0], w->ca_key, &cert, &err), &err);
	made->chain = tls_world_chain(cert);
	made->identity = (struct tls_identity){.chain = &made->chain, .key = key};
}

/* What a CertificateSigningRequest has in spec.request; the caller's. */
static inline struct cert *tls_world_read_request(struct str base64)
{
	_cleanup_(buf_done) struct buf pem = BUF_INIT(64 * KIB);
	struct pem_block block = {0};
	struct err err = {0};
	struct cert *csr;

	tls_world_must(base64_decode(&pem, base64, &err), &err);
	struct str rest = buf_str(&pem);
	assert(pem_next(&rest, &block, NULL));
	tls_world_must(csr_parse_der(buf_str(&block.der), &csr, &err), &err);
	pem_block_done(&block);
	return csr;
}

static inline void tls_world_identity_done(struct tls_world_identity *made)
{
	certs_done(&made->chain);
	key_unref(made->identity.key);
}

#endif
