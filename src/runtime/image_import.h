/* image_import: every image of an archive into the store. Blocking. */
#ifndef RUNTIME_IMAGE_IMPORT_H
#define RUNTIME_IMAGE_IMPORT_H

#include "image_archive.h"
#include "image_take.h"

struct image_import_job {
	const struct image_disk *disk;
	struct image_limits limits;
	const _Atomic(bool) *stopped;
	const char *path; /* or fd */
	int fd;
	struct str name;
	int64_t now; /* wall ns */
	/* the outcome */
	struct arena *arena;
	struct str *names;
	size_t name_count;
};
int image_import_run(struct image_import_job *job, struct err *err);

#endif
