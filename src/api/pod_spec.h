/* Pod specs, wherever they stand: in pods and in the templates of what makes pods. */
#ifndef KUBE_API_POD_SPEC_H
#define KUBE_API_POD_SPEC_H

#include "kinds.h"

#include <kube/pods.h>

/* Defaults that are more than a constant. `pod`: of a pod itself, not of a template. */
void pod_spec_defaults(struct arena *a, struct cJSON *spec, bool pod);

/* What every template must have, and what makes it fit its selector. */
void check_template(struct field_errors *e, const struct path *p, const struct cJSON *tmpl);
void check_pod_spec(struct field_errors *e, const struct path *p, const struct cJSON *spec);
/* pod_sum without what the pod has for itself. */
struct cJSON *pod_container_sum(struct arena *a, const struct cJSON *spec, const char *path);
/* spec.replicas and its like: not negative. */
void check_not_negative(struct field_errors *e, const struct path *parent, const char *name,
	const struct cJSON *object);

#endif
