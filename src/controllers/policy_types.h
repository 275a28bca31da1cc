/* What is wrong with a ValidatingAdmissionPolicy's expressions, by the types it is for. Pure. */
#ifndef KUBE_CONTROLLERS_POLICY_TYPES_H
#define KUBE_CONTROLLERS_POLICY_TYPES_H

#include "workload.h"

/*
 * An array of ExpressionWarnings, empty when all is well. `definitions`: the
 * CustomResourceDefinitions that there are.
 */
struct cJSON *policy_type_warnings(
	struct arena *a, const struct cJSON *policy, const struct trees *definitions);

#endif
