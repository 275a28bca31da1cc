/*
 * image_disk: the directories of the store (image_store.h has the picture). Blocking; any thread,
 * any process. What is made lies in incoming/ until it is complete and on disk.
 */
#ifndef RUNTIME_IMAGE_DISK_H
#define RUNTIME_IMAGE_DISK_H

#include "layer.h"

#include <kube/buf.h>

struct image_disk {
	char *path; /* ROOT/images */
	int root;
};

/* Makes what is missing. */
int image_disk_open(const char *root, struct image_disk *d, struct err *err);
void image_disk_close(struct image_disk *d);

/* Nothing is swept while somebody holds the store. Closing the descriptor lets go. */
int image_disk_hold(const struct image_disk *d, int *fd, struct err *err);
/* *fd = -1: somebody holds it. */
int image_disk_hold_alone(const struct image_disk *d, int *fd, struct err *err);
/* Waits until nobody else changes the index. */
int image_disk_hold_index(const struct image_disk *d, int *fd, struct err *err);

/* Under incoming/: a directory for a layer, or a file. */
struct image_incoming {
	char name[64]; /* "incoming/…" */
	int fd;        /* of a layer: its fs */
};
int image_disk_new_file(const struct image_disk *d, struct image_incoming *in, struct err *err);
int image_disk_new_layer(const struct image_disk *d, struct image_incoming *in, struct err *err);
void image_disk_abandon(const struct image_disk *d, struct image_incoming *in);
/* That somebody else has brought the same layer meanwhile is fine. */
int image_disk_keep_layer(const struct image_disk *d, struct image_incoming *in,
	const struct layer_facts *facts, struct err *err);

/* The bytes of a layer's files when the layer is here; ERR_NOT_FOUND. diff: a valid digest. */
int image_disk_layer(const struct image_disk *d, struct str diff, int64_t *bytes, struct err *err);

/* Small files, replaced at once or not at all. */
int image_disk_write(
	const struct image_disk *d, const char *name, struct str bytes, struct err *err);
int image_disk_read(const struct image_disk *d, const char *name, struct buf *out, struct err *err);

/*
 * Takes away layers and configs for which keep() is false, and all of incoming. To be called while
 * alone. The first failure is reported, the rest still done.
 */
typedef bool image_keep_fn(void *ctx, struct str digest);
int image_disk_sweep(const struct image_disk *d, image_keep_fn *keep, void *ctx, struct err *err);

#endif
