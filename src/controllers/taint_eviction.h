/* What becomes of a pod that does not tolerate its node for ever. Pure. */
#ifndef KUBE_CONTROLLERS_TAINT_EVICTION_H
#define KUBE_CONTROLLERS_TAINT_EVICTION_H

#include "controllers.h"

struct taint_eviction {
	const struct resource *pods;
	const struct cJSON *pod;
	int64_t now;
	int64_t left; /* until it has to go; 0 or less: now */
};
void taint_eviction_plan(const struct taint_eviction *e, struct plan *p);

#endif
