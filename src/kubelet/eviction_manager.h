/*
 * eviction_manager: every ten seconds it looks at what the node has left, and at what pods use of
 * its disk. What is unused goes first, then, one after the other, pods (eviction.h decides).
 */
#ifndef KUBE_KUBELET_EVICTION_MANAGER_H
#define KUBE_KUBELET_EVICTION_MANAGER_H

#include "kubelet_private.h"

struct eviction_manager;

/* Fills k->pressure. In k->scope. */
struct eviction_manager *eviction_manager_new(struct kubelet *k);
void eviction_manager_free(struct eviction_manager *m); /* NULL is fine */

#endif
