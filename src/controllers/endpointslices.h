/* Slices in the caches, for the controllers that make them. */
#ifndef KUBE_CONTROLLERS_ENDPOINTSLICES_H
#define KUBE_CONTROLLERS_ENDPOINTSLICES_H

#include "service_watch.h"
#include "slices.h"

/* Those of a service ("namespace/name") that this manager has made and that stay. */
void slices_find(
	struct usual *u, struct arena *a, struct str key, const char *manager, struct trees *found);
void slices_write(struct plan *p, const struct resource *r, const struct slices_change *change);
/* The service of a slice, when this manager's. */
void slices_enqueue_service(
	struct usual *u, struct object *old, struct object *fresh, const char *manager);

#endif
