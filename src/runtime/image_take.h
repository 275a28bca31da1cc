/*
 * image_take: what registries and archives have in common: layers and configs, verified, into the
 * store. Blocking.
 */
#ifndef RUNTIME_IMAGE_TAKE_H
#define RUNTIME_IMAGE_TAKE_H

#include "image_index.h"

#include <kube/image_store.h>

/* Where defaults stand for zeros. */
void image_limits_fill(struct image_limits *limits);

/*
 * The layer `diff` from bytes that must have this digest (empty: whatever they have). Unpacks only
 * what is not here. Texts as containerd has them: "unexpected commit digest …".
 */
int image_take_layer(const struct image_disk *d, const struct image_limits *limits,
	const struct layer_source *source, struct str diff, struct str digest, int64_t *bytes,
	struct err *err);

/* A config by its text; the id in the arena. */
int image_take_config(const struct image_disk *d, struct arena *a, struct str text, struct str *id,
	struct err *err);

/* "sha256:…" of a text, in the arena. */
struct str image_digest_of(struct arena *a, struct str text);

#endif
