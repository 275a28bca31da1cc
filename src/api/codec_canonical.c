/* The canonical form of trees that our own code made or changed. */
#include "codec_parts.h"

#include <kube/custom.h>

/* `sent`: empty lists that Go prints, and what is marked, stay as the client wrote them. */
static struct cJSON *canonical_object(
	struct arena *a, const struct schema *s, const struct cJSON *in, bool sent);

static struct cJSON *canonical_one(
	struct arena *a, const struct schema_field *f, const struct cJSON *in, bool sent)
{
	const struct schema *s = codec_field_schema(f);
	struct cJSON *out = NULL;

	if (s && json_is(in, JSON_OBJECT))
		return canonical_object(a, s, in, sent);
	if (s && json_is(in, JSON_ARRAY)) { /* the unions of CRD schemas */
		out = json_new(a, JSON_ARRAY);
		json_each (item, in)
			json_append(out, json_is(item, JSON_OBJECT)
						 ? canonical_object(a, s, item, sent)
						 : json_share(a, item));
		return out;
	}
	if (json_type(in) == JSON_NULL)
		return json_new(a, JSON_NULL);
	if (s || codec_scalar(a, f, in, &out, NULL))
		out = json_copy(a, in);
	return out;
}

static struct cJSON *canonical_list(
	struct arena *a, const struct schema_field *f, const struct cJSON *in, bool sent)
{
	struct cJSON *out = json_new(a, JSON_ARRAY);

	json_each (item, in)
		json_append(out, canonical_one(a, f, item, sent));
	return out;
}

static struct cJSON *canonical_field(
	struct arena *a, const struct schema_field *f, const struct cJSON *in, bool sent)
{
	if (json_type(in) == JSON_NULL)
		return json_new(a, JSON_NULL);
	if (f->shape == SHAPE_ONE)
		return canonical_one(a, f, in, sent);
	if (f->shape == SHAPE_LIST)
		return canonical_list(a, f, in, sent);
	struct cJSON *out = json_new(a, JSON_OBJECT);
	json_each (item, in) {
		struct cJSON *value;

		if (json_type(item) == JSON_NULL)
			value = json_new(a, JSON_NULL);
		else if (f->shape == SHAPE_MAP_OF_LISTS)
			value = canonical_list(a, f, item, sent);
		else
			value = canonical_one(a, f, item, sent);
		json_add_borrowed(out, json_key(item), value);
	}
	codec_sort_map(a, out);
	return out;
}

/* Protobuf, which upstream stores, knows no empty lists and maps: they are as if not there. */
static bool is_empty(const struct schema_field *f, const struct cJSON *value, bool sent)
{
	if (sent &&
		((f->shape == SHAPE_LIST && (f->flags & FIELD_KEEP)) || (f->flags & FIELD_POINTER)))
		return false;
	return f->shape != SHAPE_ONE && !json_count(value);
}

static struct cJSON *canonical_object(
	struct arena *a, const struct schema *s, const struct cJSON *in, bool sent)
{
	struct cJSON *on_stack[CODEC_FIELDS];
	struct cJSON **members = on_stack;
	int last = -1;

	if (s->field_count > CODEC_FIELDS)
		members = arena_alloc(a, s->field_count * sizeof(*members));
	memset(members, 0, s->field_count * sizeof(*members));
	json_each (item, in) {
		int i = codec_field_index(s, json_key(item), last);

		assert(i >= 0);
		last = i;
		if (json_type(item) != JSON_NULL && !is_empty(&s->fields[i], item, sent))
			members[i] = canonical_field(a, &s->fields[i], item, sent);
	}
	return codec_assemble(a, s, members);
}

struct cJSON *api_canonical(struct arena *a, const struct schema *s, const struct cJSON *in)
{
	return s->custom ? custom_type_canonical(s->custom, a, in)
			 : canonical_object(a, s, in, false);
}

struct cJSON *api_canonical_sent(struct arena *a, const struct schema *s, const struct cJSON *in)
{
	return s->custom ? custom_type_canonical(s->custom, a, in)
			 : canonical_object(a, s, in, true);
}
