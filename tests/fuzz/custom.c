/*
 * Any schema and any values: {"schema": …, "value": …, "old": …}. What is read is read the same
 * way again, what has its defaults gets no more of them, and rules say the same thing twice.
 */
#include <kube/custom.h>

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct custom_type *type_of(struct arena *a, const struct cJSON *schema, bool *sound)
{
	static const char text[] =
		"{\"spec\":{\"group\":\"x.io\",\"names\":{\"plural\":\"as\",\"kind\":\"A\","
		"\"listKind\":\"AList\"},\"versions\":[{\"name\":\"v1\",\"schema\":{}}]}}";
	struct cJSON *definition = NULL, *copy = json_copy(a, schema);

	assert(json_parse(a, str_from(text), NULL, &definition, NULL) == 0);
	json_set(a, json_path(json_first(json_path(definition, "spec.versions")), "schema"),
		STR("openAPIV3Schema"), copy);
	*sound = !custom_definition_faults(a, definition).text.len;
	return custom_type_new(definition, STR("v1"), NULL);
}

/* NULL: it is not even of the kind. */
static struct cJSON *read(struct arena *a, struct custom_type *t, const struct cJSON *spec)
{
	struct cJSON *object = json_new(a, JSON_OBJECT), *out = NULL;
	struct decode_notes notes = {.arena = a};

	json_set(a, object, STR("apiVersion"), json_new_str(a, STR("x.io/v1")));
	json_set(a, object, STR("kind"), json_new_str(a, STR("A")));
	json_set(a, object, STR("metadata"), json_new(a, JSON_OBJECT));
	if (spec)
		json_set(a, object, STR("spec"), json_copy(a, spec));
	if (api_decode(a, custom_type_schema(t), object, &notes, &out, NULL))
		return NULL;
	return out;
}

static void check_reading(struct arena *a, struct custom_type *t, struct cJSON *object)
{
	const struct schema *s = custom_type_schema(t);
	struct cJSON *again = NULL;

	assert(api_decode(a, s, object, NULL, &again, NULL) == 0);
	assert(json_equal(again, object));
	api_set_standards(a, s, object);
	again = json_copy(a, object);
	api_set_standards(a, s, again);
	assert(json_equal(again, object));
}

static struct str faults(
	struct arena *a, struct custom_type *t, struct cJSON *object, const struct cJSON *old)
{
	struct resource r = {.schema = custom_type_schema(t)};
	struct field_errors e = {.arena = a};
	struct change c = {.arena = a, .resource = &r, .object = object, .old = old};

	if (old)
		custom_validate_update(&c, &e);
	else
		custom_validate(&c, &e);
	return field_errors_text(a, &e);
}

static void check_type(struct arena *a, const struct cJSON *input)
{
	const struct cJSON *schema = json_get(input, STR("schema"));
	struct cJSON *object, *old;
	struct custom_type *t;
	bool sound;

	if (!json_is(schema, JSON_OBJECT))
		return;
	t = type_of(a, schema, &sound);
	if (t && sound) {
		object = read(a, t, json_get(input, STR("value")));
		old = read(a, t, json_get(input, STR("old")));
		if (object)
			check_reading(a, t, object);
		if (old)
			check_reading(a, t, old);
		if (object)
			assert(str_eq(faults(a, t, object, old), faults(a, t, object, old)));
	}
	custom_type_unref(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cJSON *input = NULL;
	struct arena a;

	if (size > 16 * KIB)
		return 0;
	arena_init(&a);
	if (!json_parse(&a, str_make((const char *)data, size), NULL, &input, NULL))
		check_type(&a, input);
	arena_done(&a);
	return 0;
}
