/*
 * One HTTP/1 connection of a server: http1_server.c reads, parses and ends it, http1_exchange.c
 * has the exchange that runs on it, and the request's body; http1_answer.c what a handler answers.
 *
 *	      ┌──────────────────── next request ───────────────────┐
 *	      v                                                     │
 *	IDLE ──> HEAD ──> BUSY ──(exchange over)──> SKIP (rest of the body)
 *	 │        │        │                         │
 *	 │   malformed   last answer                 │ too much
 *	 │        v        v                         │
 *	 │     REFUSE ──> LINGER <───────────────────┤
 *	 v                 v                         v
 *	ENDED <────────────┴─────────────────────────┘      any state: ENDED when the peer is gone
 *
 * A read is kept armed while there is room, whatever the state: it is what notices that the
 * client has gone. One timer serves all time-outs; it is moved only when it must ring earlier.
 */
#ifndef NET_HTTP1_CONN_H
#define NET_HTTP1_CONN_H

#include "http1_body.h"
#include "http1_send.h"
#include "http_conn.h"

enum http1_state {
	HTTP1_IDLE,
	HTTP1_HEAD,
	HTTP1_BUSY,
	HTTP1_SKIP,
	HTTP1_REFUSE,
	HTTP1_LINGER,
	HTTP1_ENDED,
};

/* What is read ahead of need; a body's reader gets more at a time. */
#define HTTP1_READ_AHEAD (16 * KIB)
#define HTTP1_READ_BODY  (64 * KIB)
/* An unread request body up to this size is skipped to keep the connection. */
#define HTTP1_SKIP_MAX ((int64_t)(256 * KIB))

struct http1_conn {
	struct server_conn base;
	struct http_exchange x;
	uint8_t state; /* enum http1_state */

	/* reading */
	struct op read;
	size_t in_at; /* base.in up to here has been used */
	struct http1_scan scan;
	bool peer_ended;   /* the client's FIN has come */
	bool blank_passed; /* an empty line before the request has been */
	int64_t skipped;   /* in SKIP and LINGER */
	struct http1_framing framing;
	struct http1_body body;
	int body_error; /* code: the body cannot be read any more */

	/* the timer */
	struct op timer;
	int64_t deadline; /* of what is waited for now */
	int64_t timer_at;
	bool idle_trimmed; /* buffers given back */

	/* writing */
	struct http1_send send;
	struct op continue_op; /* "100 Continue" is being written */
	struct op finish;
	struct buf out; /* heads, trailers */
	char chunk_line[HTTP1_CHUNK_LINE_MAX];
	struct str respond_body;

	/* the exchange: x lives from the handler's call until it is done and its scope empty */
	struct op x_closed, gone;
	bool x_live, x_done, x_closing, x_empty, ending;
	bool expect_continue; /* asked for and not answered */
	bool send_queued;     /* waits for continue_op */
	bool chunked, bodyless, until_close, whole;
	bool complete;    /* the response has been written */
	bool close_after; /* the connection ends with this exchange */
	int64_t promised; /* Content-Length of the response */
	struct op *reader, *writer;
	struct buf *reader_into;
	size_t reader_max;
	uint8_t writing; /* enum http1_writing */
	int64_t write_len;
	struct stream **upgrade_stream;
	struct buf *upgrade_early;
	bool upgrading;
};

enum http1_writing {
	HTTP1_WRITES_NOTHING,
	HTTP1_WRITES_WHOLE, /* http_respond */
	HTTP1_WRITES_HEAD,
	HTTP1_WRITES_PIECE,
	HTTP1_WRITES_END,
	HTTP1_WRITES_UPGRADE,
	HTTP1_WRITES_REFUSAL,
};

/* ---- http1_server.c ---- */
static inline struct str http1_pending(const struct http1_conn *c)
{
	return str_skip(buf_str(&c->base.in), c->in_at);
}
void http1_used(struct http1_conn *c, size_t n);
/* The client has said all it will, and all of it has been looked at. */
static inline bool http1_half_closed(const struct http1_conn *c)
{
	return c->peer_ended && http1_pending(c).len == 0;
}
/* Keeps a read armed if there is room for its bytes. */
void http1_watch(struct http1_conn *c);
void http1_set_deadline(struct http1_conn *c, int64_t at);
/* Ends the connection now: the stream is closed, the exchange told. */
void http1_break(struct http1_conn *c);
void http1_check_gone(struct http1_conn *c);
/* Says goodbye, then waits a little for the client to have read it. */
void http1_finish(struct http1_conn *c);
/* Throws away what has come of a body that nobody reads. */
void http1_skip(struct http1_conn *c);
/* Looks at what has come for a next request. */
void http1_next(struct http1_conn *c);

/* ---- http1_exchange.c ---- */
/* Calls the handler for the request in c->x. */
void http1_exchange_start(struct http1_conn *c);
/* New bytes or the end have come: a waiting reader may go on. */
void http1_exchange_feed(struct http1_conn *c);
/* The client is gone. */
void http1_exchange_hang_up(struct http1_conn *c);
void http1_exchange_time_out(struct http1_conn *c);

static inline struct http1_conn *http1_conn_of(struct http_exchange *x)
{
	return CONTAINER_OF(x, struct http1_conn, x);
}

/* ---- http1_answer.c ---- */
void http1_exchange_sent(struct http1_conn *c, struct err *err);
/* The read has ended for the sake of an upgrade. */
void http1_exchange_upgrade_go(struct http1_conn *c);
bool http1_request_skippable(const struct http1_conn *c);
void http1_answer_whole(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t count, struct str body);
void http1_answer_start(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t count, int64_t length);
void http1_answer_write(
	struct http_exchange *x, struct op *op, const struct str *parts, size_t count);
void http1_answer_end(struct http_exchange *x, struct op *op, const struct http_headers *trailers);
void http1_answer_upgrade(struct http_exchange *x, struct op *op, const struct http_header *headers,
	size_t count, struct stream **stream, struct buf *early);

#endif
