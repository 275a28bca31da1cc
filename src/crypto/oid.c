#include "oid.h"

void oid_print(struct buf *out, struct str oid)
{
	uint64_t value = 0;
	bool first = true;
	for (size_t i = 0; i < oid.len; i++) {
		unsigned char byte = (unsigned char)oid.at[i];
		if (value >> 57) {
			buf_add_text(out, "…");
			return;
		}
		value = value << 7 | (byte & 0x7f);
		if (byte & 0x80)
			continue;
		if (first) {
			/* The first two numbers share one; the first is at most 2. */
			uint64_t top = MIN(value / 40, (uint64_t)2);
			buf_add_u64(out, top);
			value -= top * 40;
		}
		buf_add_char(out, '.');
		buf_add_u64(out, value);
		first = false;
		value = 0;
	}
}
