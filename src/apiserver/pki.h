/*
 * Keys and certificates of the server: made below --data-dir/pki at first start, or those that
 * the flags name, and renewed in the running process.
 *
 *	ca.crt ca.key                 signs what serves
 *	client-ca.crt client-ca.key   signs who asks
 *	apiserver.crt apiserver.key   serves
 *	admin.crt admin.key           system:masters; also in admin.kubeconfig
 *	sa.key sa.pub                 signs service account tokens
 */
#ifndef KUBE_APISERVER_PKI_H
#define KUBE_APISERVER_PKI_H

#include "server.h"

#include <kube/tls.h>

struct pki {
	struct certs ca;           /* who signed what serves; empty with --tls-cert-file */
	struct certs client_roots; /* --client-ca-file, or our own */
	struct key *signing;       /* of service account tokens */
	struct key **verifying;    /* that tokens may be signed with; the first is `signing` */
	size_t verifying_count;
	struct tls_config *tls; /* as served now */
	struct certs serving;
	struct certs front_proxy_roots;
	struct key *front_proxy_key;
	int64_t renew_at; /* wall clock; INT64_MAX: not ours to renew */

	/* private */
	struct key *ca_key, *client_ca_key, *serving_key;
	struct arena arena;
	struct str dir;
};

/* Synchronous: at start only. Reads or makes everything. */
int pki_open(struct api_server *s, struct pki **pki, struct err *err);
/* The administrator's certificate and admin.kubeconfig, once the port is known. At start only. */
int pki_write_admin(struct api_server *s, uint16_t port, struct err *err);
/* Issues the serving certificate again if it is time or addresses have changed. */
int pki_renew(struct api_server *s, struct pki *pki, bool *renewed, struct err *err);
/* The first usable address of a range: the kubernetes service has it. */
struct ip cidr_first(const struct cidr *c);
/* A certificate of our client authority with a new key; both the caller's. *chain is empty. */
int pki_issue_client(struct api_server *s, struct str name, struct str organization,
	struct certs *chain, struct key **key, struct err *err);
/*
 * Who this server is to those that it speaks to for others: front-proxy-client, of an authority of
 * its own (front-proxy-ca), which is made when first asked for.
 */
int pki_issue_front_proxy(
	struct api_server *s, struct certs *chain, struct key **key, struct err *err);
/* That authority; at start, and when it is not there it is made. */
int pki_front_proxy_roots(struct api_server *s, const struct certs **roots, struct err *err);
void pki_close(struct pki *pki);

#endif
