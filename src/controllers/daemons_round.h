/* What one look at a DaemonSet knows, while it lasts. */
#ifndef KUBE_CONTROLLERS_DAEMONS_ROUND_H
#define KUBE_CONTROLLERS_DAEMONS_ROUND_H

#include "daemons.h"

struct daemons_place {
	const struct cJSON *node;
	struct daemon_fit fit;
	struct trees pods; /* oldest first */
};

struct daemons {
	const struct daemons_view *view;
	struct plan *plan;
	struct arena *arena;
	int64_t now, min_ready;
	struct str hash;
	struct daemons_place *places;
	size_t count;
	struct map by_node;
	struct trees mine, homeless; /* those whose node is not there */
	size_t made, removed;
};

bool daemons_is_updated(const struct daemons *d, const struct cJSON *pod);
bool daemons_is_available(const struct daemons *d, const struct cJSON *pod);
/* A limit of the update strategy, of that many nodes; 0: it does not roll. */
int64_t daemons_limit(const struct daemons *d, const char *name, int64_t nodes);
/* Steps of the plan, as many as one plan may have. */
void daemons_make_pod(struct daemons *d, const struct daemons_place *place);
void daemons_remove_pod(struct daemons *d, const struct cJSON *pod);

/* ---- daemons_roll.c ---- */
/* Towards the newest template, as far as the limits allow. */
void daemons_roll(struct daemons *d);

#endif
