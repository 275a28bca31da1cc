#include "spdy_frame.h"

#define VERSION 3

uint32_t spdy_word(struct str in, size_t at)
{
	const uint8_t *bytes = (const uint8_t *)in.at + at;

	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

void spdy_print_word(uint32_t word, struct buf *out)
{
	const char bytes[4] = {
		(char)(word >> 24), (char)(word >> 16), (char)(word >> 8), (char)word};

	buf_add(out, bytes, sizeof(bytes));
}

int spdy_parse_head(struct str in, struct spdy_head *head, struct err *err)
{
	uint32_t first = spdy_word(in, 0), second = spdy_word(in, 4);

	*head = (struct spdy_head){.control = first >> 31,
		.flags = (uint8_t)(second >> 24),
		.length = second & 0xffffff};
	if (!head->control) {
		head->id = first & SPDY_ID_MASK;
		return head->id ? 0 : err_set(err, ERR_PROTOCOL, "spdy: data of stream 0");
	}
	head->type = (uint16_t)first;
	if ((first >> 16 & 0x7fff) != VERSION)
		return err_set(
			err, ERR_PROTOCOL, "spdy: version %u of a frame", first >> 16 & 0x7fff);
	if (head->length > SPDY_CONTROL_MAX)
		return err_set(err, ERR_PROTOCOL, "spdy: a frame of %u bytes", head->length);
	return 0;
}

void spdy_print_head(const struct spdy_head *head, struct buf *out)
{
	spdy_print_word(head->control ? 1u << 31 | VERSION << 16 | head->type : head->id, out);
	spdy_print_word((uint32_t)head->flags << 24 | head->length, out);
}
