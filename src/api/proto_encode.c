/*
 * Protobuf as Go's generated code writes it: every field that is no pointer, zero or not, in the
 * order of numbers; maps in byte order of their keys; lengths known before they are written.
 */
#include "codec_parts.h"
#include "proto.h"

#include <kube/codec.h>
#include <kube/time.h>

/* ---- wire ---- */

static void add_int(struct buf *out, uint32_t number, int64_t value)
{
	proto_tag(out, number, WIRE_VARINT);
	proto_varint(out, (uint64_t)value);
}

static void add_double(struct buf *out, uint32_t number, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	proto_tag(out, number, WIRE_FIXED64);
	for (int i = 0; i < 8; i++)
		buf_add_char(out, (char)(bits >> (8 * i)));
}

/* ---- special messages ---- */

static void time_message(struct buf *m, struct str text)
{
	struct time_parts parts;
	int64_t wall;

	if (!text.len || time_parse_parts(text, &parts, NULL))
		return;
	int nanos = parts.nanosecond;
	parts.nanosecond = 0;
	wall = time_join(&parts);
	add_int(m, 1, wall / SEC);
	add_int(m, 2, nanos);
}

static void int_or_string_message(struct buf *m, const struct cJSON *value)
{
	int64_t number = 0;
	bool text = json_is(value, JSON_STRING);

	json_int(value, &number);
	add_int(m, 1, text ? 1 : 0);
	add_int(m, 2, number);
	proto_bytes(m, 3, json_str(value));
}

static void raw_message(struct buf *m, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(PROTO_MAX);

	json_print(&text, value, JSON_COMPACT);
	proto_bytes(m, 1, buf_str(&text));
}

/* JSONSchemaPropsOr…: the schema, or what stands instead of it. */
static void union_message(struct buf *m, const struct schema_field *f, const struct cJSON *value)
{
	const struct schema *s = codec_field_schema(f);
	_cleanup_(buf_done) struct buf inner = BUF_INIT(PROTO_MAX);

	if (f->kind == KIND_SCHEMA_OR_BOOL)
		add_int(m, 1, json_is(value, JSON_OBJECT) || json_bool(value));
	if (json_is(value, JSON_OBJECT)) {
		proto_encode(&inner, s, value);
		proto_bytes(m, f->kind == KIND_SCHEMA_OR_BOOL ? 2 : 1, buf_str(&inner));
		return;
	}
	json_each (item, value) {
		buf_clear(&inner);
		if (f->kind == KIND_SCHEMA_OR_STRINGS) {
			proto_bytes(m, 2, json_str(item));
			continue;
		}
		proto_encode(&inner, s, item);
		proto_bytes(m, 2, buf_str(&inner));
	}
}

static void message_of(struct buf *m, const struct schema_field *f, const struct cJSON *value)
{
	switch (f->kind) {
	case KIND_OBJECT:
		proto_encode(m, f->of, value);
		break;
	case KIND_TIME:
	case KIND_MICRO_TIME:
		time_message(m, json_str(value));
		break;
	case KIND_QUANTITY:
		proto_bytes(m, 1, json_str(value));
		break;
	case KIND_INT_OR_STRING:
		int_or_string_message(m, value);
		break;
	case KIND_RAW:
	case KIND_JSON:
	case KIND_FIELDS_V1:
		if (json_type(value) != JSON_NULL)
			raw_message(m, value);
		break;
	default:
		union_message(m, f, value);
	}
}

/* ---- one value ---- */

static void add_message(
	struct buf *out, uint32_t number, const struct schema_field *f, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf m = BUF_INIT(PROTO_MAX);

	if (f->kind == KIND_DURATION) {
		int64_t ns = 0;

		duration_parse(json_str(value), &ns, NULL);
		add_int(&m, 1, ns);
	} else {
		message_of(&m, f, value);
	}
	proto_bytes(out, number, buf_str(&m));
}

static void add_one(
	struct buf *out, uint32_t number, const struct schema_field *f, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf plain = BUF_INIT(PROTO_MAX);
	int64_t integer = 0;

	switch (f->kind) {
	case KIND_STRING:
		proto_bytes(out, number, json_str(value));
		break;
	case KIND_BOOL:
		add_int(out, number, json_bool(value));
		break;
	case KIND_INT32:
	case KIND_INT64:
		json_int(value, &integer);
		add_int(out, number, integer);
		break;
	case KIND_DOUBLE:
		add_double(out, number, json_double(value));
		break;
	case KIND_BYTES:
		base64_decode(&plain, json_str(value), NULL);
		proto_bytes(out, number, buf_str(&plain));
		break;
	default:
		add_message(out, number, f, value);
	}
}

static void add_entry(
	struct buf *out, uint32_t number, const struct schema_field *f, const struct cJSON *item)
{
	_cleanup_(buf_done) struct buf entry = BUF_INIT(PROTO_MAX), list = BUF_INIT(PROTO_MAX);

	proto_bytes(&entry, 1, json_key(item));
	if (f->shape == SHAPE_MAP_OF_LISTS) {
		json_each (value, item)
			add_one(&list, 1, f, value);
		proto_bytes(&entry, 2, buf_str(&list));
	} else {
		add_one(&entry, 2, f, item);
	}
	proto_bytes(out, number, buf_str(&entry));
}

/* Pointers and byte slices are left out when they are nil; everything else is written. */
static bool left_out(const struct schema_field *f, const struct cJSON *value)
{
	bool nil = json_type(value) == JSON_NULL;

	if (f->shape != SHAPE_ONE)
		return nil;
	return nil && ((f->flags & FIELD_POINTER) || f->kind == KIND_BYTES);
}

static void add_field(
	struct buf *out, uint32_t number, const struct schema_field *f, const struct cJSON *value)
{
	if (left_out(f, value))
		return;
	switch (f->shape) {
	case SHAPE_ONE:
		add_one(out, number, f, value);
		break;
	case SHAPE_LIST:
		json_each (item, value)
			add_one(out, number, f, item);
		break;
	default:
		json_each (item, value)
			add_entry(out, number, f, item);
	}
}

/* ---- messages ---- */

static uint32_t outer(uint32_t proto)
{
	while (proto >> 8)
		proto >>= 8;
	return proto;
}

static uint32_t inner(uint32_t proto)
{
	if (!(proto >> 8))
		return 0;
	return proto >> 16 ? proto & 0xffff : proto & 0xff;
}

static const struct cJSON *member(const struct cJSON *object, const struct schema_field *f)
{
	return json_get(object, f->name);
}

/* Fields whose path begins with `prefix` numbers, by their next number. */
static void encode_level(
	struct buf *out, const struct schema *s, const struct cJSON *object, const uint32_t *protos)
{
	uint32_t last = 0;

	for (;;) {
		uint32_t next = UINT32_MAX;

		for (size_t i = 0; i < s->field_count; i++)
			if (protos[i] && outer(protos[i]) > last && outer(protos[i]) < next)
				next = outer(protos[i]);
		if (next == UINT32_MAX)
			return;
		last = next;
		uint32_t deeper[CODEC_FIELDS] = {0};
		bool nested = false;
		for (size_t i = 0; i < s->field_count; i++) {
			if (!protos[i] || outer(protos[i]) != next)
				continue;
			if (inner(protos[i])) {
				deeper[i] = inner(protos[i]);
				nested = true;
			} else {
				add_field(out, next, &s->fields[i], member(object, &s->fields[i]));
			}
		}
		if (!nested)
			continue;
		_cleanup_(buf_done) struct buf m = BUF_INIT(PROTO_MAX);
		encode_level(&m, s, object, deeper);
		proto_bytes(out, next, buf_str(&m));
	}
}

void proto_encode(struct buf *out, const struct schema *s, const struct cJSON *object)
{
	uint32_t protos[CODEC_FIELDS];

	assert(s->field_count <= CODEC_FIELDS);
	for (size_t i = 0; i < s->field_count; i++)
		protos[i] = s->fields[i].proto;
	encode_level(out, s, object, protos);
}

/* ---- the envelope ---- */

static const struct str magic = STR_INIT("k8s\0");

void proto_wrap(struct buf *out, struct str api_version, struct str kind, struct str message)
{
	_cleanup_(buf_done) struct buf meta = BUF_INIT(4 * KIB);

	proto_bytes(&meta, 1, api_version);
	proto_bytes(&meta, 2, kind);
	buf_add_str(out, magic);
	proto_bytes(out, 1, buf_str(&meta));
	proto_bytes(out, 2, message);
	proto_bytes(out, 3, STR(""));
	proto_bytes(out, 4, STR(""));
}

bool proto_is_wrapped(struct str bytes)
{
	return str_starts(bytes, magic);
}
