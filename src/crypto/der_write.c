#include "der_write.h"

#include <stdlib.h>

size_t der_open(struct buf *out, unsigned char tag)
{
	buf_add_char(out, (char)tag);
	buf_add_char(out, 0);
	return out->len;
}

void der_close(struct buf *out, size_t mark)
{
	if (buf_over(out))
		return;
	size_t len = out->len - mark, extra = 0;
	for (size_t left = len; len >= 0x80 && left; left >>= 8)
		extra++;
	if (extra && !buf_reserve(out, extra))
		return;
	unsigned char *at = (unsigned char *)out->at + mark;
	if (!extra) {
		at[-1] = (unsigned char)len;
		return;
	}
	memmove(at + extra, at, len);
	at[-1] = (unsigned char)(0x80 | extra);
	for (size_t i = 0; i < extra; i++)
		at[i] = (unsigned char)(len >> 8 * (extra - 1 - i));
	buf_advance(out, extra);
}

void der_add(struct buf *out, unsigned char tag, struct str content)
{
	size_t mark = der_open(out, tag);
	buf_add_str(out, content);
	der_close(out, mark);
}

void der_add_bool(struct buf *out, bool value)
{
	der_add(out, DER_BOOLEAN, str_make(value ? "\xff" : "\0", 1));
}

void der_add_unsigned(struct buf *out, struct str big_endian)
{
	while (big_endian.len > 1 && big_endian.at[0] == 0)
		big_endian = str_skip(big_endian, 1);
	size_t mark = der_open(out, DER_INTEGER);
	if (big_endian.len == 0 || (unsigned char)big_endian.at[0] & 0x80)
		buf_add_char(out, 0);
	buf_add_str(out, big_endian);
	der_close(out, mark);
}

void der_add_small(struct buf *out, unsigned value)
{
	char bytes[4] = {(char)(value >> 24), (char)(value >> 16), (char)(value >> 8), (char)value};
	der_add_unsigned(out, str_make(bytes, sizeof(bytes)));
}

void der_add_bits(struct buf *out, struct str bytes, unsigned unused)
{
	size_t mark = der_open(out, DER_BIT_STRING);
	buf_add_char(out, (char)unused);
	buf_add_str(out, bytes);
	der_close(out, mark);
}

static int by_encoding(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void der_add_set(struct buf *out, struct str *members, size_t count)
{
	qsort(members, count, sizeof(*members), by_encoding);
	size_t mark = der_open(out, DER_SET);
	for (size_t i = 0; i < count; i++)
		buf_add_str(out, members[i]);
	der_close(out, mark);
}
