/* What admission policies, validating and mutating, and their bindings have in common. */
#ifndef KUBE_API_POLICY_RULES_H
#define KUBE_API_POLICY_RULES_H

#include "webhook_rules.h"

/*
 * failurePolicy, paramKind, matchConstraints, matchConditions, variables. Gives what the policy's
 * own expressions are compiled in, with `variables`: the caller frees it.
 */
struct cel_env *check_policy_head(
	struct field_errors *e, const struct path *p, const struct cJSON *spec, unsigned with);
/* policyName, paramRef, matchResources. */
void check_policy_binding(struct field_errors *e, const struct path *p, const struct cJSON *spec);

#endif
