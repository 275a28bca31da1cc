/* Protobuf's wire: numbers, tags, and what stands around a whole object. */
#include "codec_parts.h"
#include "proto.h"

void proto_varint(struct buf *out, uint64_t v)
{
	while (v >= 0x80) {
		buf_add_char(out, (char)(v | 0x80));
		v >>= 7;
	}
	buf_add_char(out, (char)v);
}

void proto_tag(struct buf *out, uint32_t number, int wire)
{
	proto_varint(out, (uint64_t)number << 3 | (unsigned)wire);
}

void proto_bytes(struct buf *out, uint32_t number, struct str bytes)
{
	proto_tag(out, number, WIRE_BYTES);
	proto_varint(out, bytes.len);
	buf_add_str(out, bytes);
}

bool proto_take_varint(struct str *rest, uint64_t *value)
{
	*value = 0;
	for (int shift = 0; shift < 64 && rest->len; shift += 7) {
		unsigned char c = (unsigned char)rest->at[0];

		*rest = str_skip(*rest, 1);
		*value |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return true;
	}
	return false;
}

static bool take_fixed(struct str *rest, size_t size, uint64_t *value)
{
	if (rest->len < size)
		return false;
	*value = 0;
	for (size_t i = 0; i < size; i++)
		*value |= (uint64_t)(unsigned char)rest->at[i] << (8 * i);
	*rest = str_skip(*rest, size);
	return true;
}

bool proto_next(struct str *rest, struct proto_item *item, bool *bad)
{
	uint64_t tag, len;

	if (!rest->len)
		return false;
	*bad = true;
	if (!proto_take_varint(rest, &tag) || !(tag >> 3) || tag >> 3 > UINT32_MAX >> 3)
		return false;
	item->number = (uint32_t)(tag >> 3);
	item->wire = (int)(tag & 7);
	switch (item->wire) {
	case WIRE_VARINT:
		*bad = !proto_take_varint(rest, &item->value);
		break;
	case WIRE_FIXED64:
		*bad = !take_fixed(rest, 8, &item->value);
		break;
	case WIRE_FIXED32:
		*bad = !take_fixed(rest, 4, &item->value);
		break;
	case WIRE_BYTES:
		if (!proto_take_varint(rest, &len) || len > rest->len)
			return false;
		item->bytes = str_sub(*rest, 0, len);
		*rest = str_skip(*rest, len);
		*bad = false;
		break;
	}
	return !*bad;
}

int proto_unwrap(struct str bytes, struct str *api_version, struct str *kind, struct str *message,
	struct err *err)
{
	struct proto_item item, meta;
	bool bad = false;

	*api_version = *kind = *message = (struct str){0};
	if (!proto_is_wrapped(bytes))
		return err_set(err, ERR_BAD_REQUEST,
			"provided data does not appear to be a protobuf message, expected prefix "
			"[107 56 115 0]");
	bytes = str_skip(bytes, 4);
	while (proto_next(&bytes, &item, &bad)) {
		if (item.number == 2 && item.wire == WIRE_BYTES)
			*message = item.bytes;
		if (item.number != 1 || item.wire != WIRE_BYTES)
			continue;
		while (proto_next(&item.bytes, &meta, &bad))
			if (meta.number == 1)
				*api_version = meta.bytes;
			else if (meta.number == 2)
				*kind = meta.bytes;
	}
	return bad ? err_set(err, ERR_BAD_REQUEST, "proto: illegal message") : 0;
}
