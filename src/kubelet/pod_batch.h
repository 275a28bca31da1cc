/* Actions in flight: what one look of a worker has asked for. */
#ifndef KUBE_KUBELET_POD_BATCH_H
#define KUBE_KUBELET_POD_BATCH_H

#include "container_files.h"
#include "pod_worker.h"
#include "pull_queue.h"
#include "volumes.h"

#include <kube/image_keychain.h>
#include <kube/task.h>
#include <kube/work.h>

struct pod_item {
	struct pod_batch *batch;
	struct pod_action action;
	struct op op;
	bool over;
	/* of whatever kind it is */
	struct task task;
	struct arena arena;
	struct runtime_sandbox_run sandbox;
	struct runtime_container_create create;
	struct queued_pull pull;
	struct image_keychain keys;
	const struct image_auth *auth; /* that is tried now; NULL: none */
	size_t key_at;
	bool keys_found;               /* the pod's secrets have been looked at */
	struct str image, pull_policy; /* the one that is looked for */
	size_t images;                 /* how many were */
	struct runtime_exec exec;
	struct buf output;
	/* of a container that is made */
	struct task making;
	struct cJSON *seen; /* the pod, with its addresses */
	struct environment *env;
	struct volume_mounts mounts;
	struct container_files files;
	struct variable_files variables;
	struct pod_cgroup_work cgroup; /* of a sandbox, of a resize */
	struct container_limits limits;
	int64_t since;    /* on the loop's clock */
	const char *hook; /* that failed */
	/* of a container that is removed */
	const char *log; /* NULL: it has none */
	struct work work;
};

struct pod_batch {
	struct pod_worker *w;
	struct pod_state *state;
	struct arena arena;
	struct pod_item *items;
	size_t count, left;
	bool serial;
	bool cancelled;
};

/* Each is the implementation of item->op. */
void container_start(struct pod_item *item);
void container_stop(struct pod_item *item);
void container_remove(struct pod_item *item);
void sandbox_start(struct pod_item *item);

/* Brings what runs to what it was allocated. */
void resize_start(struct pod_item *item);

/* A hook in a container: exec, httpGet or sleep. */
void hook_run(struct pod_item *item, struct op *op, const struct cJSON *hook, struct str id);

static inline struct kubelet *item_kubelet(const struct pod_item *item)
{
	return item->batch->w->k;
}
static inline const struct cJSON *item_pod(const struct pod_item *item)
{
	return item->batch->state->pod;
}

#endif
