#include "der_read.h"

bool der_next(struct str *rest, unsigned char *tag, struct str *content, struct str *whole)
{
	const unsigned char *at = (const unsigned char *)rest->at;
	if (rest->len < 2 || (at[0] & 0x1f) == 0x1f)
		return false;
	size_t head = 2, len = at[1];
	if (len & 0x80) {
		size_t bytes = len & 0x7f;
		if (bytes == 0 || bytes > 4 || rest->len < 2 + bytes || at[2] == 0)
			return false;
		len = 0;
		for (size_t i = 0; i < bytes; i++)
			len = len << 8 | at[2 + i];
		if (len < 0x80)
			return false;
		head += bytes;
	}
	if (len > rest->len - head)
		return false;
	*tag = at[0];
	*content = str_make(rest->at + head, len);
	if (whole)
		*whole = str_make(rest->at, head + len);
	*rest = str_make(rest->at + head + len, rest->len - head - len);
	return true;
}

static bool next_is(struct str rest, unsigned char tag)
{
	return rest.len && (unsigned char)rest.at[0] == tag;
}

bool der_take(struct str *rest, unsigned char tag, struct str *content)
{
	unsigned char seen;
	return next_is(*rest, tag) && der_next(rest, &seen, content, NULL);
}

bool der_take_whole(struct str *rest, unsigned char tag, struct str *whole)
{
	unsigned char seen;
	struct str content;
	return next_is(*rest, tag) && der_next(rest, &seen, &content, whole);
}

bool der_take_optional(struct str *rest, unsigned char tag, struct str *content, bool *found)
{
	*found = next_is(*rest, tag);
	return !*found || der_take(rest, tag, content);
}

bool der_take_bool(struct str *rest, bool *value)
{
	struct str after = *rest, content;
	if (!der_take(&after, DER_BOOLEAN, &content) || content.len != 1)
		return false;
	unsigned char byte = (unsigned char)content.at[0];
	if (byte != 0 && byte != 0xff)
		return false;
	*value = byte != 0;
	*rest = after;
	return true;
}

bool der_take_unsigned(struct str *rest, struct str *value)
{
	struct str after = *rest, content;
	if (!der_take(&after, DER_INTEGER, &content) || content.len == 0)
		return false;
	const unsigned char *at = (const unsigned char *)content.at;
	if (at[0] & 0x80)
		return false;
	if (content.len > 1 && at[0] == 0) {
		if (!(at[1] & 0x80))
			return false;
		content = str_skip(content, 1);
	}
	*value = content;
	*rest = after;
	return true;
}

bool der_take_small(struct str *rest, int *value)
{
	struct str after = *rest, bytes;
	if (!der_take_unsigned(&after, &bytes) || bytes.len > 3)
		return false;
	*value = 0;
	for (size_t i = 0; i < bytes.len; i++)
		*value = *value << 8 | (unsigned char)bytes.at[i];
	*rest = after;
	return true;
}

bool der_take_bytes_of_bits(struct str *rest, struct str *value)
{
	struct str after = *rest, content;
	if (!der_take(&after, DER_BIT_STRING, &content) || content.len == 0 || content.at[0] != 0)
		return false;
	*value = str_skip(content, 1);
	*rest = after;
	return true;
}
