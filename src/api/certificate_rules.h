/* What the kinds of certificates.k8s.io have in common. */
#ifndef KUBE_API_CERTIFICATE_RULES_H
#define KUBE_API_CERTIFICATE_RULES_H

#include "rules.h"

/* "example.com/signer-name": a domain of at least two parts, and a path of one. */
void check_signer_name(struct field_errors *e, const struct path *at, struct str name);
/* The first block of a base64 text of PEM, its DER in the arena; false: there is none. */
bool pem_first(struct arena *a, struct str base64, struct str *label, struct str *der);
/* A chain of certificates in PEM, base64 around it. NULL: it is one, or nothing at all. */
const char *certificate_fault(struct arena *a, struct str base64);

#endif
