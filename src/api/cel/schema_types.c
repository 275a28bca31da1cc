/*
 * Types of structural schemas. Their rules, and the sizes, are upstream's, for they decide what a
 * rule is thought to cost.
 */
#include "program.h"

/* Bytes of JSON that upstream reckons with. */
enum {
	REQUEST_MAX = 3 * 1024 * 1024,
	DURATION_TEXT_MAX = 32,
	DURATION_TEXT_MIN = 3,
	TIME_TEXT_MAX = 32,
	TIME_TEXT_MIN = 21,
	DATE_TEXT = 12,
	STRING_TEXT_MIN = 2,
	BOOL_TEXT_MIN = 4,
	NUMBER_TEXT_MIN = 1,
	NESTING_MAX = 100,
};

/* ---- names ---- */

static bool is_keyword(struct str name)
{
	static const char *const words[] = {"true", "false", "null", "in", "as", "break", "const",
		"continue", "else", "for", "function", "if", "import", "let", "loop", "package",
		"namespace", "return", "var", "void", "while"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq_text(name, words[i]))
			return true;
	return false;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

bool cel_escape_name(struct arena *a, struct str name, struct str *escaped)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(name.len * 15 + 16);

	if (!name.len || (name.at[0] >= '0' && name.at[0] <= '9'))
		return false;
	if (is_keyword(name)) {
		*escaped = arena_print(a, "__%.*s__", STRF(name));
		return true;
	}
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		if (c == '_' && i + 1 < name.len && name.at[i + 1] == '_') {
			buf_add_text(&out, "__underscores__");
			i++;
		} else if (is_plain(c))
			buf_add_char(&out, c);
		else if (c == '.')
			buf_add_text(&out, "__dot__");
		else if (c == '-')
			buf_add_text(&out, "__dash__");
		else if (c == '/')
			buf_add_text(&out, "__slash__");
		else
			return false;
	}
	*escaped = arena_str(a, buf_str(&out));
	return true;
}

/* ---- structural schemas ---- */

struct maker {
	struct cel_env *env;
	int depth;
};

static const struct cel_type *make(
	struct maker *m, const struct cJSON *schema, struct str name, bool resource);

static const struct cel_type *sized(
	struct maker *m, const struct cel_type *like, uint64_t max_size, uint64_t min_text)
{
	struct cel_type *t = arena_copy(&m->env->arena, like, sizeof(*like));

	t->max_size = max_size;
	t->min_text = min_text;
	return t;
}

/* The limit that the schema states, or else the one that follows from the size of requests. */
static uint64_t limit(const struct cJSON *schema, struct str name, uint64_t otherwise)
{
	int64_t stated;

	if (!json_int(json_get(schema, name), &stated))
		return otherwise;
	return stated < 0 ? 0 : (uint64_t)stated;
}

static uint64_t longest_choice(const struct cJSON *choices)
{
	uint64_t longest = 0;

	json_each (choice, choices) {
		uint64_t length = json_str(choice).len;
		if (length > longest)
			longest = length;
	}
	return longest;
}

static const struct cel_type *make_string(struct maker *m, const struct cJSON *schema)
{
	struct str format = json_str(json_get(schema, STR("format")));
	const struct cJSON *choices = json_get(schema, STR("enum"));
	uint64_t untold = REQUEST_MAX - 2;

	if (str_eq_text(format, "byte"))
		return sized(
			m, &cel_bytes, limit(schema, STR("maxLength"), untold), STRING_TEXT_MIN);
	if (str_eq_text(format, "duration"))
		return sized(m, &cel_duration, DURATION_TEXT_MAX, DURATION_TEXT_MIN);
	if (str_eq_text(format, "date"))
		return sized(m, &cel_timestamp, DATE_TEXT, DATE_TEXT);
	if (str_eq_text(format, "date-time"))
		return sized(m, &cel_timestamp, TIME_TEXT_MAX, TIME_TEXT_MIN);
	if (json_count(choices))
		untold = longest_choice(choices);
	/* Characters are told, and bytes are what requests are made of. */
	if (json_get(schema, STR("maxLength")))
		untold = 4 * limit(schema, STR("maxLength"), untold);
	return sized(m, &cel_string, untold, STRING_TEXT_MIN);
}

static void list_rules(struct maker *m, struct cel_type *t, const struct cJSON *schema)
{
	struct str type = json_str(json_get(schema, STR("x-kubernetes-list-type")));
	const struct cJSON *keys = json_get(schema, STR("x-kubernetes-list-map-keys"));
	size_t n = 0;

	if (str_eq_text(type, "set"))
		t->list_rule = CEL_LIST_SET;
	if (!str_eq_text(type, "map") || !json_count(keys))
		return;
	t->list_rule = CEL_LIST_KEYED;
	t->keys = arena_new(&m->env->arena, json_count(keys) * sizeof(*t->keys));
	json_each (key, keys)
		t->keys[n++] = arena_str(&m->env->arena, json_str(key));
	t->key_count = n;
}

static bool is_embedded(const struct cJSON *schema)
{
	return json_bool(json_get(schema, STR("x-kubernetes-embedded-resource")));
}

static const struct cel_type *make_list(
	struct maker *m, const struct cJSON *schema, struct str name)
{
	const struct cJSON *items = json_get(schema, STR("items"));
	const struct cel_type *item;
	struct cel_type *t;

	if (!json_is(items, JSON_OBJECT))
		return NULL;
	item = make(
		m, items, arena_print(&m->env->arena, "%.*s.@idx", STRF(name)), is_embedded(items));
	if (!item)
		return NULL;
	t = (struct cel_type *)(uintptr_t)cel_type_list(m->env, item);
	t->max_size = limit(schema, STR("maxItems"), (REQUEST_MAX - 2) / (item->min_text + 1));
	t->min_text = 2;
	list_rules(m, t, schema);
	return t;
}

static const struct cel_type *make_map(
	struct maker *m, const struct cJSON *schema, const struct cJSON *values, struct str name)
{
	const struct cel_type *value = make(m, values,
		arena_print(&m->env->arena, "%.*s.@prop", STRF(name)), is_embedded(values));
	struct cel_type *t;

	if (!value)
		return NULL;
	t = (struct cel_type *)(uintptr_t)cel_type_map(
		m->env, sized(m, &cel_string, 0, STRING_TEXT_MIN), value);
	t->max_size =
		limit(schema, STR("maxProperties"), (REQUEST_MAX - 2) / (value->min_text + 6));
	t->min_text = 2;
	return t;
}

static bool is_required(const struct cJSON *schema, struct str name)
{
	json_each (required, json_get(schema, STR("required")))
		if (str_eq(json_str(required), name))
			return true;
	return false;
}

static void add_property(
	struct maker *m, struct cel_type *object, struct str name, const struct cel_type *type)
{
	struct str escaped;

	if (cel_escape_name(&m->env->arena, name, &escaped))
		type_add_field(object, escaped, name, type);
}

/* What every whole object has, whatever its schema says of it. */
static void add_resource_fields(struct maker *m, struct cel_type *object)
{
	const struct cel_type *text = sized(m, &cel_string, REQUEST_MAX - 2, STRING_TEXT_MIN);
	struct cel_type *meta = cel_type_record(
		m->env, arena_print(&m->env->arena, "%.*s.metadata", STRF(object->name)));

	meta->max_size = 0;
	meta->min_text = 2;
	type_add_field(meta, STR("name"), STR("name"), text);
	type_add_field(meta, STR("generateName"), STR("generateName"), text);
	type_add_field(object, STR("kind"), STR("kind"), text);
	type_add_field(object, STR("apiVersion"), STR("apiVersion"), text);
	type_add_field(object, STR("metadata"), STR("metadata"), meta);
}

static bool is_resource_field(struct str name)
{
	return str_eq_text(name, "kind") || str_eq_text(name, "apiVersion") ||
	       str_eq_text(name, "metadata");
}

static const struct cel_type *make_object(
	struct maker *m, const struct cJSON *schema, struct str name, bool resource)
{
	struct cel_type *t = cel_type_record(m->env, name);

	t->max_size = 0;
	t->min_text = 2;
	json_each (property, json_get(schema, STR("properties"))) {
		struct str key = json_key(property);
		const struct cel_type *type;
		if (resource && is_resource_field(key))
			continue;
		type = make(m, property,
			arena_print(&m->env->arena, "%.*s.%.*s", STRF(name), STRF(key)),
			is_embedded(property));
		if (!type)
			continue;
		add_property(m, t, key, type);
		if (is_required(schema, key) && !json_get(property, STR("default")))
			t->min_text += key.len + type->min_text + 4;
	}
	if (resource)
		add_resource_fields(m, t);
	return t;
}

static const struct cel_type *make_typed(
	struct maker *m, const struct cJSON *schema, struct str name, bool resource)
{
	struct str type = json_str(json_get(schema, STR("type")));
	const struct cJSON *values = json_get(schema, STR("additionalProperties"));

	if (resource)
		return make_object(m, schema, name, true);
	if (str_eq_text(type, "array"))
		return make_list(m, schema, name);
	if (str_eq_text(type, "object"))
		return json_is(values, JSON_OBJECT) ? make_map(m, schema, values, name)
						    : make_object(m, schema, name, false);
	if (str_eq_text(type, "string"))
		return make_string(m, schema);
	if (str_eq_text(type, "boolean"))
		return sized(m, &cel_bool, 0, BOOL_TEXT_MIN);
	if (str_eq_text(type, "number"))
		return sized(m, &cel_double, 0, NUMBER_TEXT_MIN);
	if (str_eq_text(type, "integer"))
		return sized(m, &cel_int, 0, NUMBER_TEXT_MIN);
	return NULL;
}

static const struct cel_type *make(
	struct maker *m, const struct cJSON *schema, struct str name, bool resource)
{
	const struct cel_type *t;

	if (!json_is(schema, JSON_OBJECT) || m->depth >= NESTING_MAX)
		return NULL;
	if (json_bool(json_get(schema, STR("x-kubernetes-int-or-string"))))
		return sized(m, &cel_dyn, REQUEST_MAX - 2, 1);
	m->depth++;
	t = make_typed(m, schema, name, resource);
	m->depth--;
	return t;
}

const struct cel_type *cel_type_of_schema(
	struct cel_env *env, const struct cJSON *schema, bool resource)
{
	struct maker m = {.env = env};

	return make(&m, schema, STR("selfType"), resource);
}
