/* JSON trees seen as values: the type that was declared decides, else the JSON itself. */
#include "value.h"

#include <kube/codec.h>
#include <kube/time.h>

static struct cel_value plain(const struct cJSON *json, const struct cel_type *type)
{
	int64_t i;

	switch (json_type(json)) {
	case JSON_NULL:
		return value_of(CEL_NULL);
	case JSON_BOOL:
		return cel_truth(json_bool(json));
	case JSON_NUMBER:
		if (json_int(json, &i))
			return cel_number(i);
		return value_double(json_double(json));
	case JSON_STRING:
		return cel_str(json_str(json));
	case JSON_ARRAY:
		return (struct cel_value){
			.kind = CEL_LIST, .held = HELD_JSON, .type = type, .json = json};
	default:
		return (struct cel_value){
			.kind = CEL_MAP, .held = HELD_JSON, .type = type, .json = json};
	}
}

static struct cel_value wrong(const struct cJSON *json, const char *wanted)
{
	(void)json;
	(void)wanted;
	return value_error_text("invalid data, expected a value of the schema's type");
}

static struct cel_value text_as(const struct cJSON *json, const struct cel_type *type)
{
	struct cel_value v = value_of(CEL_NULL);
	struct str s = json_str(json);
	int64_t ns;

	switch (type->kind) {
	case CEL_TIMESTAMP:
		if (read_time(s, &v))
			return v;
		if (s.len == 10) {
			/* a date alone */
			char text[32];
			memcpy(text, s.at, 10);
			memcpy(text + 10, "T00:00:00Z", 10);
			if (read_time(str_make(text, 20), &v))
				return v;
		}
		return wrong(json, "a time");
	case CEL_DURATION:
		if (duration_parse(s, &ns, NULL))
			return wrong(json, "a duration");
		return value_duration(ns);
	case CEL_BYTES:
		/* Decoded when something is done with it: see value_settle. */
		return (struct cel_value){.kind = CEL_BYTES, .held = HELD_JSON, .str = s};
	default:
		return cel_str(s);
	}
}

struct cel_value cel_json(const struct cJSON *json, const struct cel_type *type)
{
	enum json_type is = json_type(json);
	struct cel_value v = plain(json, type);

	switch (type->kind) {
	case CEL_OBJECT:
		if (is == JSON_OBJECT)
			v.kind = CEL_OBJECT;
		break;
	case CEL_DOUBLE:
		if (is == JSON_NUMBER)
			return value_double(json_double(json));
		break;
	case CEL_UINT:
		if (v.kind == CEL_INT && v.i >= 0)
			return value_uint((uint64_t)v.i);
		break;
	case CEL_TIMESTAMP:
	case CEL_DURATION:
	case CEL_BYTES:
		if (is == JSON_STRING)
			return text_as(json, type);
		break;
	default:
		break;
	}
	return v;
}

struct cel_value value_settle(struct arena *a, struct cel_value v)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(v.kind == CEL_BYTES ? v.str.len + 4 : 0);

	if (v.kind != CEL_BYTES || v.held != HELD_JSON)
		return v;
	if (base64_decode(&out, v.str, NULL))
		return value_error_text("illegal base64 data");
	return value_bytes(arena_str(a, buf_str(&out)));
}

struct cel_value json_value(struct arena *a, const struct cJSON *json, const struct cel_type *type)
{
	return value_settle(a, cel_json(json, type));
}

/* ---- back ---- */

static struct cJSON *to_json(struct arena *a, struct cel_value v, struct str *why, int depth);

static struct cJSON *list_to_json(struct arena *a, struct cel_value v, struct str *why, int depth)
{
	struct cJSON *array = json_new(a, JSON_ARRAY);
	struct cel_value item;
	struct walk w = {0};

	while (list_next(a, v, &w, &item)) {
		struct cJSON *json = to_json(a, item, why, depth + 1);
		if (!json)
			return NULL;
		json_append(array, json);
	}
	return array;
}

static struct cJSON *map_to_json(struct arena *a, struct cel_value v, struct str *why, int depth)
{
	struct cJSON *object = json_new(a, JSON_OBJECT);
	struct cel_value key, value;
	struct walk w = {0};

	while (map_walk(a, v, &w, &key, &value)) {
		struct cJSON *json = to_json(a, value, why, depth + 1);
		if (!json)
			return NULL;
		if (key.kind != CEL_STRING) {
			*why = STR("a key of an object must be a string");
			return NULL;
		}
		json_set(a, object, key.str, json);
	}
	return object;
}

static struct cJSON *text_to_json(struct arena *a, struct cel_value v)
{
	_cleanup_(buf_done) struct buf out =
		BUF_INIT(v.kind == CEL_BYTES ? v.str.len * 2 + 8 : 128);

	if (v.kind == CEL_BYTES)
		base64_encode(&out, v.str);
	else
		print_plain(&out, v);
	return json_new_str(a, buf_str(&out));
}

static struct cJSON *to_json(struct arena *a, struct cel_value v, struct str *why, int depth)
{
	if (depth > DEPTH_MAX) {
		*why = STR("the value is nested too deeply");
		return NULL;
	}
	if ((v.kind == CEL_LIST || v.kind == CEL_MAP || v.kind == CEL_OBJECT) &&
		v.held == HELD_JSON)
		return json_copy(a, v.json);
	switch (v.kind) {
	case CEL_NULL:
		return json_new(a, JSON_NULL);
	case CEL_BOOL:
		return json_new_bool(a, v.b);
	case CEL_INT:
		return json_new_int(a, v.i);
	case CEL_UINT:
		return json_new_number_text(a, arena_print(a, "%llu", (unsigned long long)v.u));
	case CEL_DOUBLE:
		if (v.d - v.d != 0) {
			*why = STR("a number must be finite");
			return NULL;
		}
		return json_new_double(a, v.d);
	case CEL_STRING:
		return json_new_str(a, v.str);
	case CEL_BYTES:
	case CEL_TIMESTAMP:
	case CEL_DURATION:
		return text_to_json(a, v);
	case CEL_LIST:
		return list_to_json(a, v, why, depth);
	case CEL_MAP:
	case CEL_OBJECT:
		if (v.held == HELD_BUILT)
			return map_to_json(a, v, why, depth);
		break;
	case CEL_OPTIONAL:
		return v.inner ? to_json(a, *v.inner, why, depth + 1) : json_new(a, JSON_NULL);
	default:
		break;
	}
	*why = arena_print(a, "no JSON can be made of a %.*s", STRF(value_type_name(v)));
	return NULL;
}

struct cJSON *cel_to_json(struct arena *a, struct cel_value v, struct str *why)
{
	if (value_fails(v)) {
		*why = v.str;
		return NULL;
	}
	return to_json(a, v, why, 0);
}
