/*
 * Pods that are resized in place. A pod asks for something (its spec), the node has allocated it
 * something (at first the same), and its running containers have something. A new wish becomes an
 * allocation when the node has room for it; an allocation is what everything but the API goes by;
 * containers are brought to it one after the other. Pure.
 *
 * An allocation is a tree: {"resources": the pod's own, "containers": {NAME: resources}}.
 */
#ifndef KUBE_KUBELET_RESIZE_H
#define KUBE_KUBELET_RESIZE_H

#include "pod_view.h"

/* What stands for it in conditions. */
#define RESIZE_DEFERRED   "Deferred"
#define RESIZE_INFEASIBLE "Infeasible"

/* What is told of it in the pod's conditions. */
struct resize_told {
	const char *pending; /* RESIZE_…; NULL: nothing waits */
	struct str pending_message;
	int64_t pending_generation;
	bool in_progress;
	struct str error; /* why it goes on; empty: nothing is in the way */
	int64_t generation;
};

struct cJSON *resize_allocation(struct arena *a, const struct cJSON *pod);
/* The pod with what it has been allocated; NULL: it asks for just that. */
struct cJSON *resize_allocated(
	struct arena *a, const struct cJSON *pod, const struct cJSON *allocation);
/* As text, for the caller; and back, into the arena: NULL for what is none, and of NULL. */
#define RESIZE_TEXT_MAX (1 * MIB)
char *resize_print(const struct cJSON *tree);
struct cJSON *resize_parse(struct arena *a, const char *text);
/* The same of processors and memory? */
bool resources_match(const struct cJSON *one, const struct cJSON *other);
/* Does any of the requests grow? */
bool resize_grows(const struct cJSON *allocated, const struct cJSON *wanted);
/* What changes cannot be changed while the container runs. */
bool resize_restarts(const struct cJSON *container, const struct cJSON *has);

/* Where view->actual has what the pod as a whole has. */
#define RESIZE_WHOLE STR("")
/* The resources that the view's running container has; NULL: what its spec says. */
const struct cJSON *resize_actual(const struct pod_view *v, const struct container *c);
/* Has this one what it is allocated, as far as is known? It runs no more: yes. */
bool resize_is_done(
	const struct pod_view *v, const struct container *c, const struct cJSON *resources);
/* Some running container has not what it is allocated, or the pod as a whole. */
bool resize_is_due(const struct pod_view *v);

/* "Pod resize WORD: {…}", of an event. */
struct str resize_message(struct arena *a, const struct cJSON *pod, const char *word,
	int64_t generation, struct str error);

#endif
