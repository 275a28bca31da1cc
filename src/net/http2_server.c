#include "http2_server.h"

static struct h2_server *h2_server_of(struct h2 *h)
{
	return CONTAINER_OF(h, struct h2_server, h2);
}

static struct h2_exchange *h2_exchange_of(struct h2_stream *s)
{
	return CONTAINER_OF(s, struct h2_exchange, s);
}

/* ---- what arrives (inside nghttp2) ---- */

static int server_begin_headers(struct h2 *h, const nghttp2_frame *frame)
{
	struct h2_server *server = h2_server_of(h);
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
		struct h2_stream *s =
			nghttp2_session_get_stream_user_data(h->ng, frame->hd.stream_id);
		if (s)
			h2_exchange_of(s)->trailers = true;
		return 0;
	}
	h2_exchange_new(server, frame->hd.stream_id);
	/*
	 * Streams take turns, frame by frame, whatever the client thinks of their order: a watch
	 * must not wait behind a long list.
	 */
	nghttp2_extpri turns = {.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
	nghttp2_session_change_extpri_stream_priority(h->ng, frame->hd.stream_id, &turns, 1);
	return 0;
}

static int server_header(struct h2_stream *s, struct str name, struct str value)
{
	return h2_exchange_add(h2_exchange_of(s), name, value);
}

static int server_headers_done(struct h2_stream *s, const nghttp2_frame *frame)
{
	struct h2_exchange *e = h2_exchange_of(s);
	bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	if (!e->trailers && h2_exchange_head_done(e, ended))
		list_push(&e->server->ready, &e->in_ready);
	return 0;
}

static void server_stream_closed(struct h2_stream *s, uint32_t code)
{
	struct h2_exchange *e = h2_exchange_of(s);
	if (s->end_sent && s->remote_ended) {
		h2_exchange_closed(e, NULL);
		return;
	}
	struct err err = {0};
	err_set(&err, ERR_CLOSED, "stream error: stream ID %d; %s%s", s->id,
		nghttp2_http2_strerror(code), s->reset_by_peer ? "; received from peer" : "");
	h2_exchange_closed(e, &err);
	err_done(&err);
}

static void server_end_sent(struct h2_stream *s)
{
	h2_exchange_end_sent(h2_exchange_of(s));
}

/* ---- what follows from it ---- */

static void server_received(struct h2 *h)
{
	struct h2_server *server = h2_server_of(h);
	struct link *k;
	/* A request that was reset within the same batch is not here any more: it cost little. */
	while (h->state == H2_RUNNING && (k = list_pop(&server->ready))) {
		struct h2_exchange *e = LIST_ENTRY(k, struct h2_exchange, in_ready);
		e->handled = true;
		server_conn_count_request(&server->base);
		server->base.handler(server->base.handler_ctx, &e->x);
	}
}

static void server_lost(struct h2 *h)
{
	struct h2_server *server = h2_server_of(h);
	struct err err = {0};
	err_copy(&err, &h->err);
	list_each_safe (k, &server->exchanges)
		h2_exchange_closed(LIST_ENTRY(k, struct h2_exchange, in_conn), &err);
	err_done(&err);
}

static void server_idle(struct h2 *h)
{
	h2_drain(h);
}

/* ---- the end ---- */

void h2_server_left(struct h2_server *server)
{
	if (!server->over || !list_empty(&server->exchanges))
		return;
	h2_done(&server->h2);
	server_conn_gone(&server->base);
	mem_free(server);
}

static void server_over(struct h2 *h)
{
	struct h2_server *server = h2_server_of(h);
	server->over = true;
	h2_server_left(server);
}

static void server_drain(struct server_conn *c)
{
	struct h2_server *server = CONTAINER_OF(c, struct h2_server, base);
	h2_drain(&server->h2);
}

static void server_abort(struct server_conn *c)
{
	struct h2_server *server = CONTAINER_OF(c, struct h2_server, base);
	struct err err = {0};
	err_set(&err, ERR_CLOSED, "http2: server closed the connection");
	h2_end(&server->h2, &err);
}

static const struct server_conn_ops server_ops = {.drain = server_drain, .abort = server_abort};

static const struct h2_role server_role = {
	.name = "h2 server",
	.server = true,
	.received = server_received,
	.lost = server_lost,
	.over = server_over,
	.idle = server_idle,
	.begin_headers = server_begin_headers,
	.header = server_header,
	.headers_done = server_headers_done,
	.stream_closed = server_stream_closed,
	.end_sent = server_end_sent,
};

struct server_conn *http2_server_conn_new(void)
{
	struct h2_server *server = mem_new(sizeof(*server));
	server->base.ops = &server_ops;
	list_init(&server->exchanges);
	list_init(&server->ready);
	return &server->base;
}

void http2_server_conn_run(struct server_conn *c)
{
	struct h2_server *server = CONTAINER_OF(c, struct h2_server, base);
	struct h2 *h = &server->h2;
	h->role = &server_role;
	h->loop = c->env->loop;
	h->scope = &c->scope;
	h->stream = c->stream;
	h->limits = c->limits;
	h2_start(h, &c->in);
	buf_done(&c->in);
	if (c->draining)
		h2_drain(h);
}
