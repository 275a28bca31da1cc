/* The client's side of HTTP/2: http2_client.c has the connection, http2_call.c its streams. */
#ifndef NET_HTTP2_CLIENT_H
#define NET_HTTP2_CLIENT_H

#include "http2_session.h"

/* Go's initialMaxConcurrentStreams: until the server's SETTINGS say otherwise. */
#define H2_FIRST_STREAMS 100

struct h2_client {
	struct client_conn base;
	struct h2 h2;
	struct list calls; /* h2_call.in_client: those not done */
	int32_t last_id;   /* of a GOAWAY: what lies above was not processed */
	bool tell;         /* the pool should look at us */
	bool over;         /* the scope is gone; the last call takes the rest with it */
};

struct h2_call {
	struct h2_stream s;
	struct h2_client *client;
	struct http_call *call;
	struct link in_client;
	struct op *op; /* waits for the head */
	size_t head_bytes;
	int64_t unsent; /* of a declared request length, or -1 */
	int status;     /* of the block of fields that is being read */
	uint8_t interim;
	bool head_done;
};

/* ---- http2_call.c ---- */
void h2_call_start(struct client_conn *c, struct http_call *call, struct op *op);
void h2_call_write(struct client_conn *c, struct http_call *call, struct op *op,
	const struct str *parts, size_t count);
void h2_call_end(struct client_conn *c, struct http_call *call, struct op *op);
void h2_call_read(
	struct client_conn *c, struct http_call *call, struct op *op, struct buf *into, size_t max);
void h2_call_cancel(struct client_conn *c, struct http_call *call, struct op *op);
/* Frees what the connection has of the call. */
void h2_call_release(struct http_call *call);
/* The stream or the connection is over. */
void h2_call_fail(struct h2_call *k, const struct err *why, bool unprocessed);
int h2_call_begin_headers(struct h2 *h, const nghttp2_frame *frame);
int h2_call_header(struct h2_stream *s, struct str name, struct str value);
int h2_call_headers_done(struct h2_stream *s, const nghttp2_frame *frame);
void h2_call_stream_closed(struct h2_stream *s, uint32_t code);

#endif
