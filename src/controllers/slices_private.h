/* What slices.c and slices_wanted.c share: one address family of one service. */
#ifndef KUBE_CONTROLLERS_SLICES_PRIVATE_H
#define KUBE_CONTROLLERS_SLICES_PRIVATE_H

#include "slices.h"

#include <kube/map.h>

/* An endpoint that has to stand in some slice. */
struct wanted {
	struct cJSON *endpoint;
	const struct cJSON *pod;
	bool placed;
};

/* All that have the same ports. */
struct group {
	struct str key;
	struct cJSON *ports;
	struct wanted *wanted;
	size_t count, cap, left;
	struct map by_key; /* of endpoints: index + 1 */
};

/* A slice that is there. */
struct standing {
	struct cJSON *slice;
	struct str key; /* of its ports */
	bool foreign;   /* not owned by this service: goes */
	bool update, remove;
};

struct slicing {
	struct arena *a;
	const struct slices_in *in;
	struct slices_change *out;
	bool v6;
	struct group *groups;
	size_t group_count, group_cap;
	struct standing *standing;
	size_t standing_count;
	struct trees fresh; /* to be created */
	int64_t trigger;    /* since when, see below; 0: unknown */
};

/* Fills `groups` with what the service's pods want, in this family. */
void slices_find_wanted(struct slicing *s);

#endif
