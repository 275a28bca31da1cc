/*
 * A strategic patch's result goes into the typed object without a detour through text: what does
 * not fit is refused in the words of that conversion, which differ from the decoder's.
 */
#include "go_print.h"
#include "types.h"

#include <kube/patch.h>

#include <math.h>

static const char *go_kind_of(const struct cJSON *value)
{
	switch (json_type(value)) {
	case JSON_OBJECT:
		return "map";
	case JSON_ARRAY:
		return "slice";
	default:
		return go_type_of(value);
	}
}

static bool is_number(uint8_t kind)
{
	return kind == KIND_INT32 || kind == KIND_INT64 || kind == KIND_DOUBLE;
}

/* Would Go's own conversion take it (an integer as a string: as its character)? */
static bool go_converts(uint8_t kind, const struct cJSON *value)
{
	if (!json_is(value, JSON_NUMBER))
		return false;
	return is_number(kind) || (kind == KIND_STRING && json_is_int_text(value));
}

static bool fits(uint8_t kind, const struct cJSON *value)
{
	double number = json_double(value);

	switch (kind) {
	case KIND_STRING:
		return json_is(value, JSON_STRING);
	case KIND_BOOL:
		return json_is(value, JSON_BOOL);
	case KIND_DOUBLE:
		return json_is(value, JSON_NUMBER);
	default:
		return json_is(value, JSON_NUMBER) &&
		       (json_is_int_text(value) || number == floor(number));
	}
}

static int restore_scalar(
	struct arena *a, const struct schema_field *f, const struct cJSON *value, struct err *err)
{
	static const char *const kinds[] = {[KIND_STRING] = "string",
		[KIND_BOOL] = "bool",
		[KIND_INT32] = "int32",
		[KIND_INT64] = "int64",
		[KIND_DOUBLE] = "float64"};
	struct schema_field one = *f;

	if (f->kind != KIND_STRING && f->kind != KIND_BOOL && !is_number(f->kind))
		return 0; /* reads itself from text */
	if (fits(f->kind, value))
		return 0;
	one.shape = SHAPE_ONE;
	if (go_converts(f->kind, value))
		return err_set(err, ERR_INVALID, "cannot convert %s to %.*s", go_type_of(value),
			STRF(schema_go_type(a, &one)));
	return err_set(err, ERR_INVALID, "unrecognized type: %s", kinds[f->kind]);
}

static int restore(
	struct arena *a, const struct schema_field *f, const struct cJSON *value, struct err *err)
{
	struct schema_field inner = *f;
	int code = 0;

	if (json_type(value) == JSON_NULL)
		return 0;
	if (f->shape == SHAPE_ONE && f->kind != KIND_OBJECT)
		return restore_scalar(a, f, value, err);
	if (f->shape == SHAPE_LIST && !json_is(value, JSON_ARRAY))
		return err_set(err, ERR_INVALID, "cannot restore slice from %s", go_kind_of(value));
	if (f->shape != SHAPE_ONE && f->shape != SHAPE_LIST && !json_is(value, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "cannot restore map from %s", go_kind_of(value));
	if (f->shape == SHAPE_ONE)
		return patch_check_restores(a, f->of, value, err);
	inner.shape = f->shape == SHAPE_MAP_OF_LISTS ? SHAPE_LIST : SHAPE_ONE;
	json_each (item, value) {
		code = restore(a, &inner, item, err);
		if (code)
			return code;
	}
	return 0;
}

int patch_check_restores(
	struct arena *a, const struct schema *s, const struct cJSON *object, struct err *err)
{
	if (!json_is(object, JSON_OBJECT))
		return err_set(
			err, ERR_INVALID, "cannot restore struct from: %s", go_kind_of(object));
	for (size_t i = 0; i < s->field_count; i++) {
		const struct cJSON *value = json_get(object, s->fields[i].name);
		int code = value ? restore(a, &s->fields[i], value, err) : 0;

		if (code)
			return code;
	}
	return 0;
}
