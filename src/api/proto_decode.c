/* Protobuf to trees. Numbers that are not known are skipped, as protobuf wants it. */
#include "codec_parts.h"
#include "proto.h"

#include <kube/codec.h>
#include <kube/time.h>

#define DEPTH_MAX 100

struct reader {
	struct arena *arena;
	struct err *err;
	int depth;
};

static int decode_message(
	struct reader *r, const struct schema *s, struct str bytes, struct cJSON **out);

static int malformed(struct reader *r)
{
	return err_set(r->err, ERR_BAD_REQUEST, "proto: illegal message");
}

/* ---- special messages ---- */

static int decode_time(struct reader *r, struct str bytes, bool micro, struct cJSON **out)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct proto_item item;
	int64_t seconds = 0, nanos = 0;
	bool bad = false, any = false;

	while (proto_next(&bytes, &item, &bad)) {
		any = true;
		if (item.number == 1)
			seconds = (int64_t)item.value;
		else if (item.number == 2)
			nanos = (int32_t)item.value;
	}
	if (bad)
		return malformed(r);
	*out = json_new(r->arena, JSON_NULL);
	if (!any)
		return 0;
	if (seconds > INT64_MAX / SEC || seconds < INT64_MIN / SEC)
		return malformed(r);
	if (micro)
		time_print_micro(&text, seconds * SEC + nanos);
	else
		time_print(&text, seconds * SEC);
	*out = json_new_str(r->arena, buf_str(&text));
	return 0;
}

static int decode_int_or_string(struct reader *r, struct str bytes, struct cJSON **out)
{
	struct proto_item item;
	struct str text = {0};
	int64_t type = 0, number = 0;
	bool bad = false;

	while (proto_next(&bytes, &item, &bad)) {
		if (item.number == 1)
			type = (int64_t)item.value;
		else if (item.number == 2)
			number = (int32_t)item.value;
		else if (item.number == 3)
			text = item.bytes;
	}
	if (bad)
		return malformed(r);
	*out = type == 1 ? json_new_str(r->arena, text) : json_new_int(r->arena, number);
	return 0;
}

/* The first bytes field, or an empty string. */
static int decode_inner(struct reader *r, struct str bytes, struct str *inner, bool *found)
{
	struct proto_item item;
	bool bad = false;

	*inner = (struct str){0};
	*found = false;
	while (proto_next(&bytes, &item, &bad))
		if (item.number == 1 && item.wire == WIRE_BYTES) {
			*inner = item.bytes;
			*found = true;
		}
	return bad ? malformed(r) : 0;
}

static int decode_raw(struct reader *r, struct str bytes, struct cJSON **out)
{
	struct str text;
	bool found;
	int code = decode_inner(r, bytes, &text, &found);

	*out = json_new(r->arena, JSON_NULL);
	if (code || !found || !text.len)
		return code;
	if (json_parse(r->arena, text, NULL, out, r->err))
		return ERR_BAD_REQUEST;
	return 0;
}

static int decode_quantity(
	struct reader *r, const struct schema_field *f, struct str bytes, struct cJSON **out)
{
	struct str text;
	bool found;
	int code = decode_inner(r, bytes, &text, &found);

	if (code)
		return code;
	*out = json_new_str(r->arena, found && text.len ? text : STR("0"));
	return codec_scalar(r->arena, f, *out, out, r->err);
}

static int decode_duration(struct reader *r, struct str bytes, struct cJSON **out)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct proto_item item;
	int64_t ns = 0;
	bool bad = false;

	while (proto_next(&bytes, &item, &bad))
		if (item.number == 1)
			ns = (int64_t)item.value;
	if (bad)
		return malformed(r);
	duration_print(&text, ns);
	*out = json_new_str(r->arena, buf_str(&text));
	return 0;
}

static int decode_union(
	struct reader *r, const struct schema_field *f, struct str bytes, struct cJSON **out)
{
	const struct schema *s = codec_field_schema(f);
	struct cJSON *list = json_new(r->arena, JSON_ARRAY), *one;
	struct proto_item item;
	bool bad = false;
	uint32_t schema_at = f->kind == KIND_SCHEMA_OR_BOOL ? 2 : 1;

	*out = list;
	while (proto_next(&bytes, &item, &bad)) {
		if (item.wire == WIRE_VARINT) {
			*out = json_new_bool(r->arena, item.value != 0);
		} else if (item.number == schema_at) {
			int code = decode_message(r, s, item.bytes, out);

			if (code)
				return code;
		} else if (f->kind == KIND_SCHEMA_OR_STRINGS) {
			json_append(list, json_new_str(r->arena, item.bytes));
		} else {
			int code = decode_message(r, s, item.bytes, &one);

			if (code)
				return code;
			json_append(list, one);
		}
	}
	return bad ? malformed(r) : 0;
}

/* ---- one value ---- */

static int decode_bytes(struct reader *r, const struct schema_field *f,
	const struct proto_item *item, struct cJSON **out)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(PROTO_MAX);

	switch (f->kind) {
	case KIND_STRING:
		*out = json_new_str(r->arena, item->bytes);
		return 0;
	case KIND_BYTES:
		base64_encode(&text, item->bytes);
		*out = json_new_str(r->arena, buf_str(&text));
		return 0;
	case KIND_TIME:
	case KIND_MICRO_TIME:
		return decode_time(r, item->bytes, f->kind == KIND_MICRO_TIME, out);
	case KIND_DURATION:
		return decode_duration(r, item->bytes, out);
	case KIND_QUANTITY:
		return decode_quantity(r, f, item->bytes, out);
	case KIND_INT_OR_STRING:
		return decode_int_or_string(r, item->bytes, out);
	case KIND_RAW:
	case KIND_JSON:
	case KIND_FIELDS_V1:
		return decode_raw(r, item->bytes, out);
	case KIND_OBJECT:
		return decode_message(r, f->of, item->bytes, out);
	case KIND_SCHEMA_OR_ARRAY:
	case KIND_SCHEMA_OR_BOOL:
	case KIND_SCHEMA_OR_STRINGS:
		return decode_union(r, f, item->bytes, out);
	default:
		return malformed(r);
	}
}

static int decode_one(struct reader *r, const struct schema_field *f, const struct proto_item *item,
	struct cJSON **out)
{
	double number;

	if (item->wire == WIRE_BYTES)
		return decode_bytes(r, f, item, out);
	switch (f->kind) {
	case KIND_BOOL:
		*out = json_new_bool(r->arena, item->value != 0);
		return 0;
	case KIND_INT32:
		*out = json_new_int(r->arena, (int32_t)item->value);
		return 0;
	case KIND_INT64:
		*out = json_new_int(r->arena, (int64_t)item->value);
		return 0;
	case KIND_DOUBLE:
		if (item->wire != WIRE_FIXED64)
			return malformed(r);
		memcpy(&number, &item->value, sizeof(number));
		if (number - number != 0) /* infinity, not a number: JSON has no word for them */
			return malformed(r);
		*out = json_new_double(r->arena, number);
		return 0;
	default:
		return malformed(r);
	}
}

/* ---- shapes ---- */

/* Packed numbers come as bytes. */
static int decode_packed(
	struct reader *r, const struct schema_field *f, struct str bytes, struct cJSON *list)
{
	struct proto_item item = {.wire = WIRE_VARINT};
	struct cJSON *one;

	while (bytes.len) {
		if (!proto_take_varint(&bytes, &item.value) || decode_one(r, f, &item, &one))
			return malformed(r);
		json_append(list, one);
	}
	return 0;
}

static bool is_number(const struct schema_field *f)
{
	return f->kind == KIND_INT32 || f->kind == KIND_INT64 || f->kind == KIND_BOOL;
}

static int add_element(struct reader *r, const struct schema_field *f,
	const struct proto_item *item, struct cJSON *list)
{
	struct cJSON *one;

	if (item->wire == WIRE_BYTES && is_number(f))
		return decode_packed(r, f, item->bytes, list);
	int code = decode_one(r, f, item, &one);
	if (!code)
		json_append(list, one);
	return code;
}

static int add_entry(
	struct reader *r, const struct schema_field *f, struct str bytes, struct cJSON *map)
{
	struct schema_field one = *f;
	struct proto_item item;
	struct str key = {0};
	struct cJSON *value = NULL;
	bool bad = false;
	int code = 0;

	one.shape = SHAPE_ONE;
	one.flags &= (uint8_t)~FIELD_POINTER;
	while (!code && proto_next(&bytes, &item, &bad)) {
		if (item.number == 1 && item.wire == WIRE_BYTES) {
			key = item.bytes;
		} else if (item.number == 2 && f->shape == SHAPE_MAP_OF_LISTS) {
			struct proto_item inner;

			value = json_new(r->arena, JSON_ARRAY);
			while (!code && proto_next(&item.bytes, &inner, &bad))
				code = add_element(r, f, &inner, value);
		} else if (item.number == 2) {
			code = decode_one(r, f, &item, &value);
		}
	}
	if (code || bad)
		return code ? code : malformed(r);
	if (!value)
		value = codec_zero(r->arena, &one);
	json_set(r->arena, map, key, value);
	return 0;
}

static int add_field(struct reader *r, const struct schema_field *f, const struct proto_item *item,
	struct cJSON **member)
{
	switch (f->shape) {
	case SHAPE_ONE:
		return decode_one(r, f, item, member);
	case SHAPE_LIST:
		if (!*member)
			*member = json_new(r->arena, JSON_ARRAY);
		return add_element(r, f, item, *member);
	default:
		if (!*member)
			*member = json_new(r->arena, JSON_OBJECT);
		return item->wire == WIRE_BYTES ? add_entry(r, f, item->bytes, *member)
						: malformed(r);
	}
}

/* ---- messages ---- */

/* The field of this path of numbers: 0 none, 1 found, 2 a message that JSON inlines. */
static int find_field(
	const struct schema *s, uint32_t path, const struct schema_field **field, size_t *index)
{
	int found = 0;

	for (size_t i = 0; i < s->field_count; i++) {
		uint32_t proto = s->fields[i].proto;

		if (proto == path) {
			*field = &s->fields[i];
			*index = i;
			return 1;
		}
		if (proto >> 8 == path || proto >> 16 == path)
			found = proto && path ? 2 : found;
	}
	return found;
}

static int decode_level(struct reader *r, const struct schema *s, uint32_t path, struct str bytes,
	struct cJSON **members)
{
	struct proto_item item;
	bool bad = false;

	while (proto_next(&bytes, &item, &bad)) {
		const struct schema_field *f = NULL;
		uint32_t here = path << 8 | (item.number & 0xff);
		size_t index = 0;
		int code = 0;

		if (item.number > 0xff)
			continue;
		switch (find_field(s, here, &f, &index)) {
		case 1:
			code = add_field(r, f, &item, &members[index]);
			break;
		case 2:
			if (item.wire == WIRE_BYTES)
				code = decode_level(r, s, here, item.bytes, members);
			break;
		}
		if (code)
			return code;
	}
	return bad ? malformed(r) : 0;
}

static int decode_message(
	struct reader *r, const struct schema *s, struct str bytes, struct cJSON **out)
{
	struct cJSON *members[CODEC_FIELDS] = {0};

	if (++r->depth > DEPTH_MAX)
		return malformed(r);
	int code = decode_level(r, s, 0, bytes, members);
	r->depth--;
	if (code)
		return code;
	for (size_t i = 0; i < s->field_count; i++)
		if (members[i] && s->fields[i].shape > SHAPE_LIST)
			codec_sort_map(r->arena, members[i]);
	*out = codec_assemble(r->arena, s, members);
	return 0;
}

int proto_decode(struct arena *a, const struct schema *s, struct str bytes, struct cJSON **out,
	struct err *err)
{
	struct reader r = {.arena = a, .err = err};

	return decode_message(&r, s, bytes, out);
}
