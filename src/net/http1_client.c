/*
 * One HTTP/1.1 connection of a client: one call at a time.
 *
 *	FREE ──start──> HEAD ──head──> BODY ──done, all read and sent──> FREE
 *	 │               │              │ └──done, too much is unread──┐
 *	 │ bytes or end  │ failed       └──101──> TAKEN ──────────────┤
 *	 v               v                                            v
 *	ENDED <──────────┴────────────────────────────────────────────┘
 *
 * A read is kept armed while there is room, also when no call runs: what comes then, an end or
 * bytes that nobody asked for, makes the connection useless. There are no time-outs for answers
 * here, for a watch may be silent for hours: the caller's ops have deadlines.
 */
#include "http1_body.h"
#include "http1_send.h"
#include "http_conn.h"

#include <kube/mem.h>

/* Interim responses that are passed over before the answer; Go takes five. */
#define INTERIM_MAX 8
#define READ_AHEAD  (64 * KIB)

enum client_state { CLIENT_FREE, CLIENT_HEAD, CLIENT_BODY, CLIENT_TAKEN, CLIENT_ENDED };

struct http1_client {
	struct client_conn base;
	uint8_t state; /* enum client_state */
	struct http_call *call;
	struct op read, gone;
	struct buf in, out;
	size_t in_at;
	struct http1_scan scan;
	struct http1_framing framing;
	struct http1_body body;
	struct http1_send send;
	char chunk_line[HTTP1_CHUNK_LINE_MAX];
	struct op *starter, *reader, *writer;
	struct buf *reader_into;
	size_t reader_max;
	int code; /* why the response body cannot be read any more */
	uint8_t interim;
	bool answered; /* a byte of the answer has come */
	bool peer_ended, keep, ending;
	bool body_sent; /* of the request, to its end */
	bool send_failed;
	bool send_queued, queued_end;
	const struct str *queued_parts;
	size_t queued_count;
	int64_t sending, sent; /* request body bytes: in this write, before it */
};

static struct http1_client *client_of(struct client_conn *base)
{
	return CONTAINER_OF(base, struct http1_client, base);
}

static struct str pending(const struct http1_client *c)
{
	return str_skip(buf_str(&c->in), c->in_at);
}

static void used(struct http1_client *c, size_t n)
{
	c->in_at += n;
	if (c->in_at < c->in.len)
		return;
	c->in_at = 0;
	buf_clear(&c->in);
}

/* ---- ending ---- */

static void conn_free(struct op *op, struct err *err)
{
	(void)err;
	struct http1_client *c = CONTAINER_OF(op, struct http1_client, gone);
	buf_done(&c->in);
	buf_done(&c->out);
	http1_body_done(&c->body);
	client_conn_gone(&c->base);
	mem_free(c);
}

static void check_gone(struct http1_client *c)
{
	if (c->state != CLIENT_ENDED || c->call || c->ending)
		return;
	c->ending = true;
	op_init(&c->gone, c->base.scope.parent, conn_free, OP_NO_DEADLINE);
	scope_close(&c->base.scope, &c->gone);
}

static void fail_with(struct op **op, int code, const char *text)
{
	if (*op)
		op_fail_with(TAKE(*op), code, "%s", text);
}

/* Everything that waits for this connection hears why it ends. */
static void conn_break(struct http1_client *c, int code, const char *text)
{
	if (c->state == CLIENT_ENDED)
		return;
	c->state = CLIENT_ENDED;
	c->base.broken = true;
	c->code = code;
	stream_close(TAKE(c->base.stream));
	fail_with(&c->starter, code, text);
	fail_with(&c->reader, code, text);
	/* A write that is under way ends by its stream. */
	if (!http1_send_active(&c->send)) {
		c->send_queued = false;
		fail_with(&c->writer, code, text);
	}
	check_gone(c);
}

/* ---- the request ---- */

static void print_body_length(struct http1_client *c, const struct http_call *call)
{
	bool given = call->body_length == HTTP_BODY_GIVEN;
	int64_t length = given ? (int64_t)call->body.len : call->body_length;
	/* Methods that mean a body say so when it is empty. */
	bool expected = str_eq(call->method, STR("POST")) || str_eq(call->method, STR("PUT")) ||
			str_eq(call->method, STR("PATCH"));
	if (length > 0 || (length == 0 && (expected || !given)))
		buf_print(&c->out, "Content-Length: %lld\r\n", (long long)length);
	else if (length < 0)
		buf_add_str(&c->out, STR("Transfer-Encoding: chunked\r\n"));
}

static void print_headers(struct http1_client *c, const struct http_call *call)
{
	const struct http_headers *h = &call->headers;
	if (!http_headers_has(h, STR("Host")))
		http1_print_field(&c->out, STR("Host"), call->state->authority);
	for (size_t i = 0; i < h->count; i++)
		if (!str_eq_nocase(h->items[i].name, STR("Content-Length")) &&
			!str_eq_nocase(h->items[i].name, STR("Transfer-Encoding")))
			http1_print_field(&c->out, h->items[i].name, h->items[i].value);
	if (call->upgrade && !http_headers_has(h, STR("Connection")))
		buf_add_str(&c->out, STR("Connection: Upgrade\r\n"));
	print_body_length(c, call);
}

static bool target_valid(struct str target)
{
	for (size_t i = 0; i < target.len; i++)
		if (target.at[i] <= ' ' || target.at[i] == 0x7f)
			return false;
	return target.len > 0;
}

/* false: what the caller wants sent cannot be a request. */
static bool print_request(struct http1_client *c, const struct http_call *call)
{
	struct str target = call->state->target;
	buf_clear(&c->out);
	if (call->method.len == 0 || http_token_span(call->method) != call->method.len ||
		!target_valid(target))
		return false;
	buf_add_str(&c->out, call->method);
	buf_add_char(&c->out, ' ');
	buf_add_str(&c->out, target);
	buf_add_str(&c->out, STR(" HTTP/1.1\r\n"));
	print_headers(c, call);
	buf_add_str(&c->out, STR("\r\n"));
	return !buf_over(&c->out);
}

static void watch(struct http1_client *c);

static void conn_start(struct client_conn *base, struct http_call *call, struct op *op)
{
	struct http1_client *c = client_of(base);
	assert(!c->call && !base->active);
	c->call = call;
	c->starter = op;
	base->active = 1;
	base->used++;
	c->interim = 0;
	c->answered = c->send_failed = false;
	c->sent = c->sending = 0;
	c->code = 0;
	call->status = 0;
	if (c->state != CLIENT_FREE) {
		fail_with(&c->starter, ERR_CLOSED, "connection closed");
		return;
	}
	if (!print_request(c, call)) {
		fail_with(&c->starter, ERR_BAD_REQUEST, "malformed or too large request head");
		return;
	}
	c->state = CLIENT_HEAD;
	c->body_sent = call->body_length == HTTP_BODY_GIVEN || call->body_length == 0;
	bool body = call->body_length == HTTP_BODY_GIVEN && call->body.len;
	http1_send_start(&c->send, buf_str(&c->out), &call->body, body, (struct str){0});
	watch(c);
}

/* The next piece of a body that the caller writes. */
static void piece_send(struct http1_client *c, const struct str *parts, size_t count, bool end)
{
	bool chunked = c->call->body_length == HTTP_LENGTH_UNKNOWN;
	int64_t len = (int64_t)http1_parts_len(parts, count);
	struct str front = {0}, behind = {0};
	if (!chunked &&
		(end ? c->sent != c->call->body_length : len > c->call->body_length - c->sent)) {
		/* The server would read our next request as the rest of this one. */
		fail_with(&c->writer, ERR_LIMIT, "the request body is not as long as was said");
		conn_break(c, ERR_CLOSED, "the request body was not sent as promised");
		return;
	}
	if (chunked && end) {
		front = STR("0\r\n\r\n");
	} else if (chunked && len) {
		front = str_make(c->chunk_line, http1_print_chunk_line(c->chunk_line, (size_t)len));
		behind = STR("\r\n");
	}
	c->sending = len;
	c->queued_end = end;
	http1_send_start(&c->send, front, parts, count, behind);
}

static void piece_queue(struct http1_client *c, struct http_call *call, struct op *op,
	const struct str *parts, size_t count, bool end)
{
	assert(!c->writer);
	if (c->state == CLIENT_ENDED || c->send_failed || c->call != call || c->body_sent) {
		op_fail_with(op, ERR_CLOSED, "the request takes no more body");
		return;
	}
	c->writer = op;
	if (!http1_send_active(&c->send)) {
		piece_send(c, parts, count, end);
		return;
	}
	/* Behind the head. */
	c->send_queued = true;
	c->queued_parts = parts;
	c->queued_count = count;
	c->queued_end = end;
}

static void conn_write(struct client_conn *base, struct http_call *call, struct op *op,
	const struct str *parts, size_t count)
{
	piece_queue(client_of(base), call, op, parts, count, false);
}

static void conn_end(struct client_conn *base, struct http_call *call, struct op *op)
{
	struct http1_client *c = client_of(base);
	if (c->state != CLIENT_ENDED && c->call == call && c->body_sent && call->body_length == 0)
		op_finish(op, 0);
	else
		piece_queue(c, call, op, NULL, 0, true);
}

static void send_fails(struct http1_client *c, struct err *err)
{
	c->send_failed = true;
	c->base.broken = true;
	c->send_queued = false;
	int code = err->code;
	if (c->writer)
		op_fail(TAKE(c->writer), err);
	/*
	 * A server that answers early and closes makes our writes fail: what it said may still be
	 * on its way, and the reset that follows ends the read. A time-out has no such sequel.
	 */
	if (code != ERR_CLOSED || c->peer_ended || c->state == CLIENT_FREE)
		conn_break(c, code, "the request could not be sent");
}

static void conn_sent(struct http1_send *send, struct err *err)
{
	struct http1_client *c = CONTAINER_OF(send, struct http1_client, send);
	if (c->state == CLIENT_ENDED) {
		if (c->writer && c->writer->cancel_asked)
			op_fail_cancelled(TAKE(c->writer));
		fail_with(&c->writer, ERR_CLOSED, "connection closed");
		return;
	}
	if (err->code) {
		send_fails(c, err);
		return;
	}
	if (TAKE(c->send_queued)) {
		piece_send(c, c->queued_parts, c->queued_count, c->queued_end);
		return;
	}
	c->sent += TAKE(c->sending);
	if (!c->writer)
		return;
	c->body_sent |= TAKE(c->queued_end);
	op_finish(TAKE(c->writer), 0);
}

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
	struct str head = pending(c);
	enum http1_found found = http1_scan_head(&c->scan, head);
	if (found == HTTP1_BAD ||
		(found == HTTP1_MORE && head.len && !str_starts(head, STR("H")))) {
		conn_break(c, ERR_PROTOCOL, "malformed HTTP response");
		return false;
	}
	size_t len = found == HTTP1_COMPLETE ? c->scan.at : head.len;
	if (len > c->base.limits->header_bytes ||
		(found == HTTP1_MORE && len == c->base.limits->header_bytes)) {
		conn_break(c, ERR_TOO_LARGE, "response head too large");
		return false;
	}
	if (found == HTTP1_MORE)
		return false;
	head = str_make(arena_copy(&c->call->arena, head.at, len), len);
	used(c, len);
	c->scan = (struct http1_scan){0};
	struct http1_response r;
	struct err err = {0};
	if (http1_parse_response(&c->call->arena, head, c->base.limits, &r, &c->framing, &err)) {
		conn_break(c, err.code, err_text(&err));
		err_done(&err);
		return false;
	}
	if (r.status >= 200 || (r.status == 101 && c->call->upgrade)) {
		head_taken(c, &r);
		return false;
	}
	if (r.status == 101 || ++c->interim > INTERIM_MAX) {
		conn_break(c, ERR_PROTOCOL,
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
	ssize_t got = http1_body_read(&c->body, pending(c), &taken, into, max, &err);
	used(c, taken);
	if (c->peer_ended && http1_body_ends_at_close(&c->body) && pending(c).len == 0)
		c->body.ended = true;
	bool fine = got >= 0 && (!c->body.ended || body_ended(c, &err));
	err_done(&err);
	int64_t limit = c->base.limits->body_bytes;
	if (!fine)
		conn_break(c, ERR_PROTOCOL, "malformed response body");
	else if (limit >= 0 && c->body.total > limit)
		conn_break(c, ERR_TOO_LARGE, "response body too large");
	else if (got > 0 || c->body.ended)
		op_finish(TAKE(c->reader), got);
	else if (max == 0 && pending(c).len)
		fail_with(&c->reader, ERR_LIMIT, "no room for more of the response body");
	else if (c->peer_ended)
		conn_break(c, ERR_CLOSED, "unexpected end of the response body");
}

static void conn_body_read(struct client_conn *base, struct http_call *call, struct op *op,
	struct buf *into, size_t max)
{
	struct http1_client *c = client_of(base);
	assert(!c->reader && c->call == call);
	c->reader = op;
	c->reader_into = into;
	c->reader_max = max;
	if (c->state == CLIENT_ENDED) {
		bool whole = call->status && c->body.ended;
		if (whole)
			op_finish(TAKE(c->reader), 0);
		else
			fail_with(&c->reader, c->code, "connection closed");
		return;
	}
	assert(call->status);
	body_feed(c);
	watch(c);
}

/* ---- reading ---- */

static void conn_got(struct http1_client *c)
{
	c->answered = true;
	if (c->state == CLIENT_FREE) {
		conn_break(c, ERR_PROTOCOL, "bytes that nobody asked for");
		return;
	}
	while (c->state == CLIENT_HEAD && pending(c).len && head_read(c))
		;
	if (c->state == CLIENT_BODY && c->reader)
		body_feed(c);
}

static void conn_peer_ended(struct http1_client *c)
{
	c->peer_ended = true;
	c->base.broken = true;
	if (c->state == CLIENT_FREE)
		conn_break(c, ERR_CLOSED, "connection closed");
	else if (c->state == CLIENT_HEAD && c->answered)
		conn_break(c, ERR_PROTOCOL, "unexpected end of the response head");
	else if (c->state == CLIENT_HEAD)
		conn_break(c, ERR_CLOSED, "the server closed the connection without an answer");
	else if (c->reader)
		body_feed(c);
}

static void conn_read(struct op *op, struct err *err)
{
	struct http1_client *c = CONTAINER_OF(op, struct http1_client, read);
	if (c->state == CLIENT_ENDED)
		return;
	if (err->code == ERR_CANCELLED)
		conn_break(c, ERR_CLOSED, "connection closed");
	else if (err->code)
		conn_break(c, err->code, err_text(err));
	else if (op->n == 0)
		conn_peer_ended(c);
	else
		conn_got(c);
	watch(c);
}

static void watch(struct http1_client *c)
{
	if (c->state >= CLIENT_TAKEN || c->peer_ended || op_active(&c->read))
		return;
	size_t limit = c->state == CLIENT_HEAD ? c->base.limits->header_bytes : READ_AHEAD;
	if (pending(c).len >= limit)
		return;
	if (c->in_at) {
		buf_drop_front(&c->in, c->in_at);
		c->in_at = 0;
	}
	op_init(&c->read, &c->base.scope, conn_read, OP_NO_DEADLINE);
	/* Idle, a byte is enough to know. */
	stream_read(c->base.stream, &c->read, &c->in, READ_AHEAD);
}

/* ---- the call's end ---- */

/* What is here already may be the rest of the body; for more it is not worth waiting. */
static bool body_skip(struct http1_client *c)
{
	size_t taken = 0;
	if (!c->body.ended &&
		http1_body_read(&c->body, pending(c), &taken, NULL, SIZE_MAX, NULL) < 0)
		return false;
	used(c, taken);
	return c->body.ended && pending(c).len == 0;
}

static void conn_done(struct client_conn *base, struct http_call *call)
{
	struct http1_client *c = client_of(base);
	assert(c->call == call && !c->starter);
	fail_with(&c->reader, ERR_CLOSED, "the call is over");
	/* A write that is under way ends by its stream, when the call may be gone already. */
	if (c->writer)
		c->writer->ctx = NULL;
	bool reusable = c->state == CLIENT_BODY && c->keep && c->body_sent && !c->peer_ended &&
			!base->broken && !c->writer && !http1_send_active(&c->send) && body_skip(c);
	c->call = NULL;
	base->active = 0;
	/* A request that could not be sent has spoilt nothing. */
	if (c->state == CLIENT_FREE && !base->broken)
		reusable = true;
	if (!reusable) {
		conn_break(c, ERR_CLOSED, "the call is over");
		check_gone(c);
		return;
	}
	c->state = CLIENT_FREE;
	buf_done(&c->in);
	c->in_at = 0;
	watch(c);
	client_conn_idle(base);
}

static void conn_cancel(struct client_conn *base, struct http_call *call, struct op *op)
{
	struct http1_client *c = client_of(base);
	(void)call;
	if (op == c->reader) {
		c->reader = NULL;
		op_fail_cancelled(op);
	} else if (op == c->starter) {
		c->starter = NULL;
		op_fail_cancelled(op);
		conn_break(c, ERR_CLOSED, "the request was cancelled");
	} else {
		assert(op == c->writer);
		if (!c->send_queued && http1_send_active(&c->send)) {
			op_cancel(&c->send.op);
			return;
		}
		c->send_queued = false;
		c->writer = NULL;
		op_fail_cancelled(op);
		conn_break(c, ERR_CLOSED, "the request was cancelled");
	}
}

static struct stream *conn_take_stream(
	struct client_conn *base, struct http_call *call, struct buf *early)
{
	struct http1_client *c = client_of(base);
	(void)call;
	/* A request body that is still being written has the stream. */
	if (c->state != CLIENT_TAKEN || http1_send_active(&c->send))
		return NULL;
	if (c->in_at)
		buf_drop_front(&c->in, c->in_at);
	c->in_at = 0;
	*early = c->in;
	buf_init(&c->in, c->in.max);
	struct stream *stream = TAKE(base->stream);
	c->state = CLIENT_ENDED;
	return stream;
}

static void conn_close(struct client_conn *base)
{
	conn_break(client_of(base), ERR_CLOSED, "connection closed");
}

static const struct client_conn_ops conn_ops = {
	.start = conn_start,
	.write = conn_write,
	.end = conn_end,
	.read = conn_body_read,
	.cancel = conn_cancel,
	.take_stream = conn_take_stream,
	.done = conn_done,
	.close = conn_close,
};

struct client_conn *http1_client_conn_new(void)
{
	struct http1_client *c = mem_new(sizeof(*c));
	c->base.ops = &conn_ops;
	return &c->base;
}

void http1_client_conn_run(struct client_conn *base)
{
	struct http1_client *c = client_of(base);
	base->max_active = 1;
	buf_init(&c->in, MAX(base->limits->header_bytes, READ_AHEAD) + READ_AHEAD);
	buf_init(&c->out, base->limits->header_bytes + 256 * KIB);
	http1_body_init(&c->body, HTTP1_BODY_NONE, 0);
	http1_send_init(
		&c->send, &base->scope, base->stream, base->limits->write_timeout, conn_sent);
	watch(c);
}
