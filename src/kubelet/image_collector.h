/*
 * image_collector: images that nobody uses go when the disk fills up, the longest unused first, and
 * when they have been unused for too long.
 */
#ifndef KUBE_KUBELET_IMAGE_COLLECTOR_H
#define KUBE_KUBELET_IMAGE_COLLECTOR_H

#include "kubelet_private.h"

#include <kube/task.h>

struct image_collector;

/* In k->scope. */
struct image_collector *image_collector_new(struct kubelet *k);
void image_collector_free(struct image_collector *c);

/* One sweep; its memory is the caller's. Images that somebody uses meanwhile stay. */
struct image_sweep {
	struct kubelet *k;
	struct task task;
	struct arena arena;
	int64_t bytes;
	struct str *ids;
	size_t count, next;
};
/* Until so many bytes are free; INT64_MAX: all that may go. */
void image_sweep_start(struct image_sweep *s, struct op *op, struct kubelet *k, int64_t bytes);

struct image_choice {
	const struct image *const *images;
	size_t count;
	const struct container *const *containers; /* that use some of them */
	size_t container_count;
	int64_t bytes;            /* to be freed */
	int64_t min_age, max_age; /* since their last use; max_age 0: none */
	int64_t now;
};
/* What may go, the first first, until `bytes` are freed; how many. Pure. */
size_t images_to_remove(struct arena *a, const struct image_choice *in, struct str **ids);
/* How much is to be freed of a disk of that size when it is to be used to `low` per cent; 0: it is
 * used to less than `high`. */
int64_t images_excess(int64_t size, int64_t available, int64_t high, int64_t low);

#endif
