/* The rules of a ClusterRole that is made of others. Pure. */
#ifndef KUBE_CONTROLLERS_ROLE_AGGREGATION_H
#define KUBE_CONTROLLERS_ROLE_AGGREGATION_H

#include "workload.h"

/* NULL: it has them already, or is made of nothing. `all`: ClusterRoles in the order of names. */
struct cJSON *role_rules(struct arena *a, const struct cJSON *role, const struct trees *all);

#endif
