/*
 * node_shutdown: the machine's end, put off until its pods have ended in good order. With
 * shutdownGracePeriod (or …ByPodPriority) the kubelet holds a lock of systemd-logind; when that
 * announces the end the node is no longer ready, takes no pods, and those that there are end group
 * by group, the least important first, each group within its time. Then the lock is let go of.
 */
#ifndef KUBE_KUBELET_NODE_SHUTDOWN_H
#define KUBE_KUBELET_NODE_SHUTDOWN_H

#include "kubelet_private.h"

struct node_shutdown;

/* In k->scope. NULL: pods get no grace. */
struct node_shutdown *node_shutdown_new(struct kubelet *k);
void node_shutdown_free(struct node_shutdown *s); /* NULL is fine */
void node_shutdown_told(struct node_shutdown *s, bool near);

/* The group whose time a pod gets: the last that begins at its priority or below, else the first.
 */
size_t shutdown_group_of(const struct shutdown_group *groups, size_t count, int64_t priority);

#endif
