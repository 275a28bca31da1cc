/*
 * What the server knows of a connection (http1_server.c, http2_server.c) and the client of one
 * (http1_client.c, http2_client.c). Private to net/.
 */
#ifndef NET_HTTP_CONN_H
#define NET_HTTP_CONN_H

#include <kube/http_client.h>
#include <kube/http_server.h>

/* ---- server ---- */
struct server_conn;

struct server_conn_ops {
	/* Graceful: no further request, end when those that run have. At any time, once. */
	void (*drain)(struct server_conn *c);
	/* Hard: end now. Exchanges see their scopes close. */
	void (*abort)(struct server_conn *c);
};

/* Embedded first in each implementation's struct. */
struct server_conn {
	const struct server_conn_ops *ops;
	struct link in_server;
	struct http_server *server;
	struct scope scope; /* child of the server's */
	struct stream *stream;
	struct http_peer peer;
	struct env *env;
	const struct http_limits *limits; /* with defaults filled in */
	http_handler_fn *handler;
	void *handler_ctx;
	struct str server_header;
	struct buf
		in; /* bytes read and not yet parsed; the server may have sniffed the first ones */
	bool draining;
};

/*
 * The server has accepted (and done TLS), filled the base fields and calls one of these. The
 * connection runs by itself from then on and calls server_conn_gone as its last act, when its
 * scope is empty and its memory freed up to the base: http_server.c frees nothing else.
 */
struct server_conn *http1_server_conn_new(void); /* allocates; base zeroed */
void http1_server_conn_run(struct server_conn *c);
struct server_conn *http2_server_conn_new(void);
void http2_server_conn_run(struct server_conn *c);
/* Unlinks from the server's list, updates counts. The conn frees itself right after. */
void server_conn_gone(struct server_conn *c);
void server_conn_count_request(struct server_conn *c);

/* How many bytes at the start of s are token characters; field value characters. */
size_t http_token_span(struct str s);
size_t http_value_span(struct str s);
/* Copies limits; zero fields become the defaults. */
void http_limits_fill(struct http_limits *to, const struct http_limits *from, bool server);
/* "Mon, 02 Jan 2006 15:04:05 GMT", printed once a second. */
struct str http_date(struct env *env);

/* ---- client ---- */
struct client_conn;

/*
 * What the pool has worked out about a call before it hands it to a connection, and the
 * connection's own note. Made by the pool, in the call's arena.
 */
struct http_call_state {
	struct str scheme;    /* "https" */
	struct str authority; /* Host, :authority: with the port unless it is the scheme's */
	struct str target;    /* origin-form; absolute-form when it goes to a proxy; CONNECT's */
	struct client_conn *conn; /* NULL: not given to one */
	void *in_conn;            /* the connection's: the HTTP/2 stream */
};

/*
 * All four have called op_begin already where they take an op. `start` counts the call in active
 * and used, also one it refuses; `done` counts it out again.
 */
struct client_conn_ops {
	/* Sends the request and finishes op when the response head is in call. */
	void (*start)(struct client_conn *c, struct http_call *call, struct op *op);
	void (*write)(struct client_conn *c, struct http_call *call, struct op *op,
		const struct str *parts, size_t count);
	void (*end)(struct client_conn *c, struct http_call *call, struct op *op);
	void (*read)(struct client_conn *c, struct http_call *call, struct op *op, struct buf *into,
		size_t max);
	void (*cancel)(struct client_conn *c, struct http_call *call, struct op *op);
	struct stream *(*take_stream)(
		struct client_conn *c, struct http_call *call, struct buf *early);
	/* The call is over, read to its end or not; the conn tells the pool by client_conn_idle or
	 * ends. */
	void (*done)(struct client_conn *c, struct http_call *call);
	void (*close)(struct client_conn *c); /* end now; running calls fail with ERR_CLOSED */
};

struct client_conn {
	const struct client_conn_ops *ops;
	struct link in_pool;
	void *origin;       /* the pool's */
	struct scope scope; /* child of the client's */
	struct stream *stream;
	struct env *env;
	const struct http_limits *limits;
	uint32_t active;     /* calls running */
	uint32_t max_active; /* 1 for h1; what the peer allows for h2 */
	uint64_t used;       /* calls so far */
	int64_t idle_since;  /* the pool\'s */
	bool broken;         /* no further call: said Connection: close, GOAWAY, failed */
};

/*
 * A connection outlives its calls: client_conn_gone comes after the last one's `done`, also when
 * the peer has gone or `close` was called in their middle.
 */
struct client_conn *http1_client_conn_new(void);
void http1_client_conn_run(struct client_conn *c);
struct client_conn *http2_client_conn_new(void);
void http2_client_conn_run(struct client_conn *c);
/* The pool's side (http_pool.c). */
void client_conn_idle(struct client_conn *c); /* a place has become free, or broken was set */
void client_conn_gone(struct client_conn *c); /* last act; the conn frees itself right after */

#endif
