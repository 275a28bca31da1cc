/*
 * volumes: what the containers of a pod mount. The mechanism is this folder's, and one for all
 * kinds: on the loop a plan is made of the pod and of what it names (pure), on a worker thread it
 * is carried out below ROOT/pods/UID, where things lie as upstream lays them out. A kind of volume
 * is a file of volumes/ and a row of volumes/kinds.c.
 *
 *	worker looks ─ pod_volumes_due ─▶ pod_volumes_prepare ─▶ an event for each problem
 *	             ─ pod_volumes_ready ─▶ containers may start, each with pod_volumes_mounts
 *	             ─ wakes at pod_volumes_next
 *
 * On the loop's thread. Of a pod, prepare and remove are one at a time.
 */
#ifndef KUBE_KUBELET_VOLUMES_H
#define KUBE_KUBELET_VOLUMES_H

#include <kube/client.h>
#include <kube/runtime.h>
#include <kube/task.h>
#include <kube/work.h>

struct environment;
struct node_facts;
struct sources;

/* What volumes need of the kubelet. Outlives them. */
struct volumes_host {
	struct env *env;
	struct client *client; /* for tokens of service accounts */
	struct str root;       /* "/var/lib/kube/kubelet": absolute, a NUL behind it */
	const struct node_facts *node;
	struct runtime *runtime; /* of images that are mounted; NULL: they are not */
};

/* The volumes of one pod, as long as its worker lives. Nothing is done before the first prepare. */
struct pod_volumes;
struct pod_volumes *pod_volumes_new(const struct volumes_host *host, struct str uid);
void pod_volumes_free(struct pod_volumes *v); /* NULL is fine; nothing of it in flight */

/* The pod, or something that it names, is not what it was. */
void pod_volumes_touch(struct pod_volumes *v);
/* When there is something to do: wall time, 0: now, OP_NO_DEADLINE: not until it is touched. */
int64_t pod_volumes_next(const struct pod_volumes *v);
bool pod_volumes_due(const struct pod_volumes *v, int64_t wall);
/* Were all volumes there once? Containers may start then, even when an update fails later. */
bool pod_volumes_ready(const struct pod_volumes *v);

/*
 * Makes what is missing and brings up to date what has changed. The pod and sources->ctx must stay
 * until it is done. Fails with the first problem; the volumes without one are made all the same.
 */
void pod_volumes_prepare(struct pod_volumes *v, struct op *op, const struct cJSON *pod,
	const struct sources *sources);
/*
 * What the last prepare could not do, for events FailedMount in upstream's words:
 * "MountVolume.SetUp failed for volume "x" : configmap "y" not found". Valid until the next one
 * begins.
 */
const struct str *pod_volumes_problems(const struct pod_volumes *v, size_t *count);

/* Groups of persistent volumes: each of the pod's processes is in them. Until the next call. */
const int64_t *pod_volumes_groups(struct pod_volumes *v, size_t *count);

/* The volumes whose room can be measured, and how upstream does it. In the arena. */
struct volume_site {
	struct str name, path; /* in the pod; on the host */
	struct str claim;      /* that it stands for; empty: none */
	bool counted;          /* what is in it is counted, else its file system knows */
	bool of_pod;           /* what is in it is on the node's disk and the pod's */
};
size_t pod_volumes_sites(const struct pod_volumes *v, struct arena *a, const struct cJSON *pod,
	struct volume_site **sites);

/* The image of a volume; NULL: it has none. Pulled before a container that mounts it starts. */
const struct cJSON *volume_image_of(const struct cJSON *pod, struct str volume);

/*
 * What a container mounts. subPaths are bound to ROOT/pods/UID/volume-subpaths, so that nobody can
 * put something else in their place. Errors as CreateContainerConfigError has them. Several may be
 * in flight; pod, container and env must stay until it is done.
 */
struct volume_mounts {
	const struct cJSON *pod, *container;
	const struct environment *env; /* for subPathExpr */
	struct arena *arena;           /* of the result */
	struct runtime_mount *mounts;
	size_t count;
	/* private */
	struct task task;
	struct work work;
	const struct pod_volumes *volumes;
	const char *root, *uid;
	struct str directory; /* ROOT/pods/UID */
	struct volume_subpath *subpaths;
	size_t subpath_count;
};
void pod_volumes_mounts(struct pod_volumes *v, struct op *op, struct volume_mounts *m);

/*
 * Unmounts and removes the volumes of a pod none of whose containers runs any more. ERR_CONFLICT:
 * something strange is mounted in one of them. Nothing is left to prepare afterwards.
 */
void pod_volumes_remove(struct pod_volumes *v, struct op *op);

/*
 * Removes ROOT/pods/UID of every pod that is not `known`, whatever is in it; asked on the loop, at
 * the beginning. Finishes with how many; what cannot be removed is logged and left.
 */
struct volumes_orphans {
	const struct volumes_host *host;
	bool (*known)(void *ctx, struct str uid);
	void *ctx;
	/* private */
	struct task task;
	struct work work;
	struct arena arena;
	struct str *uids;
	size_t count, cap;
};
void volumes_orphans(struct volumes_orphans *o, struct op *op);

#endif
