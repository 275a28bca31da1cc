/*
 * A server: listeners, TLS, ALPN, connections, limits. It ends gracefully: no more accepts,
 * h2 GOAWAY, `Connection: close` on answers, idle connections closed, busy ones until the grace
 * is over.
 */
#ifndef KUBE_HTTP_SERVER_H
#define KUBE_HTTP_SERVER_H

#include <kube/http.h>

struct http_server;

struct http_server_options {
	http_handler_fn *handler;
	void *ctx;
	struct tls_config *tls; /* NULL: plain (h2 with prior knowledge is understood too) */
	bool needs_tls;         /* without one nobody is served: it is set later */
	struct http_limits limits;
	bool no_http2;
	const char *name;         /* for dumps: "api" */
	struct str server_header; /* empty: none is sent */
};

struct http_server *http_server_new(
	struct env *env, struct scope *parent, const struct http_server_options *options);
/* May be called several times. The address with the port really taken is in *bound (or NULL). */
int http_server_listen(
	struct http_server *s, const struct address *at, struct address *bound, struct err *err);
/* New connections use it; those that stand go on. */
void http_server_set_tls(struct http_server *s, struct tls_config *tls);
/* A connection that did not come from a listener (in-process, tests): takes the stream. */
void http_server_serve(struct http_server *s, struct stream *stream);
/*
 * Graceful end; op done when no connection is left, and never refused: then only
 * http_server_free. Cancelling cuts the grace short.
 */
void http_server_stop(struct http_server *s, struct op *op, int64_t grace);
void http_server_free(struct http_server *s);

struct http_server_stats {
	uint64_t accepted, requests, refused, handshake_failures;
	uint32_t connections;
};
void http_server_stats(const struct http_server *s, struct http_server_stats *stats);

#endif
