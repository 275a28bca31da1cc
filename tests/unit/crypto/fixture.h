/*
 * Keys and certificates for tests in a line each. What cannot be made ends the program: the
 * tests of key_generate and cert_issue would have said why.
 */
#ifndef CRYPTO_FIXTURE_H
#define CRYPTO_FIXTURE_H

#include "test.h"

#include <kube/mem.h>
#include <kube/x509.h>
#include <stdio.h>
#include <stdlib.h>

/* 2026-01-02T15:04:05Z */
#define NOW (INT64_C(1767366245) * SEC)
#define DAY (24 * HOUR)

static inline void must(int rc, struct err *err)
{
	if (rc == 0)
		return;
	fprintf(stderr, "fixture: %s\n", err_text(err));
	abort();
}

static inline struct key *make_key(void)
{
	struct err err = {0};
	struct key *key = NULL;
	must(key_generate(KEY_ECDSA_P256, &key, &err), &err);
	return key;
}

/* A certificate and its key. */
struct pair {
	struct cert *cert;
	struct key *key;
};

static inline struct pair make(const struct cert_request *request, const struct pair *issuer)
{
	struct err err = {0};
	struct pair p = {.key = make_key()};
	must(cert_issue(request, p.key, issuer ? issuer->cert : NULL, issuer ? issuer->key : p.key,
		     &p.cert, &err),
		&err);
	return p;
}

static inline struct cert_request ca_request(const char *name)
{
	return (struct cert_request){
		.subject.common_name = str_from(name),
		.now = NOW,
		.lifetime = 3650 * DAY,
		.is_ca = true,
		.path_length = -1,
	};
}

static inline struct pair make_ca(const char *name, const struct pair *issuer)
{
	struct cert_request r = ca_request(name);
	return make(&r, issuer);
}

/* For one DNS name and for servers and clients. */
static inline struct cert_request leaf_request(const char *name, const struct str *dns)
{
	return (struct cert_request){
		.subject.common_name = str_from(name),
		.now = NOW,
		.lifetime = 365 * DAY,
		.usages = CERT_SERVER | CERT_CLIENT,
		.dns = dns,
		.dns_count = dns ? 1 : 0,
	};
}

static inline struct pair make_leaf(
	const char *name, const struct str *dns, const struct pair *issuer)
{
	struct cert_request r = leaf_request(name, dns);
	return make(&r, issuer);
}

static inline void pair_done(struct pair *p)
{
	cert_unref(p->cert);
	key_unref(p->key);
	*p = (struct pair){0};
}

static inline void key_done(struct key **key)
{
	key_unref(*key);
}

static inline void cert_done(struct cert **cert)
{
	cert_unref(*cert);
}

/* Says whether the text occurs in the err's; prints the err otherwise. */
static inline bool says(const struct err *err, const char *text)
{
	if (strstr(err_text(err), text))
		return true;
	fprintf(stderr, "  the error is: %s\n", err_text(err));
	return false;
}

#endif
