/* replicaset: keeps the pods of a ReplicaSet. */
#include "replicas.h"

static const struct replicas_kind rules = {
	.claim = {"ReplicaSet", "apps", "replicasets"},
	.counts_terminating = true,
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
		{"apps", "v1", "replicasets", own_changed},
		{"", "v1", "pods", pod_changed},
		{0},
	};

	return usual_new(w, k,
		&(struct usual_options){.recorder = "replicaset-controller",
			.sources = sources,
			.reconcile = replicas_reconcile,
			.refused = replicas_refused,
			.ctx = (void *)&rules});
}

const struct controller_kind replicaset_kind = {
	.name = "replicaset-controller",
	.aliases = "replicaset",
	.start = start,
};
