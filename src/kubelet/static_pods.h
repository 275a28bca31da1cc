/*
 * Pods that a directory of manifests asks for, whatever the API says. Each is shown in the API by
 * a mirror: a pod of the same name that nobody runs, and whose status is that of the static one.
 */
#ifndef KUBE_KUBELET_STATIC_PODS_H
#define KUBE_KUBELET_STATIC_PODS_H

#include "kubelet_private.h"

struct static_pods;

/* In k->scope. NULL when there is no directory. */
struct static_pods *static_pods_new(struct kubelet *k);
void static_pods_stop(struct static_pods *s); /* before the scope closes; NULL is fine */
void static_pods_free(struct static_pods *s);
/* What stands in the directory is known. */
bool static_pods_known(const struct static_pods *s);
/* A pod has left: one of the same name may begin. */
void static_pods_look(struct static_pods *s);

/* ---- mirrors ---- */
bool pod_is_mirror(const struct cJSON *pod);
/* Mirrors are made, bound to those whose they are, and taken away. */
struct mirrors;
struct mirrors *mirrors_new(struct kubelet *k);
void mirrors_free(struct mirrors *m);
void mirrors_look(struct mirrors *m);

/*
 * What a manifest says as a pod of this node: its name, its uid, what is left out filled in. Pure.
 * ERR_INVALID: it is no pod.
 */
int static_pod_make(struct arena *a, struct str node, struct str file, struct cJSON *tree,
	int64_t now, struct err *err);
/* What tells one version of a manifest from another. */
struct str static_pod_hash(const struct cJSON *pod);
struct cJSON *mirror_make(struct arena *a, const struct cJSON *pod, const struct cJSON *node);

#endif
