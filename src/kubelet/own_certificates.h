/*
 * own_certificates: what the cluster signs for this node. The one of the node's server
 * (serverTLSBootstrap): until it is there nobody is served. The one by which the API knows the node
 * (rotateCertificates): another is asked for before it ends, and shown from then on.
 */
#ifndef KUBE_KUBELET_OWN_CERTIFICATES_H
#define KUBE_KUBELET_OWN_CERTIFICATES_H

#include "kubelet_private.h"

struct own_certificates;

/* In k->scope; k->server is there, or will never be. */
struct own_certificates *own_certificates_new(struct kubelet *k);
void own_certificates_free(struct own_certificates *c);

#endif
