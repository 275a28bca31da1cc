/*
 * A client: pools of connections per origin, HTTP/1.1 and HTTP/2 (by ALPN) behind one call, TLS
 * with session resumption, proxies.
 */
#ifndef KUBE_HTTP_CLIENT_H
#define KUBE_HTTP_CLIENT_H

#include <kube/http.h>

struct http_client;

struct http_client_options {
	struct tls_config *tls; /* for https; NULL: https is refused */
	/*
	 * The same with ALPN http/1.1 only, for calls with `upgrade` and with no_http2; NULL: `tls`
	 * is used for these too, and an upgrade fails where the server prefers h2.
	 */
	struct tls_config *tls_http1;
	struct http_limits limits;
	bool no_http2;
	bool plain_http2;        /* http is HTTP/2 without being asked (gRPC) */
	uint32_t max_idle;       /* idle connections an origin: 8 */
	uint32_t max_per_origin; /* HTTP/1.1 connections an origin: 64; further calls queue */
	int64_t connect_timeout; /* 30 s, with TLS */
	/* Values of HTTPS_PROXY, HTTP_PROXY, NO_PROXY; empty: none. See http_proxy_from_env. */
	struct str https_proxy, http_proxy, no_proxy;
	struct str server_name; /* asked for and verified instead of a URL's host, if not empty */
	const struct address *dial; /* always connect there (unix socket, tests) */
	const char *name;
};

struct http_client *http_client_new(
	struct env *env, struct scope *parent, const struct http_client_options *options);
/*
 * For new connections; sessions to resume are forgotten. Connections that there are go on with the
 * calls they have, and take no others: who shows another certificate is somebody else.
 */
void http_client_set_tls(
	struct http_client *c, struct tls_config *tls, struct tls_config *tls_http1);
/* Ends every connection that there is, with the calls on it; what is asked from now on has others.
 */
void http_client_drop(struct http_client *c);
/* Ends every connection, running calls too; op done when all is gone. Then only free. */
void http_client_stop(struct http_client *c, struct op *op);
void http_client_free(struct http_client *c);
void http_proxy_from_env(struct http_client_options *o); /* upper and lower case names */
/* The proxy URL to use for a request, empty for direct: Go's httpproxy rules, CIDRs included. */
struct str http_proxy_for(
	const struct http_client_options *o, bool https, struct str host, uint16_t port);

/*
 * One call. Embedded by the caller, prepared by http_call_init, and over with http_call_done,
 * whatever happened. What it points to must stay until the response head is there.
 */
struct http_call {
	struct arena arena; /* holds the response head; the caller may use it */
	/* request */
	struct str method, url;
	struct http_headers headers;
	struct str body; /* whole body, or… */
	/* HTTP_BODY_GIVEN: take `body`; else >= 0 or HTTP_LENGTH_UNKNOWN, by http_call_write. */
	int64_t body_length;
	bool upgrade; /* a connection of its own, HTTP/1.1 */
	/* response */
	enum http_version version;
	int status;
	struct http_headers response, trailers;
	int64_t length;
	bool reused; /* went over a connection that had been used before */
	/* private */
	struct http_client *client;
	struct http_call_state *state; /* the pool's */
	bool unprocessed; /* failed, and the server has certainly not looked at it: may go again */
};

#define HTTP_BODY_GIVEN ((int64_t)-2)

void http_call_init(
	struct http_call *c, struct http_client *client, struct str method, struct str url);
/*
 * Done when the response head is here (1xx skipped). A request on a kept-alive connection that
 * died before any answer is sent once more when that is safe (GET, HEAD, PUT, DELETE, OPTIONS
 * with the body at hand). ERR_REFUSED, ERR_UNREACHABLE, ERR_CERTIFICATE, ERR_TIMEOUT, …; the text
 * begins `Get "https://…": ` as Go's does.
 */
void http_call_start(struct http_call *c, struct op *op);
/* Streaming a request body: before or after the head has arrived. end: no more. */
void http_call_write(struct http_call *c, struct op *op, const struct str *parts, size_t count);
void http_call_end(struct http_call *c, struct op *op);
/* Response body, as http_read. gzip is not decoded here. */
void http_call_read(struct http_call *c, struct op *op, struct buf *into, size_t max);
void http_call_read_all(struct http_call *c, struct op *op, struct buf *into, size_t max);
/*
 * After a 101: the stream is the caller's. It lives in the client's scope: http_client_stop waits
 * until it is closed.
 */
struct stream *http_call_take_stream(struct http_call *c, struct buf *early);
/* Gives the connection back, or breaks it when the response was not read to its end. */
void http_call_done(struct http_call *c);

#endif
