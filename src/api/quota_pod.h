/* quota: what a pod asks for, or is limited to, as quotas count it. Pure. */
#ifndef KUBE_API_QUOTA_POD_H
#define KUBE_API_QUOTA_POD_H

#include <kube/json.h>

/* which: "requests" or "limits". Without the overhead. A list of quantities in the arena. */
struct cJSON *quota_pod_amounts(struct arena *a, const struct cJSON *pod, const char *which);
/* Does it say for itself what its containers may have together? */
bool quota_pod_has_own(const struct cJSON *pod);

#endif
