/* replicationcontroller: keeps the pods of a ReplicationController, as a ReplicaSet's are kept. */
#include "replicas.h"

static const struct replicas_kind rules = {
	.claim = {"ReplicationController", "", "replicationcontrollers"},
	.counts_terminating = false,
};

static void own_changed(struct usual *u, struct object *old, struct object *fresh)
{
	usual_enqueue_object(u, fresh ? fresh : old);
}

static void pod_changed(struct usual *u, struct object *old, struct object *fresh)
{
	claim_changed(u, &rules.claim, old, fresh);
}

static struct part *start(const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"", "v1", "replicationcontrollers", own_changed},
		{"", "v1", "pods", pod_changed},
		{0},
	};

	return usual_new(w, k,
		&(struct usual_options){.recorder = "replication-controller",
			.sources = sources,
			.reconcile = replicas_reconcile,
			.refused = replicas_refused,
			.ctx = (void *)&rules});
}

const struct controller_kind replicationcontroller_kind = {
	.name = "replicationcontroller-controller",
	.aliases = "replicationcontroller",
	.start = start,
};
