/* Protobuf's wire, for the two directions. */
#ifndef KUBE_API_PROTO_H
#define KUBE_API_PROTO_H

#include <kube/buf.h>

#define PROTO_MAX (256 * MIB)

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

void proto_varint(struct buf *out, uint64_t v);
void proto_tag(struct buf *out, uint32_t number, int wire);
void proto_bytes(struct buf *out, uint32_t number, struct str bytes);

/* One field off the bytes; false at the end or when malformed (*bad). */
struct proto_item {
	uint32_t number;
	int wire;
	uint64_t value;   /* varint, fixed */
	struct str bytes; /* length-delimited */
};
bool proto_next(struct str *rest, struct proto_item *item, bool *bad);
bool proto_take_varint(struct str *rest, uint64_t *value); /* false: it is cut off */

#endif
