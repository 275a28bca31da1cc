#include "http1_conn.h"

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
	struct http1_conn *c = http1_conn_of(x);
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
	} else if (c->close_after || !http1_request_skippable(c) || http1_half_closed(c)) {
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
	struct http1_conn *c = http1_conn_of(x);
	assert(c->x_live && !c->x_done);
	c->x_done = true;
	if (c->x_empty)
		exchange_over(c);
	else
		exchange_close(c);
}

static void exchange_cancel(struct http_exchange *x, struct op *op)
{
	struct http1_conn *c = http1_conn_of(x);
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
	.respond = http1_answer_whole,
	.start = http1_answer_start,
	.write = http1_answer_write,
	.end = http1_answer_end,
	.upgrade = http1_answer_upgrade,
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
	arena_set_lasting(&x->arena, false);
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
