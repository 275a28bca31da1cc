/* Specs of persistent volumes: of the volumes themselves and of attachments that carry one. */
#ifndef KUBE_API_VOLUME_RULES_H
#define KUBE_API_VOLUME_RULES_H

#include "volume_sources.h"

/* inline_spec: it stands in an attachment, for a volume that was written in a pod. */
void check_volume_spec(
	struct field_errors *e, const struct path *p, const struct cJSON *spec, bool inline_spec);
/* An amount of a resource that cannot be less than nothing. */
void check_volume_amount(struct field_errors *e, const struct path *at, const struct cJSON *amount);
/* What the members that are outdated or without effect have to say. */
void warn_volume(struct change *c);

/* PersistentVolumeSource: the sources alone, as Go's internal struct orders them. */
#define VOLUME_SOURCES 22
struct volume_source_type {
	struct schema schema;
	struct schema_field fields[VOLUME_SOURCES];
};
void volume_source_type(struct volume_source_type *type);
/* The members of a spec that are sources. */
struct cJSON *volume_source_of(struct arena *a, const struct cJSON *spec);

#endif
