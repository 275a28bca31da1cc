/*
 * The Node object as this kubelet wants it: what it registers, and its status from then on. Pure.
 */
#ifndef KUBE_KUBELET_NODE_STATUS_H
#define KUBE_KUBELET_NODE_STATUS_H

#include "eviction.h"

#include <kube/json.h>
#include <kube/kubelet.h>
#include <kube/kubelet_configuration.h>

struct node_input {
	const struct kubelet_options *options;
	const struct kubelet_configuration *configuration;
	const struct machine *machine;
	const bool *pressure; /* PRESSURES of them; of a whole object only */
	const struct runtime_ops *runtime;
	const struct image *const *images;
	size_t image_count;
	const struct cJSON *old; /* the node as the API has it; NULL: there is none yet */
	struct str not_ready;    /* why; empty: it is */
	int64_t now;
};

/* Lists of quantities. */
struct cJSON *node_capacity(struct arena *a, const struct node_input *in);
struct cJSON *node_allocatable(struct arena *a, const struct node_input *in);
/* To be created. */
struct cJSON *node_object(struct arena *a, const struct node_input *in);
/*
 * The strategic merge patch of the status, or NULL when what is told already is true and told not
 * longer ago than `frequency`.
 */
struct cJSON *node_status_patch(struct arena *a, const struct node_input *in, int64_t frequency);
/* Of metadata: labels that this kubelet is to keep; NULL: they are there. */
struct cJSON *node_labels_patch(struct arena *a, const struct node_input *in);

#endif
