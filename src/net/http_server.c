#include "http_conn.h"

#include <kube/mem.h>
#include <kube/time.h>

/* A client that has connected has this long to be done with TLS. */
#define HANDSHAKE_TIME (10 * SEC)
/* While so many are at it no further connection is accepted. */
#define HANDSHAKES_MAX 2048
#define BACKLOG        511
/* A listener that fails for reasons of its own is asked again after this long. */
#define ACCEPT_PAUSE (100 * MSEC)

#define H2_PREFACE STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

struct server_listener {
	struct link in_server;
	struct http_server *server;
	struct listener *listener;
	struct op op;
	struct stream *incoming;
	bool pausing;
};

/* A connection that is not known to be HTTP/1 or HTTP/2 yet. */
struct arrival {
	struct link in_server;
	struct http_server *server;
	struct stream *stream, *tls;
	struct op op;
	struct buf in;
};

struct http_server {
	struct env *env;
	http_handler_fn *handler;
	void *ctx;
	struct tls_config *tls;
	bool needs_tls;
	struct http_limits limits;
	char *name, *server_header;
	bool no_http2;
	struct scope scope;
	struct list listeners, arrivals, conns;
	uint32_t handshakes;
	struct http_server_stats stats;
	bool stopping, aborting, closed;
	struct op closer, grace;
	struct op *stop;
	bool stop_cancelled;
};

static void listener_next(struct server_listener *l);
static void server_check_ended(struct http_server *s);

/* ---- from arrival to connection ---- */

static struct stream *arrival_stream(const struct arrival *a)
{
	return a->tls ? a->tls : a->stream;
}

static void listeners_resume(struct http_server *s)
{
	list_each (k, &s->listeners)
		listener_next(LIST_ENTRY(k, struct server_listener, in_server));
}

static void arrival_free(struct arrival *a)
{
	link_remove(&a->in_server);
	buf_done(&a->in);
	mem_free(a);
}

/* It will not become a connection. */
static void arrival_end(struct arrival *a)
{
	struct http_server *s = a->server;
	stream_close(arrival_stream(a));
	arrival_free(a);
	s->stats.connections--;
	listeners_resume(s);
	server_check_ended(s);
}

static void conn_start(struct arrival *a, bool http2)
{
	struct http_server *s = a->server;
	struct server_conn *c = http2 ? http2_server_conn_new() : http1_server_conn_new();
	c->server = s;
	c->stream = arrival_stream(a);
	c->env = s->env;
	c->limits = &s->limits;
	c->handler = s->handler;
	c->handler_ctx = s->ctx;
	c->server_header = str_from(s->server_header);
	c->in = TAKE(a->in);
	c->peer.remote = c->stream->remote;
	c->peer.local = c->stream->local;
	c->peer.tls = a->tls;
	if (a->tls)
		tls_stream_info(a->tls, &c->peer.tls_info);
	scope_init(&c->scope, &s->scope, http2 ? "http2" : "http1", NULL);
	list_push(&s->conns, &c->in_server);
	arrival_free(a);
	if (http2)
		http2_server_conn_run(c);
	else
		http1_server_conn_run(c);
	listeners_resume(s);
}

static void arrival_read(struct arrival *a);

/* Without TLS a client of HTTP/2 begins by saying so; no request of HTTP/1 begins like that. */
static void arrival_got(struct op *op, struct err *err)
{
	struct arrival *a = CONTAINER_OF(op, struct arrival, op);
	if (err->code || op->n == 0) {
		arrival_end(a);
		return;
	}
	struct str in = buf_str(&a->in), preface = H2_PREFACE;
	if (str_starts(in, preface))
		conn_start(a, true);
	else if (str_starts(preface, in))
		arrival_read(a);
	else
		conn_start(a, false);
}

static void arrival_read(struct arrival *a)
{
	struct http_server *s = a->server;
	/* The first byte may take as long as that of any next request; a half preface may not. */
	int64_t time = a->in.len ? s->limits.header_timeout : s->limits.idle_timeout;
	op_init(&a->op, &s->scope, arrival_got, loop_in(s->env->loop, time));
	stream_read(a->stream, &a->op, &a->in, 16 * KIB);
}

static void arrival_secured(struct op *op, struct err *err)
{
	struct arrival *a = CONTAINER_OF(op, struct arrival, op);
	a->server->handshakes--;
	/* The stream below was taken in any case. */
	a->stream = NULL;
	if (err->code) {
		a->server->stats.handshake_failures += !a->server->aborting;
		arrival_end(a);
		return;
	}
	struct tls_info info;
	tls_stream_info(a->tls, &info);
	bool http2 = str_eq(info.alpn, STR("h2"));
	if (http2 && a->server->no_http2)
		arrival_end(a); /* a tls_config that offers what its server does not speak */
	else
		conn_start(a, http2);
}

void http_server_serve(struct http_server *s, struct stream *stream)
{
	bool naked = s->needs_tls && !s->tls;
	if (s->stopping || naked || s->stats.connections >= s->limits.max_connections) {
		s->stats.refused++;
		stream_close(stream);
		return;
	}
	struct arrival *a = mem_new(sizeof(*a));
	a->server = s;
	a->stream = stream;
	buf_init(&a->in, 16 * KIB);
	list_push(&s->arrivals, &a->in_server);
	s->stats.connections++;
	if (s->tls) {
		s->handshakes++;
		op_init(&a->op, &s->scope, arrival_secured, loop_in(s->env->loop, HANDSHAKE_TIME));
		tls_accept(s->env, &a->op, &s->scope, stream, s->tls, &a->tls);
	} else if (s->no_http2) {
		conn_start(a, false);
	} else {
		arrival_read(a);
	}
}

/* ---- listening ---- */

static void listener_accepted(struct op *op, struct err *err)
{
	struct server_listener *l = CONTAINER_OF(op, struct server_listener, op);
	struct http_server *s = l->server;
	if (!err->code && !TAKE(l->pausing)) {
		s->stats.accepted++;
		http_server_serve(s, TAKE(l->incoming));
	} else if (err->code && !s->stopping) {
		l->pausing = true;
		op_init(&l->op, &s->scope, listener_accepted, OP_NO_DEADLINE);
		timer_wait(&l->op, loop_in(s->env->loop, ACCEPT_PAUSE));
		return;
	}
	listener_next(l);
	server_check_ended(s);
}

static void listener_next(struct server_listener *l)
{
	struct http_server *s = l->server;
	if (s->stopping || op_active(&l->op) || s->handshakes >= HANDSHAKES_MAX ||
		s->stats.connections >= s->limits.max_connections)
		return;
	op_init(&l->op, &s->scope, listener_accepted, OP_NO_DEADLINE);
	listener_accept(l->listener, &l->op, &s->scope, &l->incoming);
}

int http_server_listen(
	struct http_server *s, const struct address *at, struct address *bound, struct err *err)
{
	assert(!s->stopping);
	struct listener *listener = NULL;
	int code = net_listen(s->env, &s->scope, at, BACKLOG, &listener, err);
	if (code)
		return code;
	struct server_listener *l = mem_new(sizeof(*l));
	l->server = s;
	l->listener = listener;
	list_push(&s->listeners, &l->in_server);
	if (bound)
		*bound = listener->address;
	listener_next(l);
	return 0;
}

/* ---- what the connections tell ---- */

void server_conn_count_request(struct server_conn *c)
{
	c->server->stats.requests++;
}

void server_conn_gone(struct server_conn *c)
{
	struct http_server *s = c->server;
	link_remove(&c->in_server);
	s->stats.connections--;
	listeners_resume(s);
	server_check_ended(s);
}

/* ---- ending ---- */

static void server_closed(struct op *op, struct err *err)
{
	(void)err;
	struct http_server *s = CONTAINER_OF(op, struct http_server, closer);
	s->closed = true;
	if (!s->stop)
		return;
	if (s->stop_cancelled)
		op_fail_cancelled(TAKE(s->stop));
	else
		op_finish(TAKE(s->stop), 0);
}

/* When nothing is left that would act by itself, the scope waits for the last descriptors. */
static void server_check_ended(struct http_server *s)
{
	if (!s->stopping || s->scope.closed || s->stats.connections)
		return;
	op_init(&s->closer, s->scope.parent, server_closed, OP_NO_DEADLINE);
	scope_close(&s->scope, &s->closer);
}

static void server_stop_accepting(struct http_server *s)
{
	s->stopping = true;
	list_each (k, &s->listeners) {
		struct server_listener *l = LIST_ENTRY(k, struct server_listener, in_server);
		op_cancel(&l->op);
		listener_close(TAKE(l->listener));
	}
	list_each (k, &s->arrivals)
		op_cancel(&LIST_ENTRY(k, struct arrival, in_server)->op);
}

/* Nothing leaves the list inside these calls: connections end through the run queue. */
static void server_abort(struct http_server *s)
{
	if (s->aborting)
		return;
	s->aborting = true;
	server_stop_accepting(s);
	op_cancel(&s->grace);
	list_each (k, &s->conns) {
		struct server_conn *c = LIST_ENTRY(k, struct server_conn, in_server);
		c->ops->abort(c);
	}
	server_check_ended(s);
}

static void server_asked(struct scope *scope)
{
	server_abort(CONTAINER_OF(scope, struct http_server, scope));
}

static void server_grace_over(struct op *op, struct err *err)
{
	struct http_server *s = CONTAINER_OF(op, struct http_server, grace);
	/* Cancelled: everything ended before. Refused: there is no grace. */
	if (err->code != ERR_CANCELLED || !s->scope.closed)
		server_abort(s);
}

static void server_stop_cancel(struct op *op)
{
	struct http_server *s = op->ctx;
	s->stop_cancelled = true;
	server_abort(s);
}

void http_server_stop(struct http_server *s, struct op *op, int64_t grace)
{
	static const struct op_kind kind = {
		.name = "http server stop", .cancel = server_stop_cancel};
	assert(!s->stop);
	op_begin_always(op, &kind, s);
	s->stop = op;
	if (s->closed) {
		op_finish(TAKE(s->stop), 0);
		return;
	}
	if (s->stopping)
		return;
	server_stop_accepting(s);
	list_each (k, &s->conns) {
		struct server_conn *c = LIST_ENTRY(k, struct server_conn, in_server);
		c->ops->drain(c);
	}
	op_init(&s->grace, &s->scope, server_grace_over, OP_NO_DEADLINE);
	timer_wait(&s->grace, loop_in(s->env->loop, grace));
	server_check_ended(s);
}

/* ---- the server itself ---- */

struct http_server *http_server_new(
	struct env *env, struct scope *parent, const struct http_server_options *o)
{
	struct http_server *s = mem_new(sizeof(*s));
	s->env = env;
	s->handler = o->handler;
	s->ctx = o->ctx;
	s->no_http2 = o->no_http2;
	s->needs_tls = o->needs_tls;
	s->name = mem_copy_text(o->name ? o->name : "http server");
	s->server_header = str_dup(o->server_header);
	http_limits_fill(&s->limits, &o->limits, true);
	http_server_set_tls(s, o->tls);
	scope_init(&s->scope, parent, s->name, server_asked);
	return s;
}

void http_server_set_tls(struct http_server *s, struct tls_config *tls)
{
	struct tls_config *old = s->tls;
	s->tls = tls ? tls_config_ref(tls) : NULL;
	if (old)
		tls_config_unref(old);
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	assert(s->closed);
	struct link *k;
	while ((k = list_pop(&s->listeners)))
		mem_free(LIST_ENTRY(k, struct server_listener, in_server));
	http_server_set_tls(s, NULL);
	mem_free(s->name);
	mem_free(s->server_header);
	mem_free(s);
}

void http_server_stats(const struct http_server *s, struct http_server_stats *stats)
{
	*stats = s->stats;
}
