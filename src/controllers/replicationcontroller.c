/* replicationcontroller: keeps the pods of a ReplicationController, as a ReplicaSet's are kept. */
#include "replicas.h"

static const struct replicas_kind rules = {
	.claim = {"ReplicationController", "", "replicationcontrollers"},
	.counts_terminating = false,
	.recorder = "replication-controller",
	.sources =
		{
			{"", "v1", "replicationcontrollers", replicas_changed},
			{"", "v1", "pods", replicas_pod_changed},
		},
};

const struct controller_kind replicationcontroller_kind = {
	.name = "replicationcontroller-controller",
	.aliases = "replicationcontroller",
	.start = replicas_start,
	.rules = &rules,
};
