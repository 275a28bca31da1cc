/* What the files of this folder ask the volumes of a pod. */
#ifndef KUBE_KUBELET_POD_VOLUMES_H
#define KUBE_KUBELET_POD_VOLUMES_H

#include "claims.h"
#include "volumes.h"

const struct volume_claims *pod_volumes_claims(const struct pod_volumes *v);
struct runtime *pod_volumes_runtime(const struct pod_volumes *v);
const char *pod_volumes_root(const struct pod_volumes *v);
const char *pod_volumes_uid(const struct pod_volumes *v);

#endif
