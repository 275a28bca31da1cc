/*
 * From what a client sent to the canonical form. Upstream keeps custom resources as maps: keys
 * print in byte order, whole numbers are int64, all others doubles.
 */
#include "codec_parts.h"
#include "type.h"

/* ---- the canonical form ---- */

static struct cJSON *sorted_number(struct arena *a, const struct cJSON *in)
{
	int64_t number;

	if (json_int(in, &number))
		return json_new_int(a, number);
	return json_new_double(a, json_double(in));
}

struct cJSON *custom_sorted(struct arena *a, const struct cJSON *in)
{
	enum json_type type = json_type(in);
	struct cJSON *out;

	if (type == JSON_NUMBER)
		return sorted_number(a, in);
	if (type != JSON_OBJECT && type != JSON_ARRAY)
		return json_share(a, in);
	out = json_new(a, type);
	json_each (item, in) {
		if (type == JSON_OBJECT)
			json_add(a, out, json_key(item), custom_sorted(a, item));
		else
			json_append(out, custom_sorted(a, item));
	}
	if (type == JSON_OBJECT)
		codec_sort_map(a, out);
	return out;
}

/* A null creationTimestamp is what Go prints of none. */
static struct cJSON *settle_meta(struct arena *a, struct cJSON *meta)
{
	struct cJSON *created = json_get(meta, STR("creationTimestamp"));

	if (json_is(created, JSON_NULL) && created)
		json_remove(meta, created);
	return custom_sorted(a, meta);
}

struct cJSON *custom_type_canonical(
	const struct custom_type *t, struct arena *a, const struct cJSON *in)
{
	struct cJSON *out = json_new(a, JSON_OBJECT);

	(void)t;
	json_each (member, in) {
		struct cJSON *value;

		if (str_eq_text(json_key(member), "metadata") && json_is(member, JSON_OBJECT))
			value = settle_meta(
				a, api_canonical(a, SCHEMA(meta_v1, ObjectMeta), member));
		else
			value = custom_sorted(a, member);
		json_add(a, out, json_key(member), value);
	}
	codec_sort_map(a, out);
	return out;
}

/* ---- metadata ---- */

int custom_meta_decode(struct arena *a, const struct cJSON *in, struct str prefix,
	struct decode_notes *notes, struct cJSON **out, struct err *err)
{
	static const struct str said = STR_INIT("unknown field \"");
	struct decode_notes found = {.arena = a};
	struct cJSON *meta;
	int code = api_decode(a, SCHEMA(meta_v1, ObjectMeta), custom_sorted(a, in),
		notes ? &found : NULL, &meta, err);

	if (code)
		return code;
	for (size_t i = 0; i < found.count; i++)
		decode_note(notes, arena_print(a, "unknown field \"%.*s.%.*s", STRF(prefix),
					   STRF(str_skip(found.items[i], said.len))));
	*out = settle_meta(a, meta);
	return 0;
}

/* ---- objects within the object ---- */

struct coercing {
	struct field_errors *errors;
	struct decode_notes *notes;
};

static bool coerce(
	struct coercing *c, const struct node *n, struct cJSON *value, const struct path *at);

static bool refuse(
	struct coercing *c, const struct path *at, const struct cJSON *value, const char *why)
{
	field_invalid(c->errors, at, value, "%s", why);
	return false;
}

static bool coerce_meta(struct coercing *c, struct cJSON *object, const struct path *at)
{
	_cleanup_(buf_done) struct buf prefix = BUF_INIT(64 * KIB);
	_cleanup_(err_done) struct err inner = {0};
	struct arena *a = c->errors->arena;
	struct cJSON *meta = json_get(object, STR("metadata")), *out;

	path_print(&prefix, at);
	if (custom_meta_decode(a, meta, buf_str(&prefix), c->notes, &out, &inner))
		return refuse(c, at, meta, err_text(&inner));
	json_set(a, object, STR("metadata"), out);
	return true;
}

static bool coerce_identity(struct coercing *c, struct cJSON *object, const struct path *at)
{
	static const char *const names[] = {"apiVersion", "kind"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct cJSON *value = json_get(object, str_from(names[i]));
		struct path here = PATH(at, names[i]);

		if (value && !json_is(value, JSON_STRING))
			return refuse(c, &here, value, "must be a string");
	}
	struct path here = PATH(at, "metadata");
	return !json_get(object, STR("metadata")) || coerce_meta(c, object, &here);
}

static bool coerce_members(
	struct coercing *c, const struct node *n, struct cJSON *object, const struct path *at)
{
	bool fine = !n->embedded || coerce_identity(c, object, at);

	for (struct cJSON *member = json_first(object); member && fine;
		member = json_next(member)) {
		struct node *p = node_property(n, json_key(member));
		struct path child = PATH(at, json_key(member).at);
		struct path key = PATH_KEY(at, json_key(member));

		if (p || n->rest)
			fine = coerce(c, p ? p : n->rest, member, p ? &child : &key);
	}
	return fine;
}

static bool coerce(
	struct coercing *c, const struct node *n, struct cJSON *value, const struct path *at)
{
	size_t i = 0;

	if (n && json_is(value, JSON_OBJECT))
		return coerce_members(c, n, value, at);
	if (n && n->items && json_is(value, JSON_ARRAY))
		json_each (item, value) {
			struct path here = PATH_INDEX(at, i++);

			if (!coerce(c, n->items, item, &here))
				return false;
		}
	return true;
}

void custom_coerce(struct field_errors *e, const struct path *at, const struct node *n,
	struct cJSON *value, struct decode_notes *notes)
{
	struct coercing c = {.errors = e, .notes = notes};

	coerce(&c, n, value, at);
}

/* ---- the whole ---- */

int custom_type_decode(const struct custom_type *t, struct arena *a, const struct cJSON *in,
	struct decode_notes *notes, struct cJSON **out, struct err *err)
{
	const struct cJSON *sent = json_get(in, STR("metadata"));
	struct cJSON *meta = NULL, *object = custom_sorted(a, in);
	struct field_errors wrong = {.arena = a};

	if (!json_is(in, JSON_OBJECT)) {
		if (!json_is(in, JSON_NULL))
			return err_set(err, ERR_BAD_REQUEST,
				"json: cannot unmarshal %s into Go value of type "
				"map[string]interface {}",
				json_type_name(json_type(in)));
		object = json_new(a, JSON_OBJECT);
	}
	if (sent && custom_meta_decode(a, sent, STR("metadata"), notes, &meta, err))
		return ERR_BAD_REQUEST;
	if (!t->preserves_all) {
		custom_prune(a, t->root, true, object, notes);
		custom_prune_nulls(t->root, object);
	}
	custom_coerce(&wrong, NULL, t->root, object, notes);
	if (wrong.count) {
		struct str text = field_errors_text(a, &wrong);

		return err_set(err, ERR_BAD_REQUEST, "%.*s", STRF(text));
	}
	if (meta)
		json_set(a, object, STR("metadata"), meta);
	*out = object;
	return 0;
}
