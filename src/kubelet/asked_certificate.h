/*
 * asked_certificate: the certificate of the node's server as the cluster signs it
 * (serverTLSBootstrap). It is asked for by a CertificateSigningRequest of the signer
 * kubernetes.io/kubelet-serving, which somebody approves; until then nobody is served. It is kept
 * below ROOT/pki, and asked for anew before it ends.
 */
#ifndef KUBE_KUBELET_ASKED_CERTIFICATE_H
#define KUBE_KUBELET_ASKED_CERTIFICATE_H

#include "kubelet_private.h"

struct asked_certificate;

/* In k->scope. NULL: it is not to be asked for, or there is no server. */
struct asked_certificate *asked_certificate_new(struct kubelet *k);
void asked_certificate_free(struct asked_certificate *c); /* NULL is fine */

#endif
