/*
 * What a kubelet may: its own Node and what the pods bound to it need. Which pods those are is
 * kept by node, brought up to date from the store's history when somebody asks.
 */
#ifndef KUBE_APISERVER_NODE_H
#define KUBE_APISERVER_NODE_H

#include "access.h"

struct node_access;

struct node_access *node_access_new(struct api_server *s);
void node_access_free(struct node_access *n);
/* *reason: why not, when the user is a node. */
bool node_allows(struct node_access *n, struct arena *arena, const struct access_query *q,
	struct str *reason);

#endif
