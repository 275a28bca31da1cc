/*
 * scheduler: gives pods their nodes. The decision is pure (snapshot and pod in, node or reasons
 * out); around it stand the queue, the cache and the bindings.
 */
#ifndef KUBE_SCHEDULER_H
#define KUBE_SCHEDULER_H

#include <kube/component.h>

struct profile;

struct scheduler_options {
	struct str name;                  /* empty: "default-scheduler" */
	int percent_scored;               /* 0: as upstream adapts it */
	int64_t min_backoff, max_backoff; /* 0: 1 s, 10 s */
	uint64_t seed;                    /* of ties; 0: from env */
	const struct profile *profiles;   /* of a configuration, instead of the name */
	size_t profile_count;
};

/* What a configuration says of the process around the scheduler; zero: nothing. */
struct scheduler_surroundings {
	struct str kubeconfig;
	double qps;
	int64_t burst;
	bool says_leader_elect, leader_elect;
	struct str lease_name, lease_namespace;
	int64_t lease_duration, renew_deadline, retry_period;
};
/*
 * Reads a KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1), YAML or JSON. What it asks
 * for and is not there is an error. All of it lives in the arena.
 */
int scheduler_configure(struct arena *a, struct str text, struct scheduler_options *options,
	struct scheduler_surroundings *around, struct err *err);

/* `base->client` as system:kube-scheduler. */
struct part *scheduler_new(
	const struct component_base *base, const struct scheduler_options *options);

#endif
