/*
 * asked_certificate: one certificate of this node that the cluster signs. It is asked for by a
 * CertificateSigningRequest, which somebody approves; it lies in a file, with its key, and is asked
 * for anew before it ends. What it is used for, its owner says (own_certificates.h).
 */
#ifndef KUBE_KUBELET_ASKED_CERTIFICATE_H
#define KUBE_KUBELET_ASKED_CERTIFICATE_H

#include <kube/client.h>
#include <kube/x509.h>

struct asked_options {
	struct env *env;
	struct client *client;
	struct scope *scope;
	const char *what;         /* "the node's server": in the log */
	const char *signer;       /* "kubernetes.io/kubelet-serving" */
	const char *usage;        /* "server auth" */
	struct cert_request wish; /* whom it is for; what it points to stays */
	struct str path;          /* where it lies; copied, and made when it is first signed */
	struct str first;         /* PEM: one that is used already, without `use`; empty: none */
	/* PEM, of one pair that is valid now. Refused: another is asked for. */
	int (*use)(void *ctx, const struct cert_info *info, struct str chain, struct str key,
		struct err *err);
	void *ctx;
};

struct asked_certificate;

/* In the scope. */
struct asked_certificate *asked_certificate_new(const struct asked_options *options);
void asked_certificate_free(struct asked_certificate *c); /* NULL is fine; its scope is empty */

#endif
