/*
 * HTTP messages and the server's view of one exchange, the same over HTTP/1.1 and HTTP/2.
 */
#ifndef KUBE_HTTP_H
#define KUBE_HTTP_H

#include <kube/arena.h>
#include <kube/env.h>
#include <kube/tls.h>

struct http_header {
	struct str name, value; /* names compare without regard to case */
};

struct http_headers {
	struct http_header *items;
	size_t count, cap;
};

/* Slices are not copied: they live in the same arena or longer. */
void http_headers_add(struct arena *a, struct http_headers *h, struct str name, struct str value);
struct str http_headers_get(const struct http_headers *h, struct str name); /* first, or empty */
bool http_headers_has(const struct http_headers *h, struct str name);
/* Is `token` one of the comma-separated words of any such header? */
bool http_headers_has_token(const struct http_headers *h, struct str name, struct str token);
/* Valid field name and value: no control characters, no CR or LF. */
bool http_header_valid(struct str name, struct str value);

const char *http_status_text(int status); /* "Not Found", "" if unknown */

enum http_version { HTTP_1_0 = 10, HTTP_1_1 = 11, HTTP_2 = 20 };

#define HTTP_LENGTH_UNKNOWN ((int64_t)-1)

struct http_request {
	enum http_version version;
	struct str method, target; /* target as sent: origin-form, absolute-form or "*" */
	struct str authority;      /* Host or :authority */
	struct http_headers headers, trailers; /* trailers after the body has been read */
	int64_t length; /* Content-Length, or HTTP_LENGTH_UNKNOWN for chunked; 0: no body */
};

/* Ceilings. Zero in any field means the default beside it. */
struct http_limits {
	size_t header_bytes;           /* 64 KiB: request line and all fields */
	size_t header_count;           /* 200 */
	int64_t body_bytes;            /* 3 MiB on servers, unlimited (-1) on clients */
	int64_t header_timeout;        /* 10 s from the first byte to the end of the head */
	int64_t body_timeout;          /* 30 s without any progress of a body that is being read */
	int64_t write_timeout;         /* 30 s without any progress of a write */
	int64_t idle_timeout;          /* 90 s between requests; without a stream on h2 */
	uint32_t max_connections;      /* 10,000 a server */
	uint32_t max_streams;          /* 250 concurrent streams an h2 connection */
	uint32_t h2_stream_window;     /* 256 KiB */
	uint32_t h2_connection_window; /* 1 MiB */
};

/* Who is at the other end of a connection. */
struct http_peer {
	struct address remote, local;
	bool tls;
	struct tls_info tls_info; /* views valid as long as the connection */
};

#define HTTP_EXCHANGE_ARENA                                                                        \
	(4 * KIB) /* the first chunk of an exchange's memory: enough where there is no body */

/*
 * One request and its response, on the server. Owned by the handler from the moment it is called
 * until http_exchange_done, which is its last act and allowed at any time. All its memory may
 * come from the arena. Its scope closes when the client is gone or the server is ending: ops of
 * the handler belong there, so that they come back cancelled. Over HTTP/1.1 a client that closes
 * its half of the connection looks as if it had gone, unless the whole answer is under way
 * (http_respond, http_respond_end) or further requests of its are waiting.
 */
struct http_exchange {
	const struct http_exchange_ops *ops;
	struct arena arena;
	struct scope scope;
	struct http_request request;
	const struct http_peer *peer;
	struct env *env;
	int64_t started; /* loop_now when the head was complete */
	/* Of the request's body; the handler may change it before it reads: -1 is none. */
	int64_t body_limit;
	int status;    /* that was sent, 0 before */
	int64_t sent;  /* body bytes */
	void *handler; /* the handler's own */
	struct op op;  /* for the handler's use */
};

/* Called once for each request, on the loop, when its head is complete. */
typedef void http_handler_fn(void *ctx, struct http_exchange *x);

/*
 * Reads body bytes, at most max, appended to *into; op->n = 0 at the end. The first read sends
 * "100 Continue" if the client waits for it. ERR_TOO_LARGE above the limit, ERR_CLOSED when the
 * client is gone, ERR_TIMEOUT when it is too slow, ERR_PROTOCOL for a malformed body.
 */
void http_read(struct http_exchange *x, struct op *op, struct buf *into, size_t max);
/* The whole body at once, up to max (ERR_TOO_LARGE beyond); op->n = its length. */
void http_read_all(struct http_exchange *x, struct op *op, struct buf *into, size_t max);

/*
 * A whole response: Content-Length (and Date) are added. Bytes must stay until done. The body is
 * left out for HEAD, 204 and 304. One exchange has one response: a second is our own mistake
 * (asserted). What headers of the handler cannot break: a name that is no token leaves its field
 * out, control characters in values become spaces, Content-Length and Transfer-Encoding are ours
 * alone, a status outside 200..999 becomes 500. "Connection: close" ends the connection behind
 * the response; over HTTP/2 it says GOAWAY, and what is in flight goes on.
 */
void http_respond(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t header_count, struct str body);

/*
 * As http_respond, but gzipped on a worker when the client welcomes that, the body has at least
 * HTTP_PACK_MIN bytes, and the headers name no Content-Encoding. Says Content-Encoding and Vary.
 */
#define HTTP_PACK_MIN (128 * KIB)
void http_respond_packed(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t header_count, struct str body);

/*
 * A response in pieces: start (sends the head at once), write…, end. length is the body's or
 * HTTP_LENGTH_UNKNOWN (chunked; until close for HTTP/1.0). Each write is flushed; its done is the
 * back-pressure; until then bytes and array must stay. Ending with fewer bytes than promised breaks
 * the connection.
 */
void http_respond_start(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t header_count, int64_t length);
void http_write(struct http_exchange *x, struct op *op, const struct str *parts, size_t count);
void http_respond_end(struct http_exchange *x, struct op *op, const struct http_headers *trailers);

/*
 * HTTP/1.1 only: answers 101 (200 to CONNECT) with these headers and hands the connection over.
 * op done: *stream is the handler's, *early (overwritten, then the handler's) holds bytes that
 * the client sent behind its request. The exchange lasts on until http_exchange_done: keep it as
 * long as the stream, because its scope is what tells that the server ends.
 * ERR_UNSUPPORTED over HTTP/2, ERR_BAD_REQUEST while a request body is unread; the handler may
 * still respond after these.
 */
void http_upgrade(struct http_exchange *x, struct op *op, const struct http_header *headers,
	size_t header_count, struct stream **stream, struct buf *early);

/*
 * Ends the exchange. A response that was not completed breaks the connection (h1) or resets the
 * stream (h2); a request body that was not read is skipped up to 256 KiB, else likewise. No op
 * of the exchange's scope need be over: they are cancelled first and x lives until they are.
 */
void http_exchange_done(struct http_exchange *x);

/*
 * The implementation's side: http1 and http2 each have one of these. Where they take an op,
 * op_begin has been called and op->ctx is x. For respond and start, x->status has been set;
 * upgrade sets it when it sends.
 */
struct http_exchange_ops {
	void (*read)(struct http_exchange *x, struct op *op, struct buf *into, size_t max);
	void (*respond)(struct http_exchange *x, struct op *op, int status,
		const struct http_header *headers, size_t count, struct str body);
	void (*start)(struct http_exchange *x, struct op *op, int status,
		const struct http_header *headers, size_t count, int64_t length);
	void (*write)(
		struct http_exchange *x, struct op *op, const struct str *parts, size_t count);
	void (*end)(struct http_exchange *x, struct op *op, const struct http_headers *trailers);
	void (*upgrade)(struct http_exchange *x, struct op *op, const struct http_header *headers,
		size_t count, struct stream **stream, struct buf *early);
	void (*done)(struct http_exchange *x);
	/* op: one of those above, in flight; it is answered by op_fail or op_finish. */
	void (*cancel)(struct http_exchange *x, struct op *op);
};

#endif
