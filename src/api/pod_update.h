/* What may change in a pod: through itself, its status, resize and ephemeralcontainers. */
#ifndef KUBE_API_POD_UPDATE_H
#define KUBE_API_POD_UPDATE_H

#include "pod_parts.h"

#define POD_APPARMOR "container.apparmor.security.beta.kubernetes.io/"

/* What the server adds to a new pod, and drops from a new or changed one. */
void pod_prepare_create(struct change *c);
void pod_prepare_update(struct change *c);
/* The profile an annotation's text means; NULL when it means none. */
struct cJSON *pod_apparmor_of_annotation(struct arena *a, struct str text);

/* A spec and a template as upstream shows them, and what differs between two specs. */
void pod_spec_print(struct buf *out, struct arena *a, const struct cJSON *spec);
void pod_template_print(struct buf *out, struct arena *a, const struct cJSON *tmpl);
struct str pod_spec_diff(struct arena *a, const struct cJSON *old, const struct cJSON *spec);

/* Annotations of AppArmor against the members of the same meaning. */
void pod_check_apparmor_matches(struct change *c, struct field_errors *e);
void pod_check_annotation_update(struct change *c, struct field_errors *e);
/* What else may change while the pod waits; taken from old in `munged`. */
void pod_check_gated(struct change *c, struct field_errors *e, struct cJSON *munged);
/* Containers that ended for good, in a new status. */
void pod_check_restarts(struct change *c, struct field_errors *e);

void pod_check_update(struct change *c, struct field_errors *e);

void pod_status_defaults(struct arena *a, struct cJSON *pod);
void pod_prepare_status(struct change *c);
void pod_check_status(struct change *c, struct field_errors *e);

void pod_prepare_ephemeral(struct change *c);
void pod_check_ephemeral_update(struct change *c, struct field_errors *e);

void pod_prepare_resize(struct change *c);
void pod_check_resize(struct change *c, struct field_errors *e);

void pod_warn_overlaps(struct change *c, const struct cJSON *spec);
/* What will not work as whoever wrote it may think. */
void pod_warn(struct change *c);
void pod_warn_template(struct change *c, const struct path *p, const struct cJSON *tmpl);

#endif
