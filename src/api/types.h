/* Built-in schemas by identifier: SCHEMA(core_v1, Pod). */
#ifndef KUBE_API_TYPES_H
#define KUBE_API_TYPES_H

#include <kube/schema.h>

#define SCHEMA(package, name) (&schema_##package##_##name)

#define TYPE(package, name, ...) extern const struct schema schema_##package##_##name;
#include "def/types.def"
#undef TYPE

#endif
