/* How controllers say on a pod that it is they who remove it. Pure. */
#ifndef KUBE_CONTROLLERS_DISRUPTION_TARGET_H
#define KUBE_CONTROLLERS_DISRUPTION_TARGET_H

#include "controllers.h"

/*
 * Writes the DisruptionTarget condition and, when not NULL, the phase; the pod's status may have
 * changed since: then nothing is written and the key comes again. Reason NULL: only the phase.
 */
void plan_disruption(struct plan *p, const struct resource *pods, const struct cJSON *pod,
	const char *phase, const char *reason, const char *message, int64_t now);

/* A condition of that type, set anew; conditions grow where there is none. */
void pod_condition_set(struct arena *a, struct cJSON *conditions, const struct cJSON *pod,
	const char *type, const char *status, struct str reason, struct str message, int64_t now);

#endif
