/* Conditions of status, of the type that all newer kinds share. */
#ifndef KUBE_API_CONDITION_RULES_H
#define KUBE_API_CONDITION_RULES_H

#include "rules.h"

/* One of each type; each with status, time and reason. */
void check_conditions(struct field_errors *e, const struct path *p, const struct cJSON *list);

#endif
