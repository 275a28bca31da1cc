/* What a handler answers, whole, in pieces, or with the connection itself. */
#include "http1_conn.h"

/* ---- the response ---- */

/* Can what is left of the request be skipped, so that the connection may live on? */
bool http1_request_skippable(const struct http1_conn *c)
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
		!http1_request_skippable(c))
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

void http1_answer_whole(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t count, struct str body)
{
	struct http1_conn *c = http1_conn_of(x);
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

void http1_answer_start(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t count, int64_t length)
{
	struct http1_conn *c = http1_conn_of(x);
	if (writer_refused(c, op))
		return;
	print_head(c, status, headers, count, length);
	if (head_too_large(c, op))
		return;
	c->write_len = 0;
	writer_send(c, op, HTTP1_WRITES_HEAD, buf_str(&c->out), NULL, 0, (struct str){0});
}

void http1_answer_write(
	struct http_exchange *x, struct op *op, const struct str *parts, size_t count)
{
	struct http1_conn *c = http1_conn_of(x);
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

void http1_answer_end(struct http_exchange *x, struct op *op, const struct http_headers *trailers)
{
	struct http1_conn *c = http1_conn_of(x);
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

void http1_answer_upgrade(struct http_exchange *x, struct op *op, const struct http_header *headers,
	size_t count, struct stream **stream, struct buf *early)
{
	struct http1_conn *c = http1_conn_of(x);
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
