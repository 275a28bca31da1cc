/*
 * node_servers: the ports of a node. One over https for whoever may (server.h), one that tells
 * anybody whether the kubelet is well, and, if it is asked for, one that shows figures to anybody.
 */
#ifndef KUBE_KUBELET_NODE_SERVERS_H
#define KUBE_KUBELET_NODE_SERVERS_H

#include "kubelet_private.h"

/* What cannot be opened is told, and left out. */
void node_servers_open(struct kubelet *k);
void node_servers_stop(struct kubelet *k, op_done_fn *done);
void node_servers_free(struct kubelet *k);

#endif
