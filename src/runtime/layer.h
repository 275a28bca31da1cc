/* layer: a layer's bytes → its directory, with both digests. Blocking. */
#ifndef RUNTIME_LAYER_H
#define RUNTIME_LAYER_H

#include "layer_stream.h"

struct layer_facts {
	char digest[72];                       /* of the bytes as they came */
	char diff[72];                         /* of the tar: what configs call it by */
	int64_t packed, plain, files, entries; /* bytes, bytes, bytes of files, count */
};

/*
 * Unpacks all of it into the directory `root`, which is empty. Digests are compared by the caller.
 * On failure the directory holds a part.
 */
int layer_unpack(const struct layer_source *source, int root, int64_t max_entries,
	struct layer_facts *facts, struct err *err);

#endif
