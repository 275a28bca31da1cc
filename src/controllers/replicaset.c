/* replicaset: keeps the pods of a ReplicaSet. */
#include "replicas.h"

static const struct replicas_kind rules = {
	.claim = {"ReplicaSet", "apps", "replicasets"},
	.counts_terminating = true,
	.recorder = "replicaset-controller",
	.sources =
		{
			{"apps", "v1", "replicasets", replicas_changed},
			{"", "v1", "pods", replicas_pod_changed},
		},
};

const struct controller_kind replicaset_kind = {
	.name = "replicaset-controller",
	.aliases = "replicaset",
	.start = replicas_start,
	.rules = &rules,
};
