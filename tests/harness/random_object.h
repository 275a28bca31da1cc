/* Random objects of any type, for properties that must hold for all of them. One seed, one object.
 */
#ifndef KUBE_TEST_RANDOM_OBJECT_H
#define KUBE_TEST_RANDOM_OBJECT_H

#include <kube/api_codec.h>

struct random_maker {
	struct arena *arena;
	uint64_t state;
	bool wire;   /* only what protobuf has */
	bool single; /* lists of one element: no key comes twice */
};

static inline uint32_t random_next(struct random_maker *m, uint32_t below)
{
	m->state += 0x9e3779b97f4a7c15ULL;
	uint64_t z = m->state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (uint32_t)((z ^ (z >> 31)) % below);
}

static inline struct cJSON *random_text(struct random_maker *m)
{
	static const char *const words[] = {
		"", "a", "web", "x-y.example/z", "\xc3\xa4\xe2\x82\xac", "with \"quotes\"\n", "0"};

	return json_new_str(m->arena, str_from(words[random_next(m, 7)]));
}

static inline struct cJSON *random_json(struct random_maker *m, const char *text)
{
	struct cJSON *out = NULL;

	return json_parse(m->arena, str_from(text), NULL, &out, NULL) ? NULL : out;
}

static inline struct cJSON *random_scalar(struct random_maker *m, const struct schema_field *f)
{
	static const char *const quantities[] = {"0", "5", "100m", "1Gi", "1500Mi", "2e3", "-1"};
	static const int64_t numbers[] = {0, 1, -1, 80, 2147483647, -2147483647 - 1};

	switch (f->kind) {
	case KIND_STRING:
		return random_text(m);
	case KIND_BOOL:
		return json_new_bool(m->arena, random_next(m, 2));
	case KIND_INT32:
		return json_new_int(m->arena, numbers[random_next(m, 6)]);
	case KIND_INT64:
		return json_new_int(m->arena, numbers[random_next(m, 6)] * 4099);
	case KIND_DOUBLE:
		return json_new_double(m->arena, (double)random_next(m, 100) / 8);
	case KIND_BYTES:
		return json_new_str(m->arena, random_next(m, 2) ? STR("aGVsbG8=") : STR("AP8="));
	case KIND_TIME:
		return json_new_str(m->arena, STR("2021-02-03T04:05:06Z"));
	case KIND_MICRO_TIME:
		return json_new_str(m->arena, STR("2021-02-03T04:05:06.070809Z"));
	case KIND_DURATION:
		return json_new_str(m->arena, STR("1m30s"));
	case KIND_QUANTITY:
		return json_new_str(m->arena, str_from(quantities[random_next(m, 7)]));
	case KIND_INT_OR_STRING:
		return random_next(m, 2) ? json_new_int(m->arena, random_next(m, 70000))
					 : json_new_str(m->arena, STR("25%"));
	case KIND_RAW:
		return random_json(m, "{\"kind\":\"X\",\"n\":[1,{\"a\":null}]}");
	case KIND_FIELDS_V1:
		return random_json(m, "{\"f:spec\":{\"f:a\":{}}}");
	case KIND_JSON:
		return random_json(m, "{\"any\":[true,\"x\",1.5]}");
	default:
		return NULL;
	}
}

static inline struct cJSON *random_object(
	struct random_maker *m, const struct schema *s, int depth);

static inline struct cJSON *random_one(
	struct random_maker *m, const struct schema_field *f, int depth)
{
	if (f->kind == KIND_OBJECT)
		return depth > 0 ? random_object(m, f->of, depth - 1) : NULL;
	return random_scalar(m, f);
}

static inline struct cJSON *random_list(
	struct random_maker *m, const struct schema_field *f, int depth)
{
	struct cJSON *list = json_new(m->arena, JSON_ARRAY);

	for (uint32_t i = m->single ? 1 : random_next(m, 3) + 1; i > 0; i--) {
		struct cJSON *item = random_one(m, f, depth);

		if (item)
			json_append(list, item);
	}
	return list;
}

static inline struct cJSON *random_value(
	struct random_maker *m, const struct schema_field *f, int depth)
{
	static const char *const keys[] = {"a", "b/c", ""};
	struct cJSON *map;

	if (f->shape == SHAPE_ONE)
		return random_one(m, f, depth);
	if (f->shape == SHAPE_LIST)
		return random_list(m, f, depth);
	map = json_new(m->arena, JSON_OBJECT);
	for (size_t i = 0; i < 3; i++) {
		struct cJSON *item =
			f->shape == SHAPE_MAP ? random_one(m, f, depth) : random_list(m, f, depth);

		if (item && random_next(m, 2))
			json_set(m->arena, map, str_from(keys[i]), item);
	}
	return map;
}

/* Half of its fields have a value; canonical when it is made so. */
static inline struct cJSON *random_object(struct random_maker *m, const struct schema *s, int depth)
{
	struct cJSON *o = json_new(m->arena, JSON_OBJECT);

	for (size_t i = 0; i < s->field_count; i++) {
		const struct schema_field *f = &s->fields[i];
		struct cJSON *value;

		if ((f->flags & FIELD_TYPE_META) || (m->wire && !f->proto) || random_next(m, 2))
			continue;
		value = random_value(m, f, depth);
		if (value)
			json_set(m->arena, o, f->name, value);
	}
	return o;
}

#endif
