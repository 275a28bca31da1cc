/*
 * CertificateSigningRequests: who is approved by himself, what is signed with what inside, and
 * when they are forgotten. Pure.
 */
#ifndef KUBE_CONTROLLERS_CERTIFICATE_REQUESTS_H
#define KUBE_CONTROLLERS_CERTIFICATE_REQUESTS_H

#include "controllers.h"

#include <kube/x509.h>

/* The authority that signs. */
struct certificate_signer {
	struct certs chain;
	struct key *key;
	int64_t lifetime; /* the longest */
};

/*
 * A plan that approves a kubelet's request if its user may make such; `asked` of the two rights
 * that give that have been asked for already.
 */
void certificate_approve(
	struct plan *p, const struct resource *r, struct cJSON *request, int asked);
/* Signs what is approved, or says why it never will be. */
void certificate_sign(struct plan *p, const struct resource *r, struct cJSON *request,
	const struct certificate_signer *s, int64_t now);
/* Deletes what is over, or comes again when it will be. */
void certificate_clean(
	struct plan *p, const struct resource *r, const struct cJSON *request, int64_t now);

#endif
