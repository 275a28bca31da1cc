/*
 * pull_queue: images are pulled one after another, or so many at a time as the configuration
 * says; who came first comes first. Counts how long pulls last. On the loop's thread.
 */
#ifndef KUBE_KUBELET_PULL_QUEUE_H
#define KUBE_KUBELET_PULL_QUEUE_H

#include <kube/kubelet_configuration.h>
#include <kube/op.h>
#include <kube/runtime.h>

struct pull_queue;

/* The waiter's, until its op is done. */
struct queued_pull {
	struct runtime_pull pull; /* as the runtime takes it */
	int64_t lasted;           /* ns of the pull itself, when it has been done */
	struct pull_queue *queue;
	struct link in_queue;
	struct op *op, turn;
	int64_t began;
};

/* How many at a time; 0: as many as are asked for. */
int64_t pull_queue_width(const struct kubelet_configuration *c);
struct pull_queue *pull_queue_new(struct runtime *runtime, int64_t width);
void pull_queue_free(struct pull_queue *q); /* nobody waits */

/* Done as the runtime's `pull` is, after those that were asked for before. */
void pull_queue_start(struct pull_queue *q, struct op *op, struct queued_pull *p);

void pull_queue_print(const struct pull_queue *q, struct buf *out); /* its metrics */

#endif
