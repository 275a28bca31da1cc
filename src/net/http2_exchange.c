#include "http2_server.h"

static const struct http_exchange_ops exchange_ops;

struct h2_exchange *h2_exchange_new(struct h2_server *server, int32_t id)
{
	struct server_conn *c = &server->base;
	struct h2_exchange *e = mem_new(sizeof(*e));
	e->server = server;
	e->promised = -1;
	e->x.ops = &exchange_ops;
	e->x.peer = &c->peer;
	e->x.env = c->env;
	e->x.request.version = HTTP_2;
	arena_init_sized(&e->x.arena, HTTP_EXCHANGE_ARENA);
	scope_init(&e->x.scope, &c->scope, "exchange", NULL);
	list_push(&server->exchanges, &e->in_conn);
	h2_stream_open(&e->s, &server->h2, id);
	e->x.body_limit = e->s.receive_limit = c->limits->body_bytes;
	e->s.read_timed = true;
	return e;
}

/* ---- its end ---- */

static void h2_exchange_try_free(struct h2_exchange *e)
{
	struct h2_server *server = e->server;
	bool skipping = e->s.skip_until && e->s.open && !e->s.h2->lost;
	if (!e->closed || (e->handled && !e->done) || skipping)
		return;
	h2_stream_done(&e->s);
	link_remove(&e->in_conn);
	link_remove(&e->in_ready);
	arena_done(&e->x.arena);
	mem_free(e);
	h2_server_left(server);
}

static void h2_exchange_scope_closed(struct op *op, struct err *err)
{
	struct h2_exchange *e = CONTAINER_OF(op, struct h2_exchange, closing);
	(void)err;
	e->closed = true;
	h2_exchange_try_free(e);
}

static void h2_exchange_close_scope(struct h2_exchange *e)
{
	if (op_active(&e->closing) || e->closed)
		return;
	op_init(&e->closing, &e->server->base.scope, h2_exchange_scope_closed, OP_NO_DEADLINE);
	scope_close(&e->x.scope, &e->closing);
}

void h2_exchange_closed(struct h2_exchange *e, const struct err *why)
{
	if (!e->handled)
		link_remove(&e->in_ready); /* gone before anybody looked: no handler runs */
	if (why) {
		h2_stream_fail(&e->s, why);
		h2_exchange_close_scope(e);
	} else if (!e->handled) {
		h2_exchange_close_scope(e);
	}
	h2_exchange_try_free(e);
}

void h2_exchange_end_sent(struct h2_exchange *e)
{
	/* We answered a request that the handler will never see: its body is not wanted. */
	if (!e->handled && !e->s.remote_ended)
		h2_stream_reset(&e->s, NGHTTP2_NO_ERROR);
}

static void h2_exchange_done(struct http_exchange *x)
{
	struct h2_exchange *e = CONTAINER_OF(x, struct h2_exchange, x);
	assert(e->handled && !e->done);
	e->done = true;
	if (e->s.open && !e->s.end_sent)
		h2_stream_reset(&e->s, NGHTTP2_INTERNAL_ERROR);
	h2_stream_discard(&e->s);
	if (e->s.open && e->s.end_sent && !e->s.remote_ended)
		h2_stream_skip(&e->s);
	h2_exchange_close_scope(e);
	h2_exchange_try_free(e);
}

/* ---- the request's head ---- */

int h2_exchange_add(struct h2_exchange *e, struct str name, struct str value)
{
	struct http_request *r = &e->x.request;
	struct arena *a = &e->x.arena;
	/* RFC 9113 6.5.2: how the size we announced is counted. */
	e->head_bytes += name.len + value.len + 32;
	if (e->head_bytes > e->s.h2->limits->header_bytes ||
		r->headers.count + r->trailers.count >= e->s.h2->limits->header_count) {
		/* Trailers come behind a request that runs already: too late for a status. */
		e->head_over = true;
		return e->trailers ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
	}
	value = arena_str(a, value);
	if (name.len > 0 && name.at[0] == ':') {
		if (str_eq(name, STR(":method")))
			r->method = value;
		else if (str_eq(name, STR(":path")))
			r->target = value;
		else if (str_eq(name, STR(":authority")))
			r->authority = value;
		return 0;
	}
	http_headers_add(a, e->trailers ? &r->trailers : &r->headers, arena_str(a, name), value);
	return 0;
}

/*
 * RFC 9113 8.2.3: a client may cut its cookies apart to compress them better; they are one field.
 * Joined once, when all are there: field by field it would cost the square of their size.
 */
static void h2_join_cookies(struct arena *a, struct http_headers *h)
{
	size_t count = 0, size = 0, kept = 0;
	struct http_header *first = NULL;
	for (size_t i = 0; i < h->count; i++) {
		if (!str_eq(h->items[i].name, STR("cookie")))
			continue;
		first = first ? first : &h->items[i];
		size += h->items[i].value.len + 2;
		count++;
	}
	if (count < 2)
		return;
	char *joined = arena_alloc(a, size), *at = joined;
	for (size_t i = 0; i < h->count; i++) {
		struct http_header f = h->items[i];
		bool cookie = str_eq(f.name, STR("cookie"));
		if (cookie) {
			at = mempcpy(at, f.value.at, f.value.len);
			at = mempcpy(at, "; ", 2);
		}
		if (!cookie || &h->items[i] == first)
			h->items[kept++] = f;
	}
	h->count = kept;
	first->value = str_make(joined, size - 2);
}

static bool h2_request_length(struct http_request *r, bool ended)
{
	struct str text = http_headers_get(&r->headers, STR("content-length"));
	uint64_t length = 0;
	r->length = ended ? 0 : HTTP_LENGTH_UNKNOWN;
	if (!text.at)
		return true;
	if (!str_to_u64(text, &length) || length > INT64_MAX)
		return false; /* nghttp2 has checked it */
	r->length = (int64_t)length;
	return true;
}

/* A whole answer of our own to a request that no handler gets. */
static void h2_exchange_refuse(struct h2_exchange *e, const char *status)
{
	nghttp2_nv head = {.name = (uint8_t *)(uintptr_t) ":status",
		.namelen = 7,
		.value = (uint8_t *)(uintptr_t)status,
		.valuelen = 3};
	h2_stream_discard(&e->s);
	nghttp2_submit_response(e->s.h2->ng, e->s.id, &head, 1, NULL);
}

bool h2_exchange_head_done(struct h2_exchange *e, bool ended)
{
	struct http_request *r = &e->x.request;
	if (e->head_over) {
		h2_exchange_refuse(e, "431");
		return false;
	}
	h2_join_cookies(&e->x.arena, &r->headers);
	/* RFC 9113 8.3.1: two names for one host must be the same. */
	struct str host = http_headers_get(&r->headers, STR("host"));
	if (!r->authority.len)
		r->authority = host;
	else if (host.len && !str_eq_nocase(host, r->authority)) {
		h2_exchange_refuse(e, "400");
		return false;
	}
	if (!h2_request_length(r, ended)) {
		h2_exchange_refuse(e, "400");
		return false;
	}
	if (str_eq(r->method, STR("CONNECT")))
		r->target = r->authority;
	e->expects =
		str_eq_nocase(http_headers_get(&r->headers, STR("expect")), STR("100-continue"));
	e->x.started = loop_now(e->s.h2->loop);
	return true;
}

/* ---- what the handler calls ---- */

static void h2_exchange_read(struct http_exchange *x, struct op *op, struct buf *into, size_t max)
{
	struct h2_exchange *e = CONTAINER_OF(x, struct h2_exchange, x);
	int64_t limit = e->s.receive_limit = x->body_limit;
	if (limit >= 0 && x->request.length > limit) {
		op_fail_with(op, ERR_TOO_LARGE, "request body too large: %lld bytes, at most %lld",
			(long long)x->request.length, (long long)limit);
		return;
	}
	if (e->expects && e->s.open && !e->s.remote_ended && e->s.received == 0 && !x->status) {
		nghttp2_nv head = {.name = (uint8_t *)(uintptr_t) ":status",
			.namelen = 7,
			.value = (uint8_t *)(uintptr_t) "100",
			.valuelen = 3};
		nghttp2_submit_headers(
			e->s.h2->ng, NGHTTP2_FLAG_NONE, e->s.id, NULL, &head, 1, NULL);
		h2_flush(e->s.h2);
	}
	e->expects = false;
	h2_stream_read(&e->s, op, into, max);
}

/* The head of the answer; false: op has failed. provided: DATA follows. */
static bool h2_exchange_head(struct h2_exchange *e, struct op *op,
	const struct http_header *headers, size_t count, int64_t length, bool provided)
{
	struct http_exchange *x = &e->x;
	struct h2 *h = e->s.h2;
	if (h2_stream_refuses(&e->s, op))
		return false;
	struct h2_fields f;
	h2_fields_init(&f, &x->arena, count + 4);
	h2_fields_add(&f, STR(":status"), arena_print(&x->arena, "%03d", x->status));
	bool dated = false, last = false;
	for (size_t i = 0; i < count; i++) {
		dated |= str_eq_nocase(headers[i].name, STR("date"));
		last |= str_eq_nocase(headers[i].name, STR("connection")) &&
			str_eq_nocase(headers[i].value, STR("close"));
	}
	if (!dated)
		h2_fields_add(&f, STR("date"), http_date(x->env));
	if (e->server->base.server_header.len)
		h2_fields_add(&f, STR("server"), e->server->base.server_header);
	if (length >= 0 && x->status != 204)
		h2_fields_add(&f, STR("content-length"),
			arena_print(&x->arena, "%lld", (long long)length));
	h2_fields_add_all(&f, headers, count);
	nghttp2_data_provider provider = h2_stream_provider(&e->s);
	e->s.provider = provided;
	int code = nghttp2_submit_response(
		h->ng, e->s.id, f.items, f.count, provided ? &provider : NULL);
	if (code) {
		op_fail_with(op, ERR_INTERNAL, "http2: %s", nghttp2_strerror(code));
		return false;
	}
	if (last)
		h2_drain(h);
	h2_flush(h);
	return true;
}

static bool h2_exchange_is_bodiless(const struct http_exchange *x)
{
	return str_eq(x->request.method, STR("HEAD")) || x->status == 204 || x->status == 304;
}

static void h2_exchange_respond(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t count, struct str body)
{
	struct h2_exchange *e = CONTAINER_OF(x, struct h2_exchange, x);
	(void)status;
	bool bodiless = h2_exchange_is_bodiless(x);
	int64_t length = bodiless && x->status == 304 && !body.len ? -1 : (int64_t)body.len;
	bool provided = !bodiless && body.len > 0;
	if (!h2_exchange_head(e, op, headers, count, length, provided))
		return;
	x->sent = provided ? (int64_t)body.len : 0;
	h2_stream_write_last(&e->s, op, provided ? body : (struct str){0});
}

static void h2_exchange_start(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t count, int64_t length)
{
	struct h2_exchange *e = CONTAINER_OF(x, struct h2_exchange, x);
	(void)status;
	e->bodiless = h2_exchange_is_bodiless(x);
	e->promised = length;
	if (h2_exchange_head(e, op, headers, count, length, !e->bodiless))
		h2_stream_await_head(&e->s, op);
}

static void h2_exchange_write(
	struct http_exchange *x, struct op *op, const struct str *parts, size_t count)
{
	struct h2_exchange *e = CONTAINER_OF(x, struct h2_exchange, x);
	int64_t size = 0;
	for (size_t i = 0; i < count; i++)
		size += (int64_t)parts[i].len;
	if (e->promised >= 0 && x->sent + size > e->promised) {
		op_fail_with(op, ERR_INTERNAL, "http: wrote more than the declared Content-Length");
		return;
	}
	x->sent += size;
	if (e->bodiless)
		op_finish(op, size);
	else
		h2_stream_write(&e->s, op, parts, count);
}

static void h2_exchange_end(
	struct http_exchange *x, struct op *op, const struct http_headers *trailers)
{
	struct h2_exchange *e = CONTAINER_OF(x, struct h2_exchange, x);
	if (e->promised >= 0 && x->sent < e->promised && !e->bodiless) {
		struct err err = {0};
		err_set(&err, ERR_INTERNAL, "http: wrote less than the declared Content-Length");
		h2_stream_reset(&e->s, NGHTTP2_INTERNAL_ERROR);
		op_fail(op, &err);
		return;
	}
	if (e->bodiless)
		op_finish(op, 0); /* HEADERS have carried END_STREAM */
	else
		h2_stream_end(&e->s, op, trailers);
}

static void h2_exchange_upgrade(struct http_exchange *x, struct op *op,
	const struct http_header *headers, size_t count, struct stream **stream, struct buf *early)
{
	(void)x, (void)headers, (void)count, (void)stream, (void)early;
	op_fail_with(op, ERR_UNSUPPORTED, "upgrades do not exist in HTTP/2");
}

static void h2_exchange_cancel(struct http_exchange *x, struct op *op)
{
	struct h2_exchange *e = CONTAINER_OF(x, struct h2_exchange, x);
	h2_stream_cancel(&e->s, op);
}

static const struct http_exchange_ops exchange_ops = {
	.read = h2_exchange_read,
	.respond = h2_exchange_respond,
	.start = h2_exchange_start,
	.write = h2_exchange_write,
	.end = h2_exchange_end,
	.upgrade = h2_exchange_upgrade,
	.done = h2_exchange_done,
	.cancel = h2_exchange_cancel,
};
