/* The parts of starting a container; container_start.c leads from one to the next. */
#ifndef KUBE_KUBELET_CONTAINER_STEPS_H
#define KUBE_KUBELET_CONTAINER_STEPS_H

#include "pod_batch.h"

#include <kube/api_codec.h>
#include <kube/time.h>

/* As upstream's pod workers come again after a failure. */
#define CONTAINER_RETRY (10 * SEC)

static inline struct str item_name(const struct pod_item *item)
{
	return tree_str(item->action.container, "name");
}
static inline int64_t item_wall(const struct pod_item *item)
{
	return env_wall(kubelet_env(item_kubelet(item)));
}

/* An event about the container. */
void container_tell(
	struct pod_item *item, const char *type, const char *reason, struct str message);
/* It does not run, because; the batch goes on with the next one. Ends the task. */
void container_give_up(
	struct pod_item *item, const char *reason, struct str message, int64_t delay);

/* The container's own image, then those of the volumes that it mounts; false: no more. */
bool container_image_next(struct pod_item *item);
/* Is it here, and need it not be asked for? Otherwise it is awaited as `step`, or given up. */
bool container_image_here(struct pod_item *item, int step);
/* With other credentials, when there are some. */
bool container_image_again(struct pod_item *item, int step, const struct err *err);
void container_image_cancelled(struct pod_item *item);
void container_image_failed(struct pod_item *item, struct err *err);
void container_image_pulled(struct pod_item *item);

/*
 * Everything that item->create.config says: variables, mounts, files. Fails in the words of
 * CreateContainerConfigError.
 */
void container_make(struct pod_item *item, struct op *op);

#endif
