/*
 * scheduler: gives pods their nodes. The decision is pure (snapshot and pod in, node or reasons
 * out); around it stand the queue, the cache and the bindings.
 */
#ifndef KUBE_SCHEDULER_H
#define KUBE_SCHEDULER_H

#include <kube/component.h>

struct scheduler_options {
	struct str name;                  /* empty: "default-scheduler" */
	int percent_scored;               /* 0: as upstream adapts it */
	int64_t min_backoff, max_backoff; /* 0: 1 s, 10 s */
	uint64_t seed;                    /* of ties; 0: from env */
};

/* `base->client` as system:kube-scheduler. */
struct part *scheduler_new(
	const struct component_base *base, const struct scheduler_options *options);

#endif
