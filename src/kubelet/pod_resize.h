/*
 * The resizes of one pod: wishes become allocations, allocations what its containers have. What
 * was allocated and what was done lies on disk from the first resize on; before that a container
 * tells itself what it began with. It lies there before anything is changed: who finds one that was
 * begun and has not come to its end does all of it again.
 */
#ifndef KUBE_KUBELET_POD_RESIZE_H
#define KUBE_KUBELET_POD_RESIZE_H

#include "pod_worker.h"
#include "resize.h"

void pod_resize_done(struct pod_worker *w);
/* The kubelet ends. */
void pod_resize_abandon(struct pod_worker *w);
bool pod_resize_is_idle(const struct pod_worker *w);

/* Admitted, or found running: from here on resizes are noticed. */
void pod_resize_begin(struct pod_worker *w, const struct pod_view *v);
/* A new state: the pod that everybody sees has what was allocated. */
void pod_resize_apply(struct pod_worker *w, struct pod_state *state);
/* Is there a wish, and can it be had? Wishes that have to wait are tried again with all others. */
void pod_resize_look(struct pod_worker *w, struct arena *a, const struct pod_view *v);
/* When it is to be tried again: wall; 0: there is nothing. */
int64_t pod_resize_next(const struct pod_worker *w);
/* Room has become free: those who wait try, the most important first. */
void pod_resizes_retry(struct kubelet *k);
/* What is known of what runs. */
void pod_resize_view(const struct pod_worker *w, struct arena *a, struct pod_view *v);

/* Of an action: one container has it now, the pod as a whole has; and it failed. */
void pod_resize_note_whole(struct pod_worker *w, const struct cJSON *resources);
void pod_resize_note(
	struct pod_worker *w, const struct container *c, const struct cJSON *resources);
void pod_resize_failed(struct pod_worker *w, const struct cJSON *pod, struct str error);
/* All of it: what the view shows of the pod has what it should. */
void pod_resize_settle(struct pod_worker *w, const struct pod_view *v);
void pod_resize_save(struct pod_worker *w);
/* {"allocated", "done", "generation", "settled"}; NULL: nothing lies there. */
struct cJSON *pod_resize_load(const struct pod_worker *w, struct arena *a);
/* What a container began with; NULL: it does not say. */
const struct cJSON *pod_resize_first(struct arena *a, const struct container *c);

#endif
