/* What the files of podsync share. */
#ifndef KUBE_KUBELET_PODSYNC_PARTS_H
#define KUBE_KUBELET_PODSYNC_PARTS_H

#include "podsync.h"

struct pod_action *pod_action_add(
	struct arena *a, struct pod_actions *out, enum pod_action_kind kind);
/* A start, or a wait when it has failed too often. */
void podsync_start(struct arena *a, const struct pod_view *v, const struct cJSON *container,
	enum container_role role, struct pod_actions *out);
void podsync_kill(struct arena *a, const struct pod_view *v, const struct container *c,
	const struct cJSON *container, const char *probe, struct str message,
	struct pod_actions *out);
/*
 * Init containers, one by one, and sidecars. True: all that comes before the main containers has
 * been done. *kill_pod: one failed that is not started again.
 */
bool podsync_init(struct arena *a, const struct pod_view *v, const struct sandbox *in,
	struct pod_actions *out, bool *kill_pod);
/* true: the pod begins anew as a whole, and nothing else is to be done. */
bool podsync_restart_all(struct arena *a, const struct pod_view *v, struct pod_actions *out);
void podsync_earliest(int64_t *wake, int64_t at);

#endif
