/* The pure half of the endpoints controller. */
#ifndef KUBE_CONTROLLERS_ENDPOINTS_H
#define KUBE_CONTROLLERS_ENDPOINTS_H

#include "service_pods.h"

/* At most so many addresses stand in one Endpoints. */
#define ENDPOINTS_MAX_ADDRESSES 1000

/*
 * The Endpoints that a service with a selector is to have; pods: those it selects. current may be
 * NULL. NULL when nothing has to be written; otherwise the object, with current's
 * resourceVersion when there is one.
 */
struct cJSON *endpoints_of_service(struct arena *a, const struct cJSON *service,
	const struct trees *pods, const struct cJSON *current);

#endif
