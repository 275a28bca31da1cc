/* Names of resources that are counted: cpu, memory, hugepages-2Mi, example.com/gpu. */
#ifndef KUBE_API_RESOURCE_NAMES_H
#define KUBE_API_RESOURCE_NAMES_H

#include "rules.h"

#include <kube/pods.h> /* resource_name_is_extended */

/* The API's own: without a domain, or with kubernetes.io in it. */
bool resource_name_is_native(struct str name);
/* Only whole ones make sense. */
bool resource_name_is_integer(struct str name);
/* May more be promised than there is? */
bool resource_name_overcommits(struct str name);
void check_container_resource_name(struct field_errors *e, const struct path *at, struct str name);
/* Of quotas and limit ranges: any standard name, or one with a domain. */
void check_resource_name(struct field_errors *e, const struct path *at, struct str name);

#endif
