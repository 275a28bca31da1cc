/*
 * Decoding: one walk in the order of the document checks types, drops what is null or unknown,
 * and puts the members into the schema's order. Go's rules where they can be seen: the first
 * error wins, null is nothing, null elements and map values are zero values.
 */
#include "codec_parts.h"

#include <kube/custom.h>

/* How deep in the document we are, for error messages and notes. */
struct place {
	const struct place *up;
	struct str name;         /* field or key; empty: an element */
	int64_t index;           /* of an element */
	const struct schema *in; /* the struct the name is a field of; NULL below maps and lists */
};

struct decoder {
	struct arena *arena;
	struct decode_notes *notes;
	struct err *err;
};

static int decode_object(struct decoder *d, const struct place *at, const struct schema *s,
	const struct cJSON *in, struct cJSON **out);

/* ---- messages ---- */

void decode_note(struct decode_notes *notes, struct str text)
{
	ARENA_ROOM(notes->arena, notes->items, notes->count, notes->cap, 8);
	notes->items[notes->count++] = text;
}

/* "spec.containers[0].name" for notes; without indexes and keys for Go's type errors. */
static void place_print(struct buf *out, const struct place *p, bool whole)
{
	if (!p)
		return;
	place_print(out, p->up, whole);
	if (p->name.len && (whole || p->in)) {
		if (out->len)
			buf_add_char(out, '.');
		buf_add_str(out, p->name);
	} else if (!p->name.len && whole) {
		buf_print(out, "[%lld]", (long long)p->index);
	}
}

static int mismatch(
	struct decoder *d, const struct place *at, const struct cJSON *in, struct str type)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(4 * KIB);
	const struct place *field = at;
	struct str got = str_from(json_type_name(json_type(in)));
	bool whole_number = str_eq_text(type, "int32") || str_eq_text(type, "int64");

	if (json_is(in, JSON_NUMBER) && whole_number)
		got = arena_print(d->arena, "number %.*s", STRF(json_number_text(d->arena, in)));
	while (field && !field->in)
		field = field->up;
	if (!field)
		return err_set(d->err, ERR_BAD_REQUEST,
			"json: cannot unmarshal %.*s into Go value of type %.*s", STRF(got),
			STRF(type));
	place_print(&path, at, false);
	return err_set(d->err, ERR_BAD_REQUEST,
		"json: cannot unmarshal %.*s into Go struct field %.*s.%.*s of type %.*s",
		STRF(got), STRF(field->in->name), STRF(buf_str(&path)), STRF(type));
}

static void note_unknown(struct decoder *d, const struct place *at)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(4 * KIB);

	if (!d->notes)
		return;
	place_print(&path, at, true);
	decode_note(
		d->notes, arena_print(d->arena, "unknown field \"%.*s\"", STRF(buf_str(&path))));
}

/* ---- one value ---- */

/* Go's name of the type of one element, or of the whole field. */
static struct str element_type(struct decoder *d, const struct schema_field *f)
{
	struct str whole = schema_go_type(d->arena, f);
	ssize_t end;

	switch (f->shape) {
	case SHAPE_LIST:
		return str_skip(whole, 2); /* [] */
	case SHAPE_MAP:
		end = str_find_char(whole, ']');
		if (f->kind == KIND_BYTES)
			return STR("[]uint8");
		return end < 0 ? whole : str_skip(whole, (size_t)end + 1);
	default:
		return whole;
	}
}

/* What custom readers of Go complain about when they meet something else. */
static struct str scalar_type(struct decoder *d, const struct schema_field *f)
{
	switch (f->kind) {
	case KIND_TIME:
	case KIND_MICRO_TIME:
	case KIND_DURATION:
		return STR("string");
	case KIND_INT_OR_STRING:
		return STR("int32");
	default:
		return element_type(d, f);
	}
}

static int decode_union(struct decoder *d, const struct place *at, const struct schema_field *f,
	const struct cJSON *in, struct cJSON **out)
{
	const struct schema *s = SCHEMA(apiextensions_v1, JSONSchemaProps);

	if (json_is(in, JSON_OBJECT))
		return decode_object(d, at, s, in, out);
	if (f->kind == KIND_SCHEMA_OR_ARRAY && json_is(in, JSON_ARRAY)) {
		struct cJSON *list = json_new(d->arena, JSON_ARRAY), *item;
		int64_t i = 0;

		json_each (one, in) {
			struct place here = {.up = at, .index = i++};
			int code = decode_object(d, &here, s, one, &item);

			if (code)
				return code;
			json_append(list, item);
		}
		*out = list;
		return 0;
	}
	*out = json_copy(d->arena, in);
	return 0;
}

/* One value that is not null, without the field's shape. */
static int decode_one(struct decoder *d, const struct place *at, const struct schema_field *f,
	const struct cJSON *in, struct cJSON **out)
{
	switch (f->kind) {
	case KIND_OBJECT:
		if (!json_is(in, JSON_OBJECT))
			return mismatch(d, at, in, element_type(d, f));
		return decode_object(d, at, f->of, in, out);
	case KIND_SCHEMA_OR_ARRAY:
	case KIND_SCHEMA_OR_BOOL:
	case KIND_SCHEMA_OR_STRINGS:
		return decode_union(d, at, f, in, out);
	default:
		if (!codec_scalar_accepts(f, in))
			return mismatch(d, at, in, scalar_type(d, f));
		return codec_scalar(d->arena, f, in, out, d->err);
	}
}

/* Elements and map values: what a null stands for. */
static struct cJSON *element_zero(struct decoder *d, const struct schema_field *f)
{
	struct schema_field one = *f;

	one.shape = SHAPE_ONE;
	one.flags &= (uint8_t)~FIELD_POINTER;
	return codec_zero(d->arena, &one);
}

static int decode_list(struct decoder *d, const struct place *at, const struct schema_field *f,
	const struct cJSON *in, struct cJSON **out)
{
	struct cJSON *list = json_new(d->arena, JSON_ARRAY), *value;
	int64_t i = 0;

	if (!json_is(in, JSON_ARRAY))
		return mismatch(d, at, in, schema_go_type(d->arena, f));
	json_each (item, in) {
		struct place here = {.up = at, .index = i++};

		if (json_type(item) == JSON_NULL) {
			value = element_zero(d, f);
		} else {
			int code = decode_one(d, &here, f, item, &value);

			if (code)
				return code;
		}
		json_append(list, value);
	}
	*out = list;
	return 0;
}

static int decode_map(struct decoder *d, const struct place *at, const struct schema_field *f,
	const struct cJSON *in, struct cJSON **out)
{
	struct cJSON *map = json_new(d->arena, JSON_OBJECT), *value;
	struct schema_field list = *f;

	list.shape = SHAPE_LIST;
	if (!json_is(in, JSON_OBJECT))
		return mismatch(d, at, in, schema_go_type(d->arena, f));
	json_each (item, in) {
		struct place here = {.up = at, .name = json_key(item)};
		int code = 0;

		if (json_type(item) == JSON_NULL)
			value = f->shape == SHAPE_MAP_OF_LISTS ? json_new(d->arena, JSON_NULL)
							       : element_zero(d, f);
		else if (f->shape == SHAPE_MAP_OF_LISTS)
			code = decode_list(d, &here, &list, item, &value);
		else
			code = decode_one(d, &here, f, item, &value);
		if (code)
			return code;
		json_add_borrowed(map, json_key(item), value);
	}
	codec_sort_map(d->arena, map);
	*out = map;
	return 0;
}

static int decode_field(struct decoder *d, const struct place *at, const struct schema_field *f,
	const struct cJSON *in, struct cJSON **out)
{
	switch (f->shape) {
	case SHAPE_LIST:
		return decode_list(d, at, f, in, out);
	case SHAPE_MAP:
	case SHAPE_MAP_OF_LISTS:
		return decode_map(d, at, f, in, out);
	default:
		return decode_one(d, at, f, in, out);
	}
}

/* ---- objects ---- */

static int decode_object(struct decoder *d, const struct place *at, const struct schema *s,
	const struct cJSON *in, struct cJSON **out)
{
	struct cJSON *on_stack[CODEC_FIELDS];
	struct cJSON **members = on_stack;
	int last = -1;

	if (s->field_count > CODEC_FIELDS)
		members = arena_alloc(d->arena, s->field_count * sizeof(*members));
	memset(members, 0, s->field_count * sizeof(*members));
	json_each (item, in) {
		struct place here = {.up = at, .name = json_key(item), .in = s};
		int i = codec_field_index(s, json_key(item), last);

		if (i < 0) {
			note_unknown(d, &here);
			continue;
		}
		last = i;
		if (json_type(item) == JSON_NULL)
			continue;
		int code = decode_field(d, &here, &s->fields[i], item, &members[i]);
		if (code)
			return code;
	}
	*out = codec_assemble(d->arena, s, members);
	return 0;
}

int api_decode(struct arena *a, const struct schema *s, const struct cJSON *in,
	struct decode_notes *notes, struct cJSON **out, struct err *err)
{
	struct decoder d = {.arena = a, .notes = notes, .err = err};
	struct cJSON *empty = json_new(a, JSON_OBJECT);

	if (s->custom)
		return custom_type_decode(s->custom, a, in, notes, out, err);
	if (json_type(in) == JSON_NULL)
		in = empty;
	if (!json_is(in, JSON_OBJECT))
		return mismatch(&d, NULL, in, arena_print(a, "%s.%.*s", s->go, STRF(s->name)));
	return decode_object(&d, NULL, s, in, out);
}
