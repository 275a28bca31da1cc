/* Rules of custom resources beside their schemas'. */
#ifndef KUBE_API_CUSTOM_CHECKS_H
#define KUBE_API_CUSTOM_CHECKS_H

#include "structural.h"

/* x-kubernetes-list-type: sets and maps have nothing twice. */
void check_lists(struct field_errors *e, const struct node *n, const struct cJSON *object,
	const struct path *at);
/* Objects of other kinds within the object. */
void check_embedded(struct field_errors *e, const struct node *n, const struct cJSON *value,
	const struct path *at);
/* The numbers that the scale subresource shows. */
void check_scale_spec(
	struct field_errors *e, const struct cJSON *scale, const struct cJSON *object);
void check_scale_status(
	struct field_errors *e, const struct cJSON *scale, const struct cJSON *object);

#endif
