/* cluster_node: what the kubelet of this process stands on: the pods' network and the built-in
 * runtime. */
#ifndef MAIN_CLUSTER_NODE_H
#define MAIN_CLUSTER_NODE_H

#include "cluster_parts.h"

/* Sets c->node at once. Done when the kubelet has begun; pods of before are known again. */
void cluster_node_start(struct cluster *c, struct op *op);
/* The Node object as it is now. */
void cluster_node_told(struct cluster_node *n, const struct cJSON *node);
/* When the kubelet has ended. Never refused. */
void cluster_node_stop(struct cluster_node *n, struct op *op);
void cluster_node_free(struct cluster_node *n); /* NULL is fine */

#endif
