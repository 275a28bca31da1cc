/*
 * log_rotation: every few seconds the logs of running containers are looked at; one that has grown
 * too large is put away, and the runtime is told to begin a new one.
 */
#ifndef KUBE_KUBELET_LOG_ROTATION_H
#define KUBE_KUBELET_LOG_ROTATION_H

#include "kubelet_private.h"

struct log_rotation;

/* In k->scope. NULL: logs are not to be rotated. */
struct log_rotation *log_rotation_new(struct kubelet *k);
void log_rotation_free(struct log_rotation *r); /* NULL is fine */

#endif
