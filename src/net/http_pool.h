/*
 * The client's inside: origins, their connections and the calls that wait for one. Private to
 * net/. A call goes start → waiting → given to a connection → head is here; a dial makes a
 * connection for whoever waits first.
 */
#ifndef NET_HTTP_POOL_H
#define NET_HTTP_POOL_H

#include "http_conn.h"

struct http_client {
	struct env *env;
	struct scope scope;
	struct http_client_options options;
	struct http_limits limits;
	struct tls_config *tls, *tls_http1;
	struct arena arena; /* copies of the options' texts */
	struct address dial;
	struct list origins;
	uint32_t origin_count;
	struct op sweep; /* the timer that ends idle connections */
	bool stopping;
};

/* One place that connections go to: scheme, host, port, and whether they are HTTP/1.1 only. */
struct origin {
	struct link in_client;
	struct http_client *client;
	char *key;
	struct str scheme, host; /* inside key's allocation */
	char *proxy;             /* URL, or NULL: direct */
	uint16_t port;
	bool https, http1_only;
	bool known_http1; /* a TLS handshake has chosen http/1.1 */
	struct list conns;
	struct list waiting; /* pool_call.in_waiting */
	uint32_t conn_count, dialing;
	struct tls_session *session;
};

/* A call as the pool sees it: http_call.state, in the call's arena. */
struct pool_call {
	struct http_call_state base; /* first: what connections see */
	struct link in_waiting;
	struct http_call *call;
	struct origin *origin;
	struct op *op;          /* http_call_start's */
	struct op attempt;      /* the request on one connection */
	struct op *early_write; /* a body write that came before the connection did */
	const struct str *early_parts;
	size_t early_count;
	bool early_end;
	int8_t attempts;
};

static inline struct pool_call *pool_call_of(const struct http_call *c)
{
	return (struct pool_call *)c->state;
}

/* The origin of a call, made if need be. */
struct origin *pool_origin(struct http_client *client, struct str scheme, struct str host,
	uint16_t port, struct str proxy, bool http1_only);
/* Gives the call a connection, or lets it wait for one. */
void pool_submit(struct pool_call *p);
/* Gives waiting calls what is free and dials for the rest. */
void pool_dispatch(struct origin *o);
/* The call goes to this connection now (http_client.c). */
void pool_call_go(struct pool_call *p, struct client_conn *conn);
void pool_call_fail(struct pool_call *p, struct err *err);

/* Connections over TLS take no further call; each ends when it is idle. */
void pool_retire(struct http_client *client);

/* Starts making a connection; ends in pool_dialed. */
void pool_dial(struct origin *o);
/* conn is NULL when it failed. */
void pool_dialed(struct origin *o, struct client_conn *conn, struct err *err);

/* Adds what the proxy's URL says of credentials. */
void http_add_proxy_auth(struct arena *a, struct http_headers *headers, struct str proxy);

void pool_free(struct http_client *client);

#endif
