/* A body read to its end with a ceiling: requests on the server, responses on the client. */
#ifndef NET_READ_ALL_H
#define NET_READ_ALL_H

#include <kube/arena.h>
#include <kube/op.h>

/* Reads one piece, as http_read does. */
typedef void read_piece_fn(void *ctx, struct op *op, struct buf *into, size_t max);

/*
 * op->n: bytes read. ERR_TOO_LARGE above max or the room in *into, at once when `length` says so
 * (negative: unknown). `what` names the body in errors.
 */
void http_read_to_end(struct arena *a, struct op *op, struct buf *into, size_t max, int64_t length,
	const char *what, read_piece_fn *read, void *ctx);

#endif
