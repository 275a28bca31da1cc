#include "http1_client.h"

/* Interim responses that are passed over before the answer; Go takes five. */
#define INTERIM_MAX 8

/* ---- the response's head ---- */

static void head_taken(struct http1_client *c, const struct http1_response *r)
{
	struct http_call *call = c->call;
	bool tunnel = str_eq(call->method, STR("CONNECT")) && r->status / 100 == 2;
	enum http1_body_kind kind = HTTP1_BODY_CLOSE;
	if (tunnel || r->status == 101 || r->status == 204 || r->status == 304 ||
		str_eq(call->method, STR("HEAD")))
		kind = HTTP1_BODY_NONE;
	else if (c->framing.chunked)
		kind = HTTP1_BODY_CHUNKED;
	else if (c->framing.has_length)
		kind = HTTP1_BODY_LENGTH;
	http1_body_done(&c->body);
	http1_body_init(&c->body, kind, c->framing.length);
	c->keep = c->framing.keep_alive && kind != HTTP1_BODY_CLOSE;
	if (!c->keep)
		c->base.broken = true;
	call->version = r->version;
	call->status = r->status;
	call->response = r->headers;
	call->trailers = (struct http_headers){0};
	call->length = kind == HTTP1_BODY_NONE     ? 0
		       : kind == HTTP1_BODY_LENGTH ? c->framing.length
						   : HTTP_LENGTH_UNKNOWN;
	c->state = tunnel || r->status == 101 ? CLIENT_TAKEN : CLIENT_BODY;
	if (c->state == CLIENT_TAKEN)
		c->base.broken = true;
	op_finish(TAKE(c->starter), r->status);
}

/* true: there may be another head behind an interim one. */
static bool head_read(struct http1_client *c)
{
	struct str head = http1_client_pending(c);
	enum http1_found found = http1_scan_head(&c->scan, head);
	if (found == HTTP1_BAD ||
		(found == HTTP1_MORE && head.len && !str_starts(head, STR("H")))) {
		http1_client_break(c, ERR_PROTOCOL, "malformed HTTP response");
		return false;
	}
	size_t len = found == HTTP1_COMPLETE ? c->scan.at : head.len;
	if (len > c->base.limits->header_bytes ||
		(found == HTTP1_MORE && len == c->base.limits->header_bytes)) {
		http1_client_break(c, ERR_TOO_LARGE, "response head too large");
		return false;
	}
	if (found == HTTP1_MORE)
		return false;
	head = str_make(arena_copy(&c->call->arena, head.at, len), len);
	http1_client_used(c, len);
	c->scan = (struct http1_scan){0};
	struct http1_response r;
	struct err err = {0};
	if (http1_parse_response(&c->call->arena, head, c->base.limits, &r, &c->framing, &err)) {
		http1_client_break(c, err.code, err_text(&err));
		err_done(&err);
		return false;
	}
	if (r.status >= 200 || (r.status == 101 && c->call->upgrade)) {
		head_taken(c, &r);
		return false;
	}
	if (r.status == 101 || ++c->interim > INTERIM_MAX) {
		http1_client_break(c, ERR_PROTOCOL,
			r.status == 101 ? "upgraded without being asked"
					: "too many 1xx responses");
		return false;
	}
	return true;
}

/* ---- the response's body ---- */

static bool body_ended(struct http1_client *c, struct err *err)
{
	struct str block = buf_str(&c->body.trailer);
	struct http_call *call = c->call;
	if (block.len == 0)
		return true;
	block.at = arena_copy(&call->arena, block.at, block.len);
	buf_clear(&c->body.trailer); /* the read that is told of the end comes here again */
	return http1_parse_trailers(&call->arena, block, c->base.limits, &call->trailers, err) == 0;
}

static void body_feed(struct http1_client *c)
{
	struct buf *into = c->reader_into;
	size_t room = into->max > into->len ? into->max - into->len : 0, taken = 0;
	size_t max = MIN(c->reader_max, room);
	struct err err = {0};
	ssize_t got = http1_body_read(&c->body, http1_client_pending(c), &taken, into, max, &err);
	http1_client_used(c, taken);
	if (c->peer_ended && http1_body_ends_at_close(&c->body) && http1_client_pending(c).len == 0)
		c->body.ended = true;
	bool fine = got >= 0 && (!c->body.ended || body_ended(c, &err));
	err_done(&err);
	int64_t limit = c->base.limits->body_bytes;
	if (!fine)
		http1_client_break(c, ERR_PROTOCOL, "malformed response body");
	else if (limit >= 0 && c->body.total > limit)
		http1_client_break(c, ERR_TOO_LARGE, "response body too large");
	else if (got > 0 || c->body.ended)
		op_finish(TAKE(c->reader), got);
	else if (max == 0 && http1_client_pending(c).len)
		http1_client_fail(&c->reader, ERR_LIMIT, "no room for more of the response body");
	else if (c->peer_ended)
		http1_client_break(c, ERR_CLOSED, "unexpected end of the response body");
}

void http1_client_read(struct client_conn *base, struct http_call *call, struct op *op,
	struct buf *into, size_t max)
{
	struct http1_client *c = http1_client_of(base);
	assert(!c->reader && c->call == call);
	c->reader = op;
	c->reader_into = into;
	c->reader_max = max;
	if (c->state == CLIENT_ENDED) {
		bool whole = call->status && c->body.ended;
		if (whole)
			op_finish(TAKE(c->reader), 0);
		else
			http1_client_fail(&c->reader, c->code, "connection closed");
		return;
	}
	assert(call->status);
	body_feed(c);
	http1_client_watch(c);
}

/* ---- reading ---- */

static void conn_got(struct http1_client *c)
{
	c->answered = true;
	if (c->state == CLIENT_FREE) {
		http1_client_break(c, ERR_PROTOCOL, "bytes that nobody asked for");
		return;
	}
	while (c->state == CLIENT_HEAD && http1_client_pending(c).len && head_read(c))
		;
	if (c->state == CLIENT_BODY && c->reader)
		body_feed(c);
}

static void conn_peer_ended(struct http1_client *c)
{
	c->peer_ended = true;
	c->base.broken = true;
	if (c->state == CLIENT_FREE)
		http1_client_break(c, ERR_CLOSED, "connection closed");
	else if (c->state == CLIENT_HEAD && c->answered)
		http1_client_break(c, ERR_PROTOCOL, "unexpected end of the response head");
	else if (c->state == CLIENT_HEAD)
		http1_client_break(
			c, ERR_CLOSED, "the server closed the connection without an answer");
	else if (c->reader)
		body_feed(c);
}

static void conn_read(struct op *op, struct err *err)
{
	struct http1_client *c = CONTAINER_OF(op, struct http1_client, read);
	if (c->state == CLIENT_ENDED)
		return;
	if (err->code == ERR_CANCELLED)
		http1_client_break(c, ERR_CLOSED, "connection closed");
	else if (err->code)
		http1_client_break(c, err->code, err_text(err));
	else if (op->n == 0)
		conn_peer_ended(c);
	else
		conn_got(c);
	http1_client_watch(c);
}

void http1_client_watch(struct http1_client *c)
{
	if (c->state >= CLIENT_TAKEN || c->peer_ended || op_active(&c->read))
		return;
	size_t limit = c->state == CLIENT_HEAD ? c->base.limits->header_bytes : READ_AHEAD;
	if (http1_client_pending(c).len >= limit)
		return;
	if (c->in_at) {
		buf_drop_front(&c->in, c->in_at);
		c->in_at = 0;
	}
	op_init(&c->read, &c->base.scope, conn_read, OP_NO_DEADLINE);
	/* Idle, a byte is enough to know. */
	stream_read(c->base.stream, &c->read, &c->in, READ_AHEAD);
}
