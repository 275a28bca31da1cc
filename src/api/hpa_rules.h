/* The rules of HorizontalPodAutoscalers' metrics and behavior. */
#ifndef KUBE_API_HPA_RULES_H
#define KUBE_API_HPA_RULES_H

#include "rules.h"

/* A reference to an object of any version. */
void hpa_check_reference(
	struct field_errors *e, const struct path *p, const struct cJSON *reference);
/* spec.metrics; `to_zero`: the fewest replicas are none. */
void hpa_check_metrics(
	struct field_errors *e, const struct path *p, const struct cJSON *metrics, bool to_zero);
void hpa_check_behavior(struct field_errors *e, const struct path *p, const struct cJSON *behavior);

#endif
