/*
 * pod_worker: one pod on its way through the node. It looks at what there is, publishes how the
 * pod fares, asks podsync, runs one batch of actions, and looks again. Whatever happens to the
 * pod wakes it; nothing else does.
 *
 *	SYNC ──deleted, deadline, nothing left to run──▶ ENDING ──all has stopped──▶ LEAVING
 *	LEAVING ──volumes and cgroup are gone──▶ ENDED ──object is gone──▶ purged, buried, freed
 */
#ifndef KUBE_KUBELET_POD_WORKER_H
#define KUBE_KUBELET_POD_WORKER_H

#include "kubelet_private.h"
#include "object_watches.h"
#include "podsync.h"
#include "resize_state.h"
#include "status_writer.h"
#include "volumes.h"

#include <kube/runtime.h>

enum worker_life { LIFE_SYNC, LIFE_ENDING, LIFE_LEAVING, LIFE_ENDED };

struct pod_batch;

struct pod_cgroup_work {
	struct work work;
	struct kubelet *k;
	char *path, *burstable; /* burstable: the group of that class */
	int64_t shares;         /* of that group, by what all in it ask for */
	struct container_limits limits;
};
struct pod_burial {
	struct work work;
	const char *root, *logs, *uid;
	char *log_name;
};

struct pod_worker {
	struct kubelet *k;
	char *uid;
	struct pod_state *state; /* the newest */
	bool gone;               /* its object is no more */
	bool seen;               /* admitted, or refused */
	enum worker_life life;
	struct op idle;
	struct container_note **notes; /* each its own piece: they are pointed to */
	size_t note_count;
	int64_t ending_since, ending_grace;
	const char *end_phase, *end_reason; /* decided for it; NULL: nothing was */
	char *end_message;
	struct pod_batch *batch; /* in flight; NULL: none */
	int64_t pause_until;     /* wall: an action failed, the next batch waits */
	struct status_writer status;
	struct pod_resize resize;
	struct object_hold *hold;
	struct list probers;
	/* around the containers: one thing at a time */
	struct op around;
	struct pod_volumes *volumes;
	struct pod_state *preparing; /* while volumes are prepared */
	struct sources sources;
	struct task leaving;
	int leave_tries;
	struct pod_cgroup_work cgroup;
	struct pod_burial burial;
	bool buried;
	char **victims; /* uids of those who make room for it, until they have gone */
	size_t victim_count;
	int64_t victims_until; /* wall: nobody is waited for longer */
	char *mirror_uid;      /* of a static pod; NULL: it has none yet */
	bool rejected;         /* by this node: end_reason is ours to free */
	char *disruption;      /* ended for others' sake, through no fault of its own; NULL: not */
	bool purged;           /* ended, and what the runtime keeps of it is not worth its place */
	bool told_network;     /* that there is none for it */
	bool freed;            /* nothing may begin any more */
};

struct pod_worker *pod_worker_new(struct kubelet *k, struct pod_state *state);
/* The pod's newest state; gone: it has been taken away. */
void pod_worker_update(struct pod_worker *w, struct pod_state *state, bool gone);
/* Something that concerns it has changed. */
void pod_worker_wake(struct pod_worker *w);
/*
 * It has to go: Failed. The reason is a text that lasts. disruption NULL: it has used more than it
 * may. grace: seconds, < 0: its own.
 */
struct pod_eviction {
	const char *reason, *disruption;
	struct str message;
	int64_t grace;
	bool silent; /* no event */
};
void pod_worker_evict(struct pod_worker *w, const struct pod_eviction *why);
/* Has it ended, with everything that it had on this node but its files? */
bool pod_worker_has_ended(const struct pod_worker *w);
/* Of one that has ended: its containers and their logs go now. */
void pod_worker_purge(struct pod_worker *w);
/* The kubelet ends, the pod goes on: only what is in flight is given up. */
void pod_worker_abandon(struct pod_worker *w);
void pod_worker_free(struct pod_worker *w);

/* Of a static pod: its mirror in the API, which its status is written to; NULL: there is none. */
void pod_worker_bind(struct pod_worker *w, const struct cJSON *mirror, int64_t revision);

struct container_note *pod_worker_note(struct pod_worker *w, struct str name);
/* Why the container does not run; copies. reason empty: nothing is in the way. */
void pod_worker_obstacle(
	struct pod_worker *w, struct str name, const char *reason, struct str message);
/* What runs of the pod; lives as long as the arena, and until the loop turns. */
void pod_worker_view(struct pod_worker *w, struct arena *a, struct pod_view *view);

/* The pod with its newest status, in the arena; NULL: it is an orphan. */
struct cJSON *pod_worker_seen(struct pod_worker *w, struct arena *a);

/* Where its containers can be reached from here; empty: nowhere yet. */
struct str pod_worker_ip(struct pod_worker *w, struct arena *a);

static inline struct cJSON *pod_worker_pod(const struct pod_worker *w)
{
	return w->state->pod;
}

/* ---- batches ---- */
/* Copies what it needs; wakes the worker when all of it is over. */
void pod_batch_start(struct pod_worker *w, const struct pod_actions *actions);
/* Starts are given up; kills that wait longer than `grace` are done anew. */
void pod_batch_hurry(struct pod_worker *w, int64_t grace);
void pod_batch_cancel(struct pod_worker *w);

#endif
