/*
 * image_picture: the index with the configs and directories it names, as it was at one moment.
 * Made on a worker; immutable but for last_used.
 */
#ifndef RUNTIME_IMAGE_PICTURE_H
#define RUNTIME_IMAGE_PICTURE_H

#include "image_index.h"

#include <kube/map.h>

struct image_record {
	struct image image;
	struct image_config config;
	struct str_list lowers; /* directories, the topmost first */
	struct str reference;   /* with its digest, or the id */
	struct str_list layers; /* diff ids, the lowest first */
	const int64_t *layer_bytes;
};

struct image_picture {
	struct arena arena;
	int64_t generation;
	struct image_record *records;
	const struct image **images; /* the records', for lists */
	size_t count;
	struct map by_name; /* names, names with digest, ids with and without "sha256:" */
	/* images that are in the index but not in order: left out */
	struct str_list damaged;
};

int image_picture_load(const struct image_disk *d, struct image_picture **p, struct err *err);
void image_picture_free(struct image_picture *p); /* NULL is fine */
/* Any form of a reference; NULL: not here. */
struct image_record *image_picture_find(const struct image_picture *p, struct str reference);
/* Bytes of a layer that some image has; -1: none has it. */
int64_t image_picture_layer(const struct image_picture *p, struct str diff);

#endif
