/*
 * One message part on its way into a stream: text in front, the caller's pieces, text behind,
 * written in batches, so that the time-out asks for progress and not for the whole.
 * Embedded in a connection; one send at a time.
 */
#ifndef NET_HTTP1_SEND_H
#define NET_HTTP1_SEND_H

#include <kube/http.h>

struct http1_send;
typedef void http1_sent_fn(struct http1_send *s, struct err *err);

#define HTTP1_BATCH_PARTS 16
#define HTTP1_BATCH_BYTES (256 * KIB)

struct http1_send {
	struct stream *stream;
	struct scope *scope;
	http1_sent_fn *done;
	int64_t timeout;
	struct op op;
	struct str front, behind;
	const struct str *parts;
	size_t count;
	size_t index, offset; /* what goes next: 0 is the front, then the parts, then behind */
	struct str batch[HTTP1_BATCH_PARTS];
};

void http1_send_init(struct http1_send *s, struct scope *scope, struct stream *stream,
	int64_t timeout, http1_sent_fn *done);
/* done comes as an op's does; op_cancel(&s->op) cancels. */
void http1_send_start(struct http1_send *s, struct str front, const struct str *parts, size_t count,
	struct str behind);
static inline bool http1_send_active(const struct http1_send *s)
{
	return op_active(&s->op);
}

/*
 * Appends "Name: value\r\n" with what could end the line made harmless. Names that are no token
 * leave the field out.
 */
void http1_print_field(struct buf *out, struct str name, struct str value);
size_t http1_parts_len(const struct str *parts, size_t count);

/* "1a2b\r\n" into text; its length. */
#define HTTP1_CHUNK_LINE_MAX 20
size_t http1_print_chunk_line(char text[HTTP1_CHUNK_LINE_MAX], size_t len);

#endif
