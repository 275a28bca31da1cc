/* What the four RBAC kinds share: rules of roles, subjects and references of bindings. */
#ifndef KUBE_API_RBAC_RULES_H
#define KUBE_API_RBAC_RULES_H

#include <kube/strategy.h>

/* Namespaced rules (of a Role) cannot speak of paths. */
void check_policy_rules(struct field_errors *e, const struct cJSON *role, bool namespaced);
/* Empty groups of subjects and of roleRef get their standard. */
void binding_defaults(struct change *c);
/* Bindings of a namespace may refer to either kind of role. */
void check_binding(struct field_errors *e, const struct cJSON *binding, bool namespaced);
void check_binding_update(struct change *c, struct field_errors *e);

#endif
