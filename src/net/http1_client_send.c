#include "http1_client.h"

/* ---- the head ---- */

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

void http1_client_start(struct client_conn *base, struct http_call *call, struct op *op)
{
	struct http1_client *c = http1_client_of(base);
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
		http1_client_fail(&c->starter, ERR_CLOSED, "connection closed");
		return;
	}
	if (!print_request(c, call)) {
		http1_client_fail(
			&c->starter, ERR_BAD_REQUEST, "malformed or too large request head");
		return;
	}
	c->state = CLIENT_HEAD;
	c->body_sent = call->body_length == HTTP_BODY_GIVEN || call->body_length == 0;
	bool body = call->body_length == HTTP_BODY_GIVEN && call->body.len;
	http1_send_start(&c->send, buf_str(&c->out), &call->body, body, (struct str){0});
	http1_client_watch(c);
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
		http1_client_fail(
			&c->writer, ERR_LIMIT, "the request body is not as long as was said");
		http1_client_break(c, ERR_CLOSED, "the request body was not sent as promised");
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

void http1_client_write(struct client_conn *base, struct http_call *call, struct op *op,
	const struct str *parts, size_t count)
{
	piece_queue(http1_client_of(base), call, op, parts, count, false);
}

void http1_client_end(struct client_conn *base, struct http_call *call, struct op *op)
{
	struct http1_client *c = http1_client_of(base);
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
		http1_client_break(c, code, "the request could not be sent");
}

void http1_client_sent(struct http1_send *send, struct err *err)
{
	struct http1_client *c = CONTAINER_OF(send, struct http1_client, send);
	if (c->state == CLIENT_ENDED) {
		if (c->writer && c->writer->cancel_asked)
			op_fail_cancelled(TAKE(c->writer));
		http1_client_fail(&c->writer, ERR_CLOSED, "connection closed");
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
