/* What admission policies, validating and mutating, and their bindings have in common. */
#ifndef KUBE_API_POLICY_RULES_H
#define KUBE_API_POLICY_RULES_H

#include "webhook_rules.h"

/* failurePolicy, paramKind, matchConstraints, matchConditions, variables. */
void check_policy_head(struct field_errors *e, const struct path *p, const struct cJSON *spec);
/* policyName, paramRef, matchResources. */
void check_policy_binding(struct field_errors *e, const struct path *p, const struct cJSON *spec);

#endif
