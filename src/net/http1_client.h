/*
 * One HTTP/1.1 connection of a client: one call at a time.
 *
 *	FREE ──start──> HEAD ──head──> BODY ──done, all read and sent──> FREE
 *	 │               │              │ └──done, too much is unread──┐
 *	 │ bytes or end  │ failed       └──101──> TAKEN ──────────────┤
 *	 v               v                                            v
 *	ENDED <──────────┴────────────────────────────────────────────┘
 *
 * A read is kept armed while there is room, also when no call runs: what comes then, an end or
 * bytes that nobody asked for, makes the connection useless. There are no time-outs for answers
 * here, for a watch may be silent for hours: the caller's ops have deadlines.
 */
#ifndef KUBE_NET_HTTP1_CLIENT_H
#define KUBE_NET_HTTP1_CLIENT_H

#include "http1_body.h"
#include "http1_send.h"
#include "http_conn.h"

#include <kube/mem.h>

#define READ_AHEAD (64 * KIB)

enum client_state { CLIENT_FREE, CLIENT_HEAD, CLIENT_BODY, CLIENT_TAKEN, CLIENT_ENDED };

struct http1_client {
	struct client_conn base;
	uint8_t state; /* enum client_state */
	struct http_call *call;
	struct op read, gone;
	struct buf in, out;
	size_t in_at;
	struct http1_scan scan;
	struct http1_framing framing;
	struct http1_body body;
	struct http1_send send;
	char chunk_line[HTTP1_CHUNK_LINE_MAX];
	struct op *starter, *reader, *writer;
	struct buf *reader_into;
	size_t reader_max;
	int code; /* why the response body cannot be read any more */
	uint8_t interim;
	bool answered; /* a byte of the answer has come */
	bool peer_ended, keep, ending;
	bool body_sent; /* of the request, to its end */
	bool send_failed;
	bool send_queued, queued_end;
	const struct str *queued_parts;
	size_t queued_count;
	int64_t sending, sent; /* request body bytes: in this write, before it */
};

static inline struct http1_client *http1_client_of(struct client_conn *base)
{
	return CONTAINER_OF(base, struct http1_client, base);
}

static inline struct str http1_client_pending(const struct http1_client *c)
{
	return str_skip(buf_str(&c->in), c->in_at);
}

static inline void http1_client_used(struct http1_client *c, size_t n)
{
	c->in_at += n;
	if (c->in_at < c->in.len)
		return;
	c->in_at = 0;
	buf_clear(&c->in);
}

static inline void http1_client_fail(struct op **op, int code, const char *text)
{
	if (*op)
		op_fail_with(TAKE(*op), code, "%s", text);
}

/* Everything that waits for this connection hears why it ends. */
void http1_client_break(struct http1_client *c, int code, const char *text);

/* ---- http1_client_send.c: the request ---- */
void http1_client_start(struct client_conn *base, struct http_call *call, struct op *op);
void http1_client_write(struct client_conn *base, struct http_call *call, struct op *op,
	const struct str *parts, size_t count);
void http1_client_end(struct client_conn *base, struct http_call *call, struct op *op);
void http1_client_sent(struct http1_send *send, struct err *err);

/* ---- http1_client_read.c: the response ---- */
void http1_client_read(struct client_conn *base, struct http_call *call, struct op *op,
	struct buf *into, size_t max);
/* Arms the read, where there is room. */
void http1_client_watch(struct http1_client *c);

#endif
