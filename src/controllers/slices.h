/*
 * The pure half of the endpoint slice controller: what slices a service has, what they should
 * be, and the fewest writes in between.
 */
#ifndef KUBE_CONTROLLERS_SLICES_H
#define KUBE_CONTROLLERS_SLICES_H

#include "service_pods.h"

#define SLICE_SERVICE_LABEL "kubernetes.io/service-name"
#define SLICE_MANAGER_LABEL "endpointslice.kubernetes.io/managed-by"
#define SLICE_MAX_ENDPOINTS 100

struct slices_change {
	struct trees create, update, remove;
	bool nodes_missing; /* pods were left out because their nodes are not known (yet) */
};

/* Is there such a node, and in which zone (may be empty)? */
typedef bool slices_node_fn(void *ctx, struct str name, struct str *zone);

struct slices_in {
	const struct cJSON *service;
	const struct trees *pods;     /* that it selects */
	const struct trees *existing; /* its slices that this controller manages; may be changed */
	slices_node_fn *node;
	void *ctx;
};
void slices_of_service(struct arena *a, const struct slices_in *in, struct slices_change *change);

/*
 * The mirror of Endpoints that somebody wrote for a service without a selector. skipped: addresses
 * that are none; too_many: those beyond what is mirrored.
 */
struct mirror_notes {
	size_t skipped, too_many;
};
#define MIRROR_MAX_ADDRESSES 1000
void slices_mirror(struct arena *a, const struct cJSON *endpoints, const struct trees *existing,
	struct slices_change *change, struct mirror_notes *notes);

/* ---- shared by both ---- */
/* Tells sets of ports apart, whatever their order. */
struct str slice_ports_key(struct arena *a, const struct cJSON *ports);
/* What is generated names begin with. */
struct str slice_prefix(struct arena *a, struct str name);
/* Tells endpoints apart: addresses, node and target. */
struct str slice_endpoint_key(struct arena *a, const struct cJSON *endpoint);
void slice_set_owner(struct arena *a, struct cJSON *slice, const struct cJSON *owner);

#endif
