/*
 * podsync: what is to be done next so that a pod becomes what it should be. Pure: a view in, a
 * batch of actions out. The worker runs the batch, looks again, asks again; so whatever breaks on
 * the way is found as it is, and a restarted kubelet goes on where the last one was.
 */
#ifndef KUBE_KUBELET_PODSYNC_H
#define KUBE_KUBELET_PODSYNC_H

#include "pod_view.h"

enum pod_action_kind {
	POD_KILL_CONTAINER, /* hook, stop signal, SIGKILL after `grace`: side by side */
	POD_STOP_SANDBOX,
	POD_RUN_SANDBOX,
	POD_START_CONTAINER, /* image, create, start, hook: one after the other */
	POD_REMOVE_CONTAINER,
	POD_REMOVE_SANDBOX,
	POD_RESIZE, /* all that runs and has not what it was allocated */
};

struct pod_action {
	enum pod_action_kind kind;
	struct str id;                 /* of what there is */
	const struct cJSON *container; /* of KILL and START; NULL: no longer in the pod */
	enum container_role role;
	uint32_t attempt; /* of RUN and START */
	int64_t grace;    /* ns, with the hook */
	struct str message;
	const char *why; /* "ContainerExited", …: for the note; NULL: plain */
	/* Of START: when the last one ended; 0: it is the first. Of REMOVE: when it ended, where
	 * that is to be remembered. */
	int64_t since;
};

/* A container that has to wait before it is started again. */
struct pod_wait {
	struct str name, message;
	int64_t until;
};

struct pod_actions {
	struct pod_action *items;
	size_t count, cap;
	struct pod_wait *waits;
	size_t wait_count, wait_cap;
	int64_t wake;  /* wall time to look again, though nothing happens; 0: never */
	bool finished; /* nothing of it runs, nothing is to be run any more */
	bool failed;   /* because an init container failed for good */
};

/* Of a pod that is to run. */
void podsync(struct arena *a, const struct pod_view *v, struct pod_actions *out);

struct pod_ending {
	int64_t grace; /* ns, of the whole pod */
	int64_t since; /* wall: when its end began */
};
/* Of a pod that is to end: main containers, then sidecars from the last to the first, the
 * sandbox. */
void podsync_end(struct arena *a, const struct pod_view *v, const struct pod_ending *ending,
	struct pod_actions *out);

/* Containers and sandboxes that nobody asks about any more. */
void podsync_collect(struct arena *a, const struct pod_view *v, struct pod_actions *out);
/* Everything of it: its object is gone. */
void podsync_purge(struct arena *a, const struct pod_view *v, struct pod_actions *out);

/* When activeDeadlineSeconds is over; 0: there is none. */
int64_t pod_deadline(const struct cJSON *pod);
/* How long a container gets when it is stopped while its pod goes on. */
int64_t container_grace(const struct cJSON *pod, const struct cJSON *container, const char *probe);

#endif
