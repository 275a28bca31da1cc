/* The server's side of HTTP/2: http2_server.c has the connection, http2_exchange.c its streams. */
#ifndef NET_HTTP2_SERVER_H
#define NET_HTTP2_SERVER_H

#include "http2_session.h"

struct h2_server {
	struct server_conn base;
	struct h2 h2;
	struct list exchanges; /* h2_exchange.in_conn: all that are not freed */
	struct list ready;     /* h2_exchange.in_ready: complete heads no handler has seen */
	bool over;             /* the scope is gone; the last exchange takes the rest with it */
};

struct h2_exchange {
	struct http_exchange x;
	struct h2_stream s;
	struct h2_server *server;
	struct link in_conn, in_ready;
	struct op closing;
	size_t head_bytes;
	int64_t promised; /* Content-Length of our own, or -1 */
	bool head_over;   /* more fields than we take */
	bool trailers;    /* the second block of fields */
	bool handled;     /* the handler has it */
	bool done;        /* … has given it back */
	bool closed;      /* the scope is empty */
	bool bodiless;    /* HEAD, 204, 304: body bytes are swallowed */
	bool expects;     /* waits for 100 Continue */
};

/* ---- http2_exchange.c ---- */
struct h2_exchange *h2_exchange_new(struct h2_server *server, int32_t id);
/* A field of the request's head or trailers. 0 or NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE. */
int h2_exchange_add(struct h2_exchange *e, struct str name, struct str value);
/* The head is complete: is it a request a handler should see? false: it was answered. */
bool h2_exchange_head_done(struct h2_exchange *e, bool ended);
/* The stream is over, orderly or not; why (NULL: both sides had ended). */
void h2_exchange_closed(struct h2_exchange *e, const struct err *why);
void h2_exchange_end_sent(struct h2_exchange *e);

/* ---- http2_server.c ---- */
/* An exchange has been freed. May free the server. */
void h2_server_left(struct h2_server *server);

#endif
