#include "http2_client.h"

/* As many 1xx answers as Go bears. */
#define H2_MAX_INTERIM 5

static struct h2_call *h2_call_of(struct http_call *call)
{
	return call->state->in_conn;
}

static struct h2_call *h2_call_of_stream(struct h2_stream *s)
{
	return CONTAINER_OF(s, struct h2_call, s);
}

/* ---- the request ---- */

/* Fields the connection writes itself, or that must not be there. */
static bool h2_request_field_is_ours(const struct http_header *f)
{
	return str_eq_nocase(f->name, STR("host")) ||
	       str_eq_nocase(f->name, STR("content-length")) ||
	       (str_eq_nocase(f->name, STR("te")) && !str_eq_nocase(f->value, STR("trailers")));
}

static bool h2_method_has_body(struct str method)
{
	return str_eq(method, STR("POST")) || str_eq(method, STR("PUT")) ||
	       str_eq(method, STR("PATCH"));
}

static void h2_request_fields(struct h2_fields *f, struct http_call *call)
{
	const struct http_call_state *state = call->state;
	h2_fields_init(f, &call->arena, call->headers.count + 5);
	h2_fields_add(f, STR(":method"), call->method);
	h2_fields_add(f, STR(":scheme"), state->scheme);
	h2_fields_add(f, STR(":authority"), state->authority);
	h2_fields_add(f, STR(":path"), state->target);
	int64_t length =
		call->body_length == HTTP_BODY_GIVEN ? (int64_t)call->body.len : call->body_length;
	if (length > 0 || (length == 0 && h2_method_has_body(call->method)))
		h2_fields_add(f, STR("content-length"),
			arena_print(&call->arena, "%lld", (long long)length));
	for (size_t i = 0; i < call->headers.count; i++)
		if (!h2_request_field_is_ours(&call->headers.items[i]))
			h2_fields_add_all(f, &call->headers.items[i], 1);
}

/* Nothing was sent: whoever has the call may take it to another connection. */
static void h2_call_refuse(struct http_call *call, struct op *op, int code, const char *text)
{
	call->unprocessed = true;
	op_fail_with(op, code, "%s", text);
}

void h2_call_start(struct client_conn *c, struct http_call *call, struct op *op)
{
	struct h2_client *client = CONTAINER_OF(c, struct h2_client, base);
	struct h2 *h = &client->h2;
	c->active++;
	c->used++;
	call->unprocessed = false;
	call->state->in_conn = NULL;
	if (call->upgrade || str_eq(call->method, STR("CONNECT"))) {
		op_fail_with(op, ERR_UNSUPPORTED, "upgrades do not exist in HTTP/2");
		return;
	}
	if (c->broken || h->state != H2_RUNNING || h->deaf) {
		c->broken = true; /* or the pool would choose it again */
		h2_call_refuse(call, op, ERR_UNAVAILABLE, "http2: client conn is closed");
		return;
	}
	struct h2_call *k = mem_new(sizeof(*k));
	bool given = call->body_length == HTTP_BODY_GIVEN;
	bool bodiless = given ? call->body.len == 0 : call->body_length == 0;
	struct h2_fields f;
	h2_request_fields(&f, call);
	nghttp2_data_provider provider = h2_stream_provider(&k->s);
	k->s.provider = !bodiless;
	int32_t id = nghttp2_submit_request(
		h->ng, NULL, f.items, f.count, bodiless ? NULL : &provider, &k->s);
	if (id < 0) {
		mem_free(k);
		c->broken = true;
		h2_call_refuse(call, op, ERR_UNAVAILABLE, nghttp2_strerror(id));
		return;
	}
	k->client = client;
	k->call = call;
	k->op = op;
	k->unsent = given ? -1 : call->body_length;
	h2_stream_open(&k->s, h, id);
	k->s.receive_limit = c->limits->body_bytes;
	list_push(&client->calls, &k->in_client);
	call->state->in_conn = k;
	if (given || bodiless)
		h2_stream_write_last(&k->s, NULL, bodiless ? (struct str){0} : call->body);
	h2_flush(h);
}

static bool h2_call_gone(struct http_call *call, struct op *op)
{
	if (h2_call_of(call))
		return false;
	op_fail_with(op, ERR_CLOSED, "http2: the request was not sent");
	return true;
}

void h2_call_write(struct client_conn *c, struct http_call *call, struct op *op,
	const struct str *parts, size_t count)
{
	(void)c;
	if (h2_call_gone(call, op))
		return;
	struct h2_call *k = h2_call_of(call);
	if (k->unsent >= 0) {
		for (size_t i = 0; i < count; i++)
			k->unsent -= (int64_t)parts[i].len;
		if (k->unsent < 0) {
			k->unsent = 0;
			op_fail_with(op, ERR_INTERNAL,
				"http2: request body larger than specified content length");
			return;
		}
	}
	h2_stream_write(&k->s, op, parts, count);
}

void h2_call_end(struct client_conn *c, struct http_call *call, struct op *op)
{
	(void)c;
	if (h2_call_gone(call, op))
		return;
	struct h2_call *k = h2_call_of(call);
	if (k->unsent > 0) {
		h2_stream_reset(&k->s, NGHTTP2_CANCEL);
		op_fail_with(op, ERR_INTERNAL,
			"http2: request body shorter than specified content length");
		return;
	}
	h2_stream_end(&k->s, op, NULL);
}

/* ---- the response (inside nghttp2) ---- */

int h2_call_begin_headers(struct h2 *h, const nghttp2_frame *frame)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(h->ng, frame->hd.stream_id);
	if (!s)
		return 0;
	struct h2_call *k = h2_call_of_stream(s);
	if (!k->head_done)
		k->call->response = (struct http_headers){0};
	k->head_bytes = 0;
	return 0;
}

int h2_call_header(struct h2_stream *s, struct str name, struct str value)
{
	struct h2_call *k = h2_call_of_stream(s);
	struct http_call *call = k->call;
	struct http_headers *to = k->head_done ? &call->trailers : &call->response;
	k->head_bytes += name.len + value.len + 32;
	if (k->head_bytes > s->h2->limits->header_bytes ||
		to->count >= s->h2->limits->header_count) {
		struct err err = {0};
		err_set(&err, ERR_TOO_LARGE,
			"http2: response header list larger than advertised limit");
		h2_call_fail(k, &err, false);
		err_done(&err);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	if (name.len > 0 && name.at[0] == ':') {
		uint64_t status = 0;
		if (str_eq(name, STR(":status")) && str_to_u64(value, &status))
			k->status = (int)status; /* three digits: nghttp2 has looked */
		return 0;
	}
	http_headers_add(
		&call->arena, to, arena_str(&call->arena, name), arena_str(&call->arena, value));
	return 0;
}

static int64_t h2_response_length(const struct http_call *call, bool ended)
{
	uint64_t length;
	if (str_to_u64(http_headers_get(&call->response, STR("content-length")), &length) &&
		length <= INT64_MAX)
		return (int64_t)length;
	return ended ? 0 : HTTP_LENGTH_UNKNOWN;
}

int h2_call_headers_done(struct h2_stream *s, const nghttp2_frame *frame)
{
	struct h2_call *k = h2_call_of_stream(s);
	struct http_call *call = k->call;
	if (k->head_done)
		return 0;
	if (k->status < 200) {
		if (++k->interim <= H2_MAX_INTERIM)
			return 0;
		struct err err = {0};
		err_set(&err, ERR_PROTOCOL, "http2: too many 1xx informational responses");
		h2_call_fail(k, &err, false);
		err_done(&err);
		h2_stream_reset(s, NGHTTP2_PROTOCOL_ERROR);
		return 0;
	}
	k->head_done = true;
	call->version = HTTP_2;
	call->status = k->status;
	call->length = h2_response_length(call, frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
	/* From here on the request's memory is the caller's again. */
	h2_stream_keep_body(s);
	if (k->op)
		op_finish(TAKE(k->op), 0);
	return 0;
}

void h2_call_read(
	struct client_conn *c, struct http_call *call, struct op *op, struct buf *into, size_t max)
{
	(void)c;
	if (!h2_call_gone(call, op))
		h2_stream_read(&h2_call_of(call)->s, op, into, max);
}

/* ---- the end ---- */

void h2_call_fail(struct h2_call *k, const struct err *why, bool unprocessed)
{
	if (k->op) {
		k->call->unprocessed = unprocessed;
		op_fail_copy(TAKE(k->op), why);
	}
	h2_stream_fail(&k->s, why);
}

static int h2_reset_err_code(uint32_t code)
{
	switch (code) {
	case NGHTTP2_REFUSED_STREAM:
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return ERR_UNAVAILABLE;
	case NGHTTP2_PROTOCOL_ERROR:
	case NGHTTP2_FLOW_CONTROL_ERROR:
	case NGHTTP2_FRAME_SIZE_ERROR:
	case NGHTTP2_COMPRESSION_ERROR:
		return ERR_PROTOCOL;
	default:
		return ERR_CLOSED;
	}
}

void h2_call_stream_closed(struct h2_stream *s, uint32_t code)
{
	struct h2_call *k = h2_call_of_stream(s);
	struct err err = {0};
	bool refused = code == NGHTTP2_REFUSED_STREAM && !k->head_done;
	if (refused && !s->reset_by_peer)
		err_set(&err, ERR_UNAVAILABLE,
			"http2: Transport received Server's graceful shutdown GOAWAY");
	else
		err_set(&err, h2_reset_err_code(code), "stream error: stream ID %d; %s%s", s->id,
			nghttp2_http2_strerror(code),
			s->reset_by_peer ? "; received from peer" : "");
	h2_call_fail(k, &err, refused);
	err_done(&err);
}

void h2_call_cancel(struct client_conn *c, struct http_call *call, struct op *op)
{
	struct h2_call *k = h2_call_of(call);
	(void)c;
	if (op == k->op) {
		k->op = NULL;
		h2_stream_reset(&k->s, NGHTTP2_CANCEL);
		op_fail_cancelled(op);
	} else {
		h2_stream_cancel(&k->s, op);
	}
}

void h2_call_release(struct http_call *call)
{
	struct h2_call *k = h2_call_of(call);
	if (!k)
		return;
	assert(!k->op);
	if (k->s.reader || k->s.writer) {
		struct err err = {0};
		err_set(&err, ERR_CLOSED, "the call is over");
		h2_stream_fail(&k->s, &err);
		err_done(&err);
	}
	if (k->s.open && !(k->s.end_sent && k->s.remote_ended))
		h2_stream_reset(&k->s, NGHTTP2_CANCEL);
	link_remove(&k->in_client);
	h2_stream_done(&k->s);
	mem_free(k);
	call->state->in_conn = NULL;
}
