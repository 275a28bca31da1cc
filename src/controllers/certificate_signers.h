/*
 * Upstream's signers, and what each wants to see in a CertificateSigningRequest. Pure.
 */
#ifndef KUBE_CONTROLLERS_CERTIFICATE_SIGNERS_H
#define KUBE_CONTROLLERS_CERTIFICATE_SIGNERS_H

#include "controllers.h"

#include <kube/x509.h>

/* Which of enum controllers_signer signs for that name; negative: none of ours. */
int certificate_signer_of(struct str name);
/* A usage as requests name it. false: there is none of that name. */
bool certificate_add_usage(struct str name, struct cert_request *to);
/* What is wrong with it as a kubelet's for its client; NULL: nothing. */
const char *certificate_client_fault(const struct cert_info *info, const struct cJSON *request);
/* false: it is for a signer elsewhere. *fault: what its own signer finds wrong; NULL: nothing. */
bool certificate_is_ours(struct arena *a, const struct cert_info *info, const struct cJSON *request,
	const char **fault);

#endif
