/* What StorageClass and VolumeAttributesClass share: a driver and what it is told. */
#ifndef KUBE_API_STORAGE_RULES_H
#define KUBE_API_STORAGE_RULES_H

#include "rules.h"

/* The name of a provisioner or driver in a member of the object. */
void check_provisioner(struct field_errors *e, const struct cJSON *object, const char *name);
void check_parameters(struct field_errors *e, const struct cJSON *object, bool may_be_empty);

#endif
