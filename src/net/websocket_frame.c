#include "websocket_frame.h"

#include <kube/bits.h>

static bool is_control(uint8_t opcode)
{
	return opcode >= WEBSOCKET_CLOSE;
}

static int check_head(const struct websocket_head *h, uint8_t reserved, struct err *err)
{
	if (reserved)
		return err_set(err, ERR_PROTOCOL, "websocket: reserved bits are set");
	if (h->opcode > WEBSOCKET_PONG || (h->opcode > WEBSOCKET_BINARY && !is_control(h->opcode)))
		return err_set(err, ERR_PROTOCOL, "websocket: unknown opcode %u", h->opcode);
	if (is_control(h->opcode) && (h->length > WEBSOCKET_CONTROL_MAX || !h->last))
		return err_set(err, ERR_PROTOCOL, "websocket: a control frame of several pieces");
	if (h->length > INT64_MAX)
		return err_set(err, ERR_PROTOCOL, "websocket: a length with its sign set");
	return 0;
}

int websocket_parse_head(struct str in, struct websocket_head *head, struct err *err)
{
	const uint8_t *at = (const uint8_t *)in.at;
	size_t size = 2;

	if (in.len < size)
		return 0;
	*head = (struct websocket_head){.last = at[0] & 0x80,
		.opcode = at[0] & 0x0f,
		.masked = at[1] & 0x80,
		.length = at[1] & 0x7f};
	size_t more = head->length == 126 ? 2 : head->length == 127 ? 8 : 0;
	if (in.len < size + more + (head->masked ? 4 : 0))
		return 0;
	if (more)
		head->length = 0;
	for (size_t i = 0; i < more; i++)
		head->length = head->length << 8 | at[size + i];
	size += more;
	if (head->masked)
		memcpy(head->mask, at + size, 4);
	int code = check_head(head, at[0] & 0x70, err);
	return code ? code : (int)(size + (head->masked ? 4 : 0));
}

void websocket_print_head(const struct websocket_head *head, struct buf *out)
{
	uint8_t bytes[WEBSOCKET_HEAD_MAX];
	size_t more = head->length < 126 ? 0 : head->length <= UINT16_MAX ? 2 : 8, size = 2;

	bytes[0] = (uint8_t)((head->last ? 0x80 : 0) | head->opcode);
	bytes[1] = (uint8_t)((head->masked ? 0x80 : 0) | (more == 0          ? head->length
								 : more == 2 ? 126
									     : 127));
	for (size_t i = 0; i < more; i++)
		bytes[size++] = (uint8_t)(head->length >> (8 * (more - 1 - i)));
	if (head->masked) {
		memcpy(bytes + size, head->mask, 4);
		size += 4;
	}
	buf_add(out, bytes, size);
}

void websocket_mask(char *bytes, size_t len, const uint8_t mask[4], uint64_t at)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)((uint8_t)bytes[i] ^ mask[(at + i) & 3]);
}
