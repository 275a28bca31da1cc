#include "schema_tables.h"

#include <kube/schema.h>

#include <string.h>

const struct schema *schema_at(size_t index)
{
	return index < schema_all_count ? schema_all[index] : NULL;
}

const struct schema *schema_find(struct str full_name)
{
	struct str package, name;

	str_cut_last(full_name, '.', &package, &name);
	for (size_t i = 0; i < schema_all_count; i++)
		if (str_eq(schema_all[i]->name, name) && str_eq(schema_all[i]->package, package))
			return schema_all[i];
	return NULL;
}

static const struct schema_field *sorted_field(const struct schema *s, struct str name)
{
	size_t low = 0, high = s->field_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = str_cmp(s->fields[mid].name, name);

		if (!order)
			return &s->fields[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct schema_field *schema_field(const struct schema *s, struct str name)
{
	if (s->flags & SCHEMA_SORTED)
		return sorted_field(s, name);
	for (size_t i = 0; i < s->field_count; i++)
		if (str_eq(s->fields[i].name, name))
			return &s->fields[i];
	return NULL;
}

const struct schema_field *schema_path(const struct schema *s, const char *dotted)
{
	struct str rest = str_from(dotted), step;
	const struct schema_field *f = NULL;

	while (str_next(&rest, '.', &step)) {
		if (f && f->kind != KIND_OBJECT)
			return NULL;
		f = schema_field(f ? f->of : s, step);
		if (!f)
			return NULL;
	}
	return f;
}

/* ---- Go's names, for error messages ---- */

static const char *const go_kinds[] = {
	[KIND_STRING] = "string",
	[KIND_BOOL] = "bool",
	[KIND_INT32] = "int32",
	[KIND_INT64] = "int64",
	[KIND_DOUBLE] = "float64",
	[KIND_BYTES] = "[]uint8",
	[KIND_TIME] = "v1.Time",
	[KIND_MICRO_TIME] = "v1.MicroTime",
	[KIND_DURATION] = "v1.Duration",
	[KIND_QUANTITY] = "resource.Quantity",
	[KIND_INT_OR_STRING] = "intstr.IntOrString",
	[KIND_RAW] = "runtime.RawExtension",
	[KIND_JSON] = "v1.JSON",
	[KIND_FIELDS_V1] = "v1.FieldsV1",
	[KIND_SCHEMA_OR_ARRAY] = "v1.JSONSchemaPropsOrArray",
	[KIND_SCHEMA_OR_BOOL] = "v1.JSONSchemaPropsOrBool",
	[KIND_SCHEMA_OR_STRINGS] = "v1.JSONSchemaPropsOrStringArray",
	[KIND_DEDUCED] = "interface {}",
};

struct str schema_go_type(struct arena *a, const struct schema_field *f)
{
	static const char *const shapes[] = {
		[SHAPE_ONE] = "",
		[SHAPE_LIST] = "[]",
		[SHAPE_MAP] = "map[string]",
		[SHAPE_MAP_OF_LISTS] = "map[string][]",
	};

	if (f->go)
		return str_from(f->go);
	if (f->kind == KIND_OBJECT)
		return arena_print(a, "%s%s.%.*s", shapes[f->shape], f->of->go, STRF(f->of->name));
	return arena_print(a, "%s%s", shapes[f->shape], go_kinds[f->kind]);
}
