/* Members to canonical objects: order, empties, zeros. */
#include "codec_parts.h"

#include <stdlib.h>

int codec_field_index(const struct schema *s, struct str name, int after)
{
	for (int i = after + 1; i < s->field_count; i++)
		if (str_eq(s->fields[i].name, name))
			return i;
	for (int i = 0; i <= after && i < s->field_count; i++)
		if (str_eq(s->fields[i].name, name))
			return i;
	return -1;
}

const struct schema *codec_field_schema(const struct schema_field *f)
{
	switch (f->kind) {
	case KIND_OBJECT:
		return f->of;
	case KIND_SCHEMA_OR_ARRAY:
	case KIND_SCHEMA_OR_BOOL:
	case KIND_SCHEMA_OR_STRINGS:
		return SCHEMA(apiextensions_v1, JSONSchemaProps);
	default:
		return NULL;
	}
}

/* ---- zeros ---- */

static struct cJSON *zero_object(struct arena *a, const struct schema *s)
{
	struct cJSON *members[CODEC_FIELDS] = {0};

	assert(s->field_count <= CODEC_FIELDS);
	return codec_assemble(a, s, members);
}

struct cJSON *codec_zero(struct arena *a, const struct schema_field *f)
{
	if (f->shape != SHAPE_ONE || (f->flags & FIELD_POINTER))
		return json_new(a, JSON_NULL);
	switch (f->kind) {
	case KIND_STRING:
		return json_new_str(a, STR(""));
	case KIND_BOOL:
		return json_new_bool(a, false);
	case KIND_INT32:
	case KIND_INT64:
	case KIND_DOUBLE:
	case KIND_INT_OR_STRING:
		return json_new_int(a, 0);
	case KIND_QUANTITY:
		return json_new_str(a, STR("0"));
	case KIND_DURATION:
		return json_new_str(a, STR("0s"));
	case KIND_OBJECT:
		return zero_object(a, f->of);
	default:
		return json_new(a, JSON_NULL);
	}
}

bool codec_is_zero(const struct schema_field *f, const struct cJSON *value)
{
	int64_t number;

	if (json_type(value) == JSON_NULL)
		return true;
	if (f->flags & FIELD_POINTER)
		return false;
	if (f->shape != SHAPE_ONE)
		return json_count(value) == 0;
	switch (f->kind) {
	case KIND_STRING:
	case KIND_BYTES:
		return json_str(value).len == 0;
	case KIND_BOOL:
		return !json_bool(value);
	case KIND_INT32:
	case KIND_INT64:
		return json_int(value, &number) && number == 0;
	case KIND_DOUBLE:
		return json_double(value) == 0;
	default: /* structs are never empty for Go */
		return false;
	}
}

/* ---- objects ---- */

struct cJSON *codec_assemble(struct arena *a, const struct schema *s, struct cJSON *const *members)
{
	struct cJSON *out = json_new(a, JSON_OBJECT);

	for (size_t i = 0; i < s->field_count; i++) {
		const struct schema_field *f = &s->fields[i];
		struct cJSON *value = members[i];

		if (!(f->flags & FIELD_KEEP)) {
			if (!value || codec_is_zero(f, value))
				continue;
		} else if (json_type(value) == JSON_NULL) {
			value = codec_zero(a, f);
		}
		json_add_borrowed(out, f->name, value);
	}
	return out;
}

/* ---- maps ---- */

static int by_key(const void *a, const void *b)
{
	return str_cmp(json_key(*(struct cJSON *const *)a), json_key(*(struct cJSON *const *)b));
}

static bool sorted(const struct cJSON *map)
{
	const struct cJSON *before = NULL;

	json_each (item, map) {
		if (before && str_cmp(json_key(before), json_key(item)) >= 0)
			return false;
		before = item;
	}
	return true;
}

void codec_sort_map(struct arena *a, struct cJSON *map)
{
	size_t count = json_count(map), i = 0;
	struct cJSON *item;

	if (sorted(map))
		return;
	struct cJSON **items = arena_alloc(a, count * sizeof(*items));
	while ((item = json_first(map))) {
		items[i++] = item;
		json_remove(map, item);
	}
	qsort(items, count, sizeof(*items), by_key);
	for (i = 0; i < count; i++)
		json_add_borrowed(map, json_key(items[i]), items[i]);
}
