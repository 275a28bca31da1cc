/* What the parts of the codec share. */
#ifndef KUBE_API_CODEC_PARTS_H
#define KUBE_API_CODEC_PARTS_H

#include "types.h"

#include <kube/api_codec.h>

/* More fields than any type has; run-time schemas go beyond and take the arena. */
#define CODEC_FIELDS 64

/* Go's zero value of one field as it is printed: "", 0, false, null, {} with its own members. */
struct cJSON *codec_zero(struct arena *a, const struct schema_field *f);
/* Is it what Go leaves out under omitempty? */
bool codec_is_zero(const struct schema_field *f, const struct cJSON *value);
/* Puts members, one a field of the schema or NULL, together in the schema's order. */
struct cJSON *codec_assemble(struct arena *a, const struct schema *s, struct cJSON *const *members);
/* Index of the field, looking behind the last match first: documents keep the order, mostly. */
int codec_field_index(const struct schema *s, struct str name, int after);
/* A map's members in byte order of their keys. */
void codec_sort_map(struct arena *a, struct cJSON *map);

/* The schema behind a field, also of the JSON unions of CRD schemas. */
const struct schema *codec_field_schema(const struct schema_field *f);

/* ---- scalars: text as a client sent it → canonical node ---- */
int codec_scalar(struct arena *a, const struct schema_field *f, const struct cJSON *in,
	struct cJSON **out, struct err *err);
bool codec_scalar_accepts(const struct schema_field *f, const struct cJSON *in);

#endif
