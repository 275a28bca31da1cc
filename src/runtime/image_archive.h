/*
 * image_archive: files by name in what an image is imported from: a tar, plain or packed, from a
 * file or a pipe; or a directory. Blocking.
 */
#ifndef RUNTIME_IMAGE_ARCHIVE_H
#define RUNTIME_IMAGE_ARCHIVE_H

#include "image_disk.h"

#include <kube/image_store.h>

struct image_archive;

/*
 * path, or fd when it is NULL. What cannot be looked into at any place (a pipe, something packed)
 * is copied into the store's incoming first, under the limits' ceilings.
 */
int image_archive_open(const struct image_disk *d, const struct image_limits *limits,
	const char *path, int fd, const _Atomic(bool) *stopped, struct image_archive **archive,
	struct err *err);
void image_archive_close(struct image_archive *ar);

/* A descriptor of the caller's, and where in it the member lies. ERR_NOT_FOUND. */
int image_archive_member(
	struct image_archive *ar, struct str name, struct layer_source *source, struct err *err);
/* A small member's text. */
int image_archive_text(struct image_archive *ar, struct str name, struct buf *out, struct err *err);

#endif
