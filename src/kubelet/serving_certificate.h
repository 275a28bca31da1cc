/*
 * serving_certificate: the certificate of the node's server is made anew when four fifths of its
 * time are over. Connections that there are go on with the one that they began with.
 */
#ifndef KUBE_KUBELET_SERVING_CERTIFICATE_H
#define KUBE_KUBELET_SERVING_CERTIFICATE_H

#include "kubelet_private.h"

struct serving_certificate;

/* In k->scope. NULL: nobody makes another, or there is no server. */
struct serving_certificate *serving_certificate_new(struct kubelet *k);
void serving_certificate_free(struct serving_certificate *c); /* NULL is fine */

#endif
