/* Taints of nodes and what pods put up with. Pure. */
#ifndef KUBE_CONTROLLERS_TAINTS_H
#define KUBE_CONTROLLERS_TAINTS_H

#include "controllers.h"

#define TAINT_NOT_READY     "node.kubernetes.io/not-ready"
#define TAINT_UNREACHABLE   "node.kubernetes.io/unreachable"
#define TAINT_UNSCHEDULABLE "node.kubernetes.io/unschedulable"
#define TAINT_OUT           "node.kubernetes.io/out-of-service"

struct cJSON *taint_new(struct arena *a, struct str key, const char *effect, int64_t now);
bool taint_is(const struct cJSON *taint, const char *key, const char *effect);
bool taints_have(const struct cJSON *node, const char *key, const char *effect);

bool toleration_matches(const struct cJSON *toleration, const struct cJSON *taint);
/* Of all these tolerations some one. */
bool taint_is_tolerated(const struct cJSON *tolerations, const struct cJSON *taint);

/*
 * How long the pod may stay on a node with these taints, of which those that have the NoExecute
 * effect count. 0: no longer; -1: for ever.
 */
int64_t taints_stay(const struct cJSON *taints, const struct cJSON *tolerations);

#endif
