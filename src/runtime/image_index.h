/*
 * image_index: index.json: which images there are, under which names, from which layers. Read and
 * changed as a whole. Blocking.
 */
#ifndef RUNTIME_IMAGE_INDEX_H
#define RUNTIME_IMAGE_INDEX_H

#include "image_disk.h"
#include "image_documents.h"

#include <kube/map.h>

struct image_entry {
	struct str id;
	struct str_list names;   /* "docker.io/library/nginx:latest" */
	struct str_list digests; /* "docker.io/library/nginx@sha256:…", of manifests */
	struct str_list layers;  /* diff ids, the lowest first */
	int64_t *layer_bytes;
	int64_t came; /* wall ns */
	bool pinned;
};

struct image_index {
	struct arena arena;
	int64_t generation; /* counts changes */
	struct image_entry *entries;
	size_t count, cap;
};

/* None is an empty one. */
int image_index_read(const struct image_disk *d, struct image_index *x, struct err *err);
void image_index_done(struct image_index *x);
struct image_entry *image_index_get(const struct image_index *x, struct str id);

/*
 * The config and every layer must be here already. Names that others have go over; digests and
 * names that it has stay; pinned stays.
 */
int image_index_add(const struct image_disk *d, const struct image_entry *entry, struct err *err);
/* One name, or all of an id with `name` empty. *gone: the image is gone with it. */
int image_index_remove(
	const struct image_disk *d, struct str id, struct str name, bool *gone, struct err *err);

/* Adds the diff ids that containers of this root were made from; texts in the arena. */
int image_used_layers(
	const struct image_disk *d, struct arena *a, struct map *used, struct err *err);

/* What no image has any more and no container stands on, if nobody else is at work here. */
int image_index_sweep(const struct image_disk *d, struct err *err);

#endif
