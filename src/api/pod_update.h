/* What may change in a pod: through itself, its status, resize and ephemeralcontainers. */
#ifndef KUBE_API_POD_UPDATE_H
#define KUBE_API_POD_UPDATE_H

#include "pod_parts.h"

void pod_check_update(struct change *c, struct field_errors *e);

void pod_prepare_status(struct change *c);
void pod_check_status(struct change *c, struct field_errors *e);

void pod_prepare_ephemeral(struct change *c);
void pod_check_ephemeral_update(struct change *c, struct field_errors *e);

void pod_prepare_resize(struct change *c);
void pod_check_resize(struct change *c, struct field_errors *e);

/* What will not work as whoever wrote it may think. */
void pod_warn(struct change *c);
void pod_warn_template(struct change *c, const struct path *p, const struct cJSON *tmpl);

#endif
