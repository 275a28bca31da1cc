/*
 * Bodies of HTTP/1 messages: takes the framing off bytes as they arrive. Pure. The chunked
 * framing is read here and not by llhttp, which takes chunk extensions of any length and folded
 * trailers, whose strictness depends on how the system's copy was built, and which cannot be told
 * to hand out so many bytes and no more.
 */
#ifndef NET_HTTP1_BODY_H
#define NET_HTTP1_BODY_H

#include "http1_head.h"

enum http1_body_kind {
	HTTP1_BODY_NONE,
	HTTP1_BODY_LENGTH,
	HTTP1_BODY_CHUNKED,
	HTTP1_BODY_CLOSE, /* a response that ends with its connection */
};

struct http1_body {
	uint8_t kind, step;
	bool ended;
	uint8_t digits;       /* of the chunk size so far */
	uint32_t line;        /* bytes of the chunk size line so far */
	int64_t left;         /* LENGTH: of the body; CHUNKED: of the chunk */
	int64_t total;        /* body bytes so far */
	int64_t excess;       /* bytes of framing beyond what the data justifies */
	struct buf trailer;   /* CHUNKED: the section behind the last chunk, raw */
	struct http1_scan at; /* in trailer */
};

void http1_body_init(struct http1_body *b, enum http1_body_kind kind, int64_t length);
void http1_body_done(struct http1_body *b);

/*
 * Consumes from `in` (*used: how much) and appends at most max bytes of body to *out (NULL: they
 * are thrown away). The body bytes got, or ERR_PROTOCOL. Sets b->ended; then b->trailer, if it is
 * not empty, holds the trailer section.
 */
ssize_t http1_body_read(struct http1_body *b, struct str in, size_t *used, struct buf *out,
	size_t max, struct err *err);

/* The connection has ended: is that this body's end? */
static inline bool http1_body_ends_at_close(const struct http1_body *b)
{
	return b->kind == HTTP1_BODY_CLOSE;
}

#endif
