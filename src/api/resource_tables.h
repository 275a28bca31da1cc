/* Every built-in resource, in discovery's order. */
#ifndef KUBE_API_RESOURCE_TABLES_H
#define KUBE_API_RESOURCE_TABLES_H

#include <kube/resource.h>

extern const struct resource *const resource_all[];
extern const size_t resource_all_count;

#endif
