/*
 * This node in the API: registered at the beginning, its status told when it changes and every
 * five minutes, its lease renewed every ten seconds.
 */
#ifndef KUBE_KUBELET_NODE_AGENT_H
#define KUBE_KUBELET_NODE_AGENT_H

#include "kubelet_private.h"

struct node_agent;

/* Fills k->facts. All of it happens in k->scope. */
struct node_agent *node_agent_new(struct kubelet *k);
void node_agent_free(struct node_agent *n); /* when that is empty; NULL is fine */
/* This one, or the one that options speak of. */
const struct machine *node_agent_machine(const struct node_agent *n);
/* What the node says of itself has changed: it is told now. */
void node_agent_hurry(struct node_agent *n);
/* The node as the API has it; NULL: nobody knows it yet. In the arena. */
const struct cJSON *node_agent_node(struct node_agent *n, struct arena *a);

#endif
