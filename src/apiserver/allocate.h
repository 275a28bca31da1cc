/*
 * Addresses and ports of Services: which are taken is read from the store's changes, as they
 * come; what a write in flight has chosen is reserved until its outcome is known.
 */
#ifndef KUBE_APISERVER_ALLOCATE_H
#define KUBE_APISERVER_ALLOCATE_H

#include "request.h"

struct allocators *allocators_new(struct api_server *s);
void allocators_free(struct allocators *a);
/* Does a Service have this address, or is one about to? */
bool allocate_has(struct allocators *a, struct str ip);

/* What one write has reserved. */
struct reservation {
	struct str *names; /* "10.96.0.1", "30000"; in the request's arena */
	size_t count, room;
};
/*
 * Chooses families, cluster addresses, node ports and the health port of a new or changed
 * Service, in its tree. A failure reserves nothing.
 */
struct status *allocate_service(struct api_request *r, struct cJSON *service,
	const struct cJSON *old, struct reservation *taken);
void allocate_release(struct allocators *a, struct reservation *taken);

#endif
