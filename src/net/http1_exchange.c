#include "http1_conn.h"

static struct http1_conn *conn_of(struct http_exchange *x)
{
	return CONTAINER_OF(x, struct http1_conn, x);
}

/* ---- the request body ---- */

static void reader_finish(struct http1_conn *c, int64_t n)
{
	http1_set_deadline(c, OP_NO_DEADLINE);
	op_finish(TAKE(c->reader), n);
}

static void reader_fail(struct http1_conn *c, int code, const char *text)
{
	http1_set_deadline(c, OP_NO_DEADLINE);
	op_fail_with(TAKE(c->reader), code, "%s", text);
}

static bool body_fails(struct http1_conn *c, int code, const char *text)
{
	c->body_error = code;
	c->close_after = true;
	reader_fail(c, code, text);
	return false;
}

/* The chunk that ended the body may have brought trailers. */
static bool body_trailers(struct http1_conn *c, struct err *err)
{
	struct http_exchange *x = &c->x;
	struct str block = buf_str(&c->body.trailer);
	if (block.len == 0)
		return true;
	block.at = arena_copy(&x->arena, block.at, block.len);
	buf_clear(&c->body.trailer); /* the read that is told of the end comes here again */
	return http1_parse_trailers(&x->arena, block, c->base.limits, &x->request.trailers, err) ==
	       0;
}

/* Gives the reader what is there. false: it has its answer, for better or worse. */
static bool reader_feed(struct http1_conn *c)
{
	struct buf *into = c->reader_into;
	size_t room = into->max > into->len ? into->max - into->len : 0, used = 0;
	size_t max = MIN(c->reader_max, room);
	struct err err = {0};
	ssize_t got = http1_body_read(&c->body, http1_pending(c), &used, into, max, &err);
	http1_used(c, used);
	bool fine = got >= 0 && (!c->body.ended || body_trailers(c, &err));
	err_done(&err);
	if (!fine)
		return body_fails(c, ERR_PROTOCOL, "malformed request body");
	int64_t limit = c->x.body_limit;
	if (limit >= 0 && c->body.total > limit)
		return body_fails(c, ERR_TOO_LARGE, "request body too large");
	if (got > 0)
		c->expect_continue = false;
	if (got > 0 || c->body.ended) {
		/* An end that came with the last bytes is told by the next read. */
		reader_finish(c, got);
		return false;
	}
	if (max == 0 && http1_pending(c).len) {
		reader_fail(c, ERR_LIMIT, "no room for more of the request body");
		return false;
	}
	if (c->peer_ended)
		return body_fails(
			c, ERR_CLOSED, "connection closed in the middle of a request body");
	return true;
}

static void continue_sent(struct op *op, struct err *err)
{
	struct http1_conn *c = CONTAINER_OF(op, struct http1_conn, continue_op);
	if (c->state == HTTP1_ENDED) {
		if (TAKE(c->send_queued))
			op_fail_with(TAKE(c->writer), ERR_CLOSED, "connection closed");
		return;
	}
	if (err->code) {
		http1_break(c);
		return;
	}
	if (TAKE(c->send_queued))
		http1_send_start(
			&c->send, c->send.front, c->send.parts, c->send.count, c->send.behind);
}

static void continue_send(struct http1_conn *c)
{
	static const struct str text = STR_INIT("HTTP/1.1 100 Continue\r\n\r\n");
	c->expect_continue = false;
	/* Who answers already need not invite. */
	if (c->x.status)
		return;
	op_init(&c->continue_op, &c->base.scope, continue_sent,
		loop_in(c->base.scope.loop, c->base.limits->write_timeout));
	stream_write(c->base.stream, &c->continue_op, &text, 1);
}

static void exchange_read(struct http_exchange *x, struct op *op, struct buf *into, size_t max)
{
	struct http1_conn *c = conn_of(x);
	assert(!c->reader);
	c->reader = op;
	c->reader_into = into;
	c->reader_max = max;
	int64_t limit = c->x.body_limit;
	if (c->body_error) {
		reader_fail(c, c->body_error, "the request body cannot be read any more");
	} else if (c->body.ended) {
		reader_finish(c, 0);
	} else if (c->state == HTTP1_ENDED) {
		reader_fail(c, ERR_CLOSED, "connection closed");
	} else if (limit >= 0 && x->request.length > limit) {
		body_fails(c, ERR_TOO_LARGE, "request body too large");
	} else if (reader_feed(c)) {
		if (c->expect_continue)
			continue_send(c);
		http1_set_deadline(c, loop_in(c->base.scope.loop, c->base.limits->body_timeout));
		http1_watch(c);
	}
}

void http1_exchange_feed(struct http1_conn *c)
{
	if (c->reader && reader_feed(c))
		http1_set_deadline(c, loop_in(c->base.scope.loop, c->base.limits->body_timeout));
}

void http1_exchange_time_out(struct http1_conn *c)
{
	if (c->reader)
		body_fails(c, ERR_TIMEOUT, "timed out reading the request body");
}

/* ---- the response ---- */

/* Can what is left of the request be skipped, so that the connection may live on? */
static bool request_skippable(const struct http1_conn *c)
{
	if (c->body.ended)
		return true;
	if (c->expect_continue || c->body_error)
		return false;
	return c->body.kind != HTTP1_BODY_LENGTH || c->body.left <= HTTP1_SKIP_MAX;
}

/* A header of the handler's; ours are left out. true: it was a Date. */
static bool print_header(struct http1_conn *c, const struct http_header *h)
{
	switch (h->name.len) {
	case 4:
		if (str_eq_nocase(h->name, STR("Date"))) {
			http1_print_field(&c->out, h->name, h->value);
			return true;
		}
		break;
	case 10:
		if (!str_eq_nocase(h->name, STR("Connection")))
			break;
		if (str_eq_nocase(h->value, STR("close"))) {
			c->close_after = true;
			return false;
		}
		break;
	case 14:
		if (str_eq_nocase(h->name, STR("Content-Length")))
			return false;
		break;
	case 17:
		if (str_eq_nocase(h->name, STR("Transfer-Encoding")))
			return false;
		break;
	}
	http1_print_field(&c->out, h->name, h->value);
	return false;
}

static void print_status_line(struct http1_conn *c, int status)
{
	struct buf *out = &c->out;
	buf_clear(out);
	if (status == 200 && c->x.request.version == HTTP_1_1) {
		buf_add_str(out, STR("HTTP/1.1 200 OK\r\n"));
		return;
	}
	buf_add_text(out, c->x.request.version == HTTP_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ");
	buf_add_i64(out, status);
	buf_add_char(out, ' ');
	buf_add_text(out, http_status_text(status));
	buf_add_str(out, STR("\r\n"));
}

static void print_head(struct http1_conn *c, int status, const struct http_header *headers,
	size_t count, int64_t length)
{
	struct buf *out = &c->out;
	bool dated = false;
	bool old = c->x.request.version == HTTP_1_0;
	c->bodyless = status == 204 || status == 304 || str_eq(c->x.request.method, STR("HEAD"));
	c->chunked = length < 0 && !old;
	c->until_close = length < 0 && old && !c->bodyless;
	c->promised = length;
	print_status_line(c, status);
	for (size_t i = 0; i < count; i++)
		dated |= print_header(c, &headers[i]);
	if (!c->framing.keep_alive || c->base.draining || c->until_close || http1_half_closed(c) ||
		!request_skippable(c))
		c->close_after = true;
	if (status != 204 && status != 304 && length >= 0) {
		buf_add_str(out, STR("Content-Length: "));
		buf_add_i64(out, length);
		buf_add_str(out, STR("\r\n"));
	} else if (c->chunked && status != 204 && status != 304) {
		buf_add_str(out, STR("Transfer-Encoding: chunked\r\n"));
	}
	if (c->close_after)
		buf_add_str(out, STR("Connection: close\r\n"));
	else if (old)
		buf_add_str(out, STR("Connection: keep-alive\r\n"));
	if (c->base.server_header.len)
		http1_print_field(out, STR("Server"), c->base.server_header);
	if (!dated) {
		buf_add_str(out, STR("Date: "));
		buf_add_str(out, http_date(c->base.env));
		buf_add_str(out, STR("\r\n"));
	}
	buf_add_str(out, STR("\r\n"));
}

/* The answer cannot be what it promised to be any more. */
static void response_breaks(struct http1_conn *c, struct op *op, int code, const char *text)
{
	op_fail_with(op, code, "%s", text);
	http1_break(c);
}

/* What the writer asked for goes out, behind a "100 Continue" that is still under way. */
static void writer_send(struct http1_conn *c, struct op *op, enum http1_writing writing,
	struct str front, const struct str *parts, size_t count, struct str behind)
{
	c->writer = op;
	c->writing = writing;
	if (!op_active(&c->continue_op)) {
		http1_send_start(&c->send, front, parts, count, behind);
		return;
	}
	c->send_queued = true;
	c->send.front = front;
	c->send.parts = parts;
	c->send.count = count;
	c->send.behind = behind;
}

static bool writer_refused(struct http1_conn *c, struct op *op)
{
	assert(!c->writer);
	if (c->state != HTTP1_ENDED)
		return false;
	op_fail_with(op, ERR_CLOSED, "connection closed");
	return true;
}

static bool head_too_large(struct http1_conn *c, struct op *op)
{
	if (!buf_over(&c->out))
		return false;
	response_breaks(c, op, ERR_LIMIT, "response head too large");
	return true;
}

static void exchange_respond(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t count, struct str body)
{
	struct http1_conn *c = conn_of(x);
	if (writer_refused(c, op))
		return;
	print_head(c, status, headers, count, (int64_t)body.len);
	if (head_too_large(c, op))
		return;
	c->whole = true;
	c->respond_body = c->bodyless ? (struct str){0} : body;
	c->write_len = (int64_t)c->respond_body.len;
	writer_send(
		c, op, HTTP1_WRITES_WHOLE, buf_str(&c->out), &c->respond_body, 1, (struct str){0});
}

static void exchange_start(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t count, int64_t length)
{
	struct http1_conn *c = conn_of(x);
	if (writer_refused(c, op))
		return;
	print_head(c, status, headers, count, length);
	if (head_too_large(c, op))
		return;
	c->write_len = 0;
	writer_send(c, op, HTTP1_WRITES_HEAD, buf_str(&c->out), NULL, 0, (struct str){0});
}

static void exchange_write(
	struct http_exchange *x, struct op *op, const struct str *parts, size_t count)
{
	struct http1_conn *c = conn_of(x);
	if (writer_refused(c, op))
		return;
	int64_t len = (int64_t)http1_parts_len(parts, count);
	if (c->promised >= 0 && len > c->promised - x->sent) {
		response_breaks(c, op, ERR_LIMIT, "more was written than the length promised");
		return;
	}
	if (c->bodyless || len == 0) {
		op_finish(op, len);
		return;
	}
	struct str front = {0}, behind = {0};
	if (c->chunked) {
		front = str_make(c->chunk_line, http1_print_chunk_line(c->chunk_line, (size_t)len));
		behind = STR("\r\n");
	}
	c->write_len = len;
	writer_send(c, op, HTTP1_WRITES_PIECE, front, parts, count, behind);
}

static void exchange_end(
	struct http_exchange *x, struct op *op, const struct http_headers *trailers)
{
	struct http1_conn *c = conn_of(x);
	if (writer_refused(c, op))
		return;
	if (c->promised >= 0 && x->sent < c->promised && !c->bodyless) {
		response_breaks(c, op, ERR_LIMIT, "less was written than the length promised");
		return;
	}
	if (!c->chunked || c->bodyless) {
		c->complete = true;
		op_finish(op, 0);
		return;
	}
	buf_clear(&c->out);
	buf_add_str(&c->out, STR("0\r\n"));
	for (size_t i = 0; trailers && i < trailers->count; i++)
		http1_print_field(&c->out, trailers->items[i].name, trailers->items[i].value);
	buf_add_str(&c->out, STR("\r\n"));
	if (head_too_large(c, op))
		return;
	c->write_len = 0;
	c->whole = true;
	writer_send(c, op, HTTP1_WRITES_END, buf_str(&c->out), NULL, 0, (struct str){0});
}

static void upgrade_hand_over(struct http1_conn *c);

void http1_exchange_sent(struct http1_conn *c, struct err *err)
{
	enum http1_writing writing = TAKE(c->writing);
	struct op *op = TAKE(c->writer);
	int64_t len = c->write_len;
	if (c->state == HTTP1_ENDED) {
		/* The stream was closed under it: the reason is the client's, not a cancel. */
		if (op->cancel_asked)
			op_fail_cancelled(op);
		else
			op_fail_with(op, ERR_CLOSED, "connection closed");
		return;
	}
	if (err->code) {
		op_fail(op, err);
		http1_break(c);
		return;
	}
	c->x.sent += len;
	if (writing == HTTP1_WRITES_UPGRADE)
		upgrade_hand_over(c);
	else if (writing == HTTP1_WRITES_WHOLE || writing == HTTP1_WRITES_END)
		c->complete = true;
	op_finish(op, len);
}

/* ---- upgrade ---- */

static void exchange_upgrade(struct http_exchange *x, struct op *op,
	const struct http_header *headers, size_t count, struct stream **stream, struct buf *early)
{
	struct http1_conn *c = conn_of(x);
	if (writer_refused(c, op))
		return;
	if (!c->body.ended || x->request.version != HTTP_1_1) {
		op_fail_with(op, ERR_BAD_REQUEST, "this request cannot be upgraded");
		return;
	}
	bool connect = str_eq(x->request.method, STR("CONNECT"));
	x->status = connect ? 200 : 101;
	print_status_line(c, x->status);
	bool connection = connect;
	for (size_t i = 0; i < count; i++) {
		connection |= str_eq_nocase(headers[i].name, STR("Connection"));
		http1_print_field(&c->out, headers[i].name, headers[i].value);
	}
	if (!connection)
		buf_add_str(&c->out, STR("Connection: Upgrade\r\n"));
	buf_add_str(&c->out, STR("\r\n"));
	if (head_too_large(c, op))
		return;
	c->upgrade_stream = stream;
	c->upgrade_early = early;
	c->writer = op;
	c->writing = HTTP1_WRITES_UPGRADE;
	c->write_len = 0;
	/* Only one may read the stream: ours must be over before it changes hands. */
	c->upgrading = true;
	if (op_active(&c->read))
		op_cancel(&c->read);
	else
		http1_exchange_upgrade_go(c);
}

void http1_exchange_upgrade_go(struct http1_conn *c)
{
	writer_send(c, c->writer, HTTP1_WRITES_UPGRADE, buf_str(&c->out), NULL, 0, (struct str){0});
}

static void upgrade_hand_over(struct http1_conn *c)
{
	if (c->in_at)
		buf_drop_front(&c->base.in, c->in_at);
	c->in_at = 0;
	*c->upgrade_early = c->base.in;
	buf_init(&c->base.in, c->base.in.max);
	*c->upgrade_stream = TAKE(c->base.stream);
	c->complete = true;
	c->state = HTTP1_ENDED;
	op_cancel(&c->timer);
}

/* ---- the exchange's life ---- */

static void exchange_over(struct http1_conn *c)
{
	struct http_exchange *x = &c->x;
	/* Only a read that belongs to another scope than the exchange's can still wait. */
	if (c->reader)
		body_fails(c, ERR_CLOSED, "the exchange is over");
	c->x_live = false;
	arena_reset(&x->arena);
	if (c->state == HTTP1_ENDED) {
		http1_check_gone(c);
	} else if (!c->complete || op_active(&c->continue_op)) {
		http1_break(c);
	} else if (c->close_after || !request_skippable(c) || http1_half_closed(c)) {
		http1_finish(c);
	} else if (c->body.ended) {
		http1_next(c);
	} else {
		c->state = HTTP1_SKIP;
		c->skipped = 0;
		/* for all of it: nobody waits for this body */
		http1_set_deadline(c, loop_in(c->base.scope.loop, c->base.limits->body_timeout));
		http1_skip(c);
	}
	http1_watch(c);
}

static void exchange_closed(struct op *op, struct err *err)
{
	(void)err;
	struct http1_conn *c = CONTAINER_OF(op, struct http1_conn, x_closed);
	c->x_empty = true;
	if (c->x_done)
		exchange_over(c);
}

static void exchange_close(struct http1_conn *c)
{
	if (c->x_closing)
		return;
	c->x_closing = true;
	op_init(&c->x_closed, &c->base.scope, exchange_closed, OP_NO_DEADLINE);
	scope_close(&c->x.scope, &c->x_closed);
}

void http1_exchange_hang_up(struct http1_conn *c)
{
	if (!c->x_live)
		return;
	if (c->reader)
		body_fails(c, ERR_CLOSED, "connection closed");
	/* A write under way ends by its stream; an upgrade may not have begun one. */
	if (c->upgrading && c->writer && !http1_send_active(&c->send)) {
		c->writing = HTTP1_WRITES_NOTHING;
		c->send_queued = false;
		op_fail_with(TAKE(c->writer), ERR_CLOSED, "connection closed");
	}
	exchange_close(c);
}

static void exchange_done(struct http_exchange *x)
{
	struct http1_conn *c = conn_of(x);
	assert(c->x_live && !c->x_done);
	c->x_done = true;
	if (c->x_empty)
		exchange_over(c);
	else
		exchange_close(c);
}

static void exchange_cancel(struct http_exchange *x, struct op *op)
{
	struct http1_conn *c = conn_of(x);
	if (op == c->reader) {
		c->reader = NULL;
		http1_set_deadline(c, OP_NO_DEADLINE);
		op_fail_cancelled(op);
	} else if (http1_send_active(&c->send)) {
		op_cancel(&c->send.op);
	} else {
		/* Not begun: behind a "100 Continue" or a read that must end first. */
		assert(op == c->writer);
		c->writer = NULL;
		c->writing = HTTP1_WRITES_NOTHING;
		c->send_queued = false;
		op_fail_cancelled(op);
		http1_break(c);
	}
}

static const struct http_exchange_ops exchange_ops = {
	.read = exchange_read,
	.respond = exchange_respond,
	.start = exchange_start,
	.write = exchange_write,
	.end = exchange_end,
	.upgrade = exchange_upgrade,
	.done = exchange_done,
	.cancel = exchange_cancel,
};

void http1_exchange_start(struct http1_conn *c)
{
	struct http_exchange *x = &c->x;
	c->state = HTTP1_BUSY;
	c->deadline = OP_NO_DEADLINE;
	x->ops = &exchange_ops;
	x->peer = &c->base.peer;
	x->env = c->base.env;
	x->body_limit = c->base.limits->body_bytes;
	x->started = loop_now(c->base.scope.loop);
	x->status = 0;
	x->sent = 0;
	x->handler = NULL;
	x->op = (struct op){0};
	scope_init(&x->scope, &c->base.scope, "exchange", NULL);
	c->x_live = true;
	c->x_done = c->x_closing = c->x_empty = false;
	c->chunked = c->bodyless = c->until_close = c->whole = c->complete = c->close_after = false;
	c->body_error = 0;
	c->promised = 0;
	enum http1_body_kind kind = c->framing.chunked  ? HTTP1_BODY_CHUNKED
				    : c->framing.length ? HTTP1_BODY_LENGTH
							: HTTP1_BODY_NONE;
	http1_body_done(&c->body);
	http1_body_init(&c->body, kind, c->framing.length);
	if (kind == HTTP1_BODY_NONE)
		c->expect_continue = false;
	server_conn_count_request(&c->base);
	c->base.handler(c->base.handler_ctx, x);
	http1_watch(c);
}
