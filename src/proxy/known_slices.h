/*
 * Slices that have been read before: of a service with many of them one changes at a time, and to
 * read the others again would take longer than all the rest. For the worker that compiles.
 */
#ifndef KUBE_PROXY_KNOWN_SLICES_H
#define KUBE_PROXY_KNOWN_SLICES_H

#include "endpoints.h"

#include <kube/map.h>
#include <kube/object.h>

struct known_slices {
	struct map services; /* "namespace/name" → struct known_service */
	struct buf zone;     /* of the node, for which they were read */
};

void known_slices_init(struct known_slices *k);
void known_slices_done(struct known_slices *k);
/* The service's slices, in the order of the objects; until it is asked for the next time. */
const struct slice *const *known_slices_read(struct known_slices *k, struct arena *a,
	const struct proxy_node *node, struct str service, struct object *const *objects,
	size_t count);

#endif
