/*
 * image_collector: images that nobody uses go when the disk fills up, the longest unused first.
 */
#ifndef KUBE_KUBELET_IMAGE_COLLECTOR_H
#define KUBE_KUBELET_IMAGE_COLLECTOR_H

#include "kubelet_private.h"

struct image_collector;

/* In k->scope. */
struct image_collector *image_collector_new(struct kubelet *k);
void image_collector_free(struct image_collector *c);

/* What may go, the first first, until `bytes` are freed; how many. Pure. */
size_t images_to_remove(struct arena *a, const struct image *const *images, size_t count,
	const struct container *const *containers, size_t container_count, int64_t bytes,
	int64_t now, struct str **ids);
/* How much is to be freed of a disk of that size; 0: nothing. */
int64_t images_excess(int64_t size, int64_t available);

#endif
