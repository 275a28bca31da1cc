/* Every built-in type. */
#ifndef KUBE_API_SCHEMA_TABLES_H
#define KUBE_API_SCHEMA_TABLES_H

#include <kube/schema.h>

extern const struct schema *const schema_all[];
extern const size_t schema_all_count;

#endif
