/* What flow schemas and priority levels have in common. */
#ifndef KUBE_API_FLOW_RULES_H
#define KUBE_API_FLOW_RULES_H

#include "rules.h"

/* Objects that nobody may change: their specs as JSON. A list ends with name == NULL. */
struct flow_mandatory {
	const char *name, *spec;
};
/* `except` words what is left out of the comparison: "", " except the 'spec.x' field". */
void check_flow_mandatory(struct change *c, struct field_errors *e,
	const struct flow_mandatory *list, const struct cJSON *spec, const struct schema *type,
	const char *except);
/* One condition of each type. */
void check_flow_status(struct field_errors *e, const struct cJSON *object);

#endif
