#include "http2_session.h"

static const struct op_kind flush_kind = {.name = "h2_flush"};

static void h2_pump(struct h2 *h);
static void h2_read(struct h2 *h);

static int64_t h2_now(const struct h2 *h)
{
	return loop_now(h->loop);
}

/* Streams cannot go on, though the transport may live a moment longer. */
static void h2_lose(struct h2 *h)
{
	if (h->lost)
		return;
	h->lost = true;
	h->role->lost(h);
}

static void h2_closed(struct op *op, struct err *err)
{
	struct h2 *h = CONTAINER_OF(op, struct h2, closing);
	(void)err;
	h->role->over(h);
}

void h2_end(struct h2 *h, struct err *err)
{
	if (h->state == H2_ENDED) {
		if (err)
			err_done(err);
		return;
	}
	h->state = H2_ENDED;
	if (err && err->code && !h->err.code)
		err_move(&h->err, err);
	else if (err)
		err_done(err);
	if (!h->err.code)
		err_set(&h->err, ERR_CLOSED, "http2: connection closed");
	stream_close(TAKE(h->stream));
	h2_lose(h);
	op_init(&h->closing, h->scope->parent, h2_closed, OP_NO_DEADLINE);
	scope_close(h->scope, &h->closing);
}

/*
 * Everything is said. Closing at once would make the kernel answer unread input with a reset,
 * and the reset could overtake our GOAWAY: so say that we are done, and wait for the peer.
 */
static void h2_finished(struct op *op, struct err *err)
{
	struct h2 *h = CONTAINER_OF(op, struct h2, finishing);
	if (err->code)
		h2_end(h, err);
}

static void h2_linger(struct h2 *h)
{
	if (h->state != H2_RUNNING)
		return;
	h->state = H2_LINGERING;
	h->end_at = h2_now(h) + H2_LINGER;
	if (!h->err.code)
		err_set(&h->err, ERR_CLOSED, "http2: connection closed");
	h2_lose(h);
	op_init(&h->finishing, h->scope, h2_finished, OP_NO_DEADLINE);
	stream_finish(h->stream, &h->finishing);
	h2_arm(h, h->end_at);
}

void h2_terminate(struct h2 *h, uint32_t code, const char *reason)
{
	if (h->state != H2_RUNNING)
		return;
	if (!h->err.code)
		err_set(&h->err, ERR_PROTOCOL, "http2: connection error: %s: %s",
			nghttp2_http2_strerror(code), reason);
	nghttp2_submit_goaway(h->ng, NGHTTP2_FLAG_NONE,
		nghttp2_session_get_last_proc_stream_id(h->ng), code, (const uint8_t *)reason,
		strlen(reason));
	nghttp2_session_terminate_session(h->ng, code);
	h->deaf = true;
	/* A peer that does not read gets no 30 s more. */
	h->end_at = h2_now(h) + H2_LINGER;
	h2_arm(h, h->end_at);
	h2_flush(h);
}

/* ---- in ---- */

static void h2_refuse(struct h2 *h, ssize_t code)
{
	if (h->ban)
		h2_terminate(h, h->ban_code, h->ban);
	else if (code == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
		h2_terminate(h, NGHTTP2_PROTOCOL_ERROR, "bad connection preface");
	else if (code == NGHTTP2_ERR_FLOODED)
		h2_terminate(h, NGHTTP2_ENHANCE_YOUR_CALM, "too many unread answers");
	else if (code == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS)
		h2_terminate(h, NGHTTP2_ENHANCE_YOUR_CALM, "too many CONTINUATION frames");
	else
		h2_terminate(h, NGHTTP2_INTERNAL_ERROR, nghttp2_strerror((int)code));
}

static void h2_feed(struct h2 *h, struct buf *in)
{
	h->last_in = h2_now(h);
	h->ping_sent = 0;
	if (h->ban)
		h2_terminate(h, h->ban_code, h->ban);
	if (h->state == H2_RUNNING && !h->deaf) {
		ssize_t n = nghttp2_session_mem_recv(h->ng, (const uint8_t *)in->at, in->len);
		if (n < 0)
			h2_refuse(h, n);
		else if (h->header_since)
			h2_arm(h, h->header_since + h->limits->header_timeout);
	}
	buf_clear(in);
	if (h->state == H2_RUNNING && !h->deaf)
		h->role->received(h);
	h2_flush(h);
}

static void h2_was_read(struct op *op, struct err *err)
{
	struct h2 *h = CONTAINER_OF(op, struct h2, reading);
	if (h->state == H2_ENDED)
		return;
	if (err->code) {
		h2_end(h, err);
		return;
	}
	if (op->n == 0) {
		struct err gone = {0};
		err_set(&gone, ERR_CLOSED,
			h->role->server ? "client disconnected"
					: "http2: server closed the connection");
		h2_end(h, &gone);
		return;
	}
	h2_feed(h, &h->in);
	if (h->state != H2_ENDED)
		h2_read(h);
}

static void h2_read(struct h2 *h)
{
	op_init(&h->reading, h->scope, h2_was_read, OP_NO_DEADLINE);
	stream_read(h->stream, &h->reading, &h->in, H2_READ_MAX);
}

/* ---- out ---- */

static void h2_flushed(struct op *op, struct err *err)
{
	struct h2 *h = CONTAINER_OF(op, struct h2, flushing);
	(void)err; /* a yield that was refused has still waited */
	if (h->state == H2_RUNNING)
		h2_pump(h);
}

void h2_flush(struct h2 *h)
{
	if (h->state != H2_RUNNING || op_active(&h->flushing) || op_active(&h->writing))
		return;
	op_init(&h->flushing, h->scope, h2_flushed, OP_NO_DEADLINE);
	/* Through the run queue, so that the answers of one batch of requests share one write. */
	if (op_begin(&h->flushing, &flush_kind, h))
		op_finish(&h->flushing, 0);
}

static void h2_was_written(struct op *op, struct err *err)
{
	struct h2 *h = CONTAINER_OF(op, struct h2, writing);
	if (h->state == H2_ENDED)
		return;
	if (err->code) {
		h2_end(h, err);
		return;
	}
	if (h->state == H2_RUNNING)
		h2_pump(h);
}

static void h2_pump(struct h2 *h)
{
	if (op_active(&h->writing))
		return;
	buf_clear(&h->out);
	while (h->out.len < H2_WRITE_TARGET) {
		const uint8_t *at;
		ssize_t n = nghttp2_session_mem_send(h->ng, &at);
		if (n < 0) {
			struct err err = {0};
			err_set(&err, ERR_INTERNAL, "http2: %s", nghttp2_strerror((int)n));
			h2_end(h, &err);
			return;
		}
		if (n == 0)
			break;
		buf_add(&h->out, at, (size_t)n);
	}
	if (h->out.len > 0) {
		/* One frame above the target at most: see the ceiling in h2_start. */
		assert(!buf_over(&h->out));
		h->write_progress = h2_now(h);
		op_init(&h->writing, h->scope, h2_was_written, OP_NO_DEADLINE);
		h->gathered = buf_str(&h->out);
		stream_write(h->stream, &h->writing, &h->gathered, 1);
	} else if (!nghttp2_session_want_read(h->ng) && !nghttp2_session_want_write(h->ng)) {
		h2_linger(h);
	}
}

/* ---- the orderly end ---- */

void h2_drain(struct h2 *h)
{
	if (h->draining || h->state != H2_RUNNING)
		return;
	/*
	 * A request may be on its way while we say GOAWAY. So first say "no more" without a limit,
	 * and draw the line when a ping has made the round trip: nothing is lost.
	 */
	h->draining = true;
	h->drain_sent = h2_now(h);
	nghttp2_submit_shutdown_notice(h->ng);
	nghttp2_submit_ping(h->ng, NGHTTP2_FLAG_NONE, (const uint8_t *)"draining");
	h2_arm(h, h->drain_sent + H2_DRAIN_WAIT);
	h2_flush(h);
}

void h2_draw_line(struct h2 *h)
{
	if (h->drained)
		return;
	h->drained = true;
	nghttp2_submit_goaway(h->ng, NGHTTP2_FLAG_NONE,
		nghttp2_session_get_last_proc_stream_id(h->ng), NGHTTP2_NO_ERROR, NULL, 0);
	h2_flush(h);
}

/* ---- time ---- */

static int64_t h2_period(const struct h2 *h)
{
	int64_t shortest = MIN(h->limits->body_timeout, h->limits->write_timeout);
	shortest = MIN(shortest, h->limits->idle_timeout);
	return MIN(shortest, H2_PING_IDLE);
}

static int64_t h2_check_drain(struct h2 *h, int64_t now)
{
	if (!h->draining || h->drained)
		return INT64_MAX;
	int64_t at = h->drain_sent + H2_DRAIN_WAIT;
	if (now < at)
		return at;
	h2_draw_line(h);
	return INT64_MAX;
}

static int64_t h2_check_alive(struct h2 *h, int64_t now)
{
	if (h->ping_sent) {
		if (now < h->ping_sent + H2_PING_ANSWER)
			return h->ping_sent + H2_PING_ANSWER;
		struct err err = {0};
		err_set(&err, ERR_TIMEOUT, "http2: client connection lost");
		h2_end(h, &err);
		return INT64_MAX;
	}
	if (!h->open)
		return INT64_MAX;
	int64_t at = h->last_in + H2_PING_IDLE;
	if (now < at)
		return at;
	nghttp2_submit_ping(h->ng, NGHTTP2_FLAG_NONE, (const uint8_t *)"are you?");
	h->ping_sent = now;
	h2_flush(h);
	return now + H2_PING_ANSWER;
}

static int64_t h2_check_write(struct h2 *h, int64_t now)
{
	if (!op_active(&h->writing))
		return INT64_MAX;
	if (h->stream->bytes_out != h->bytes_out_seen) {
		h->bytes_out_seen = h->stream->bytes_out;
		h->write_progress = now;
	}
	if (now < h->write_progress + h->limits->write_timeout)
		return h->write_progress + h->limits->write_timeout;
	struct err err = {0};
	err_set(&err, ERR_TIMEOUT, "http2: the peer does not read");
	h2_end(h, &err);
	return INT64_MAX;
}

static int64_t h2_check_idle(struct h2 *h, int64_t now)
{
	int64_t next = INT64_MAX;
	if (h->header_since) {
		next = h->header_since + h->limits->header_timeout;
		if (now >= next) {
			h2_terminate(h, NGHTTP2_ENHANCE_YOUR_CALM, "headers took too long");
			return INT64_MAX;
		}
	}
	if (!h->open && !h->draining) {
		if (now >= h->idle_since + h->limits->idle_timeout)
			h->role->idle(h);
		else
			next = MIN(next, h->idle_since + h->limits->idle_timeout);
	}
	return next;
}

static int64_t h2_check_streams(struct h2 *h, int64_t now)
{
	int64_t next = INT64_MAX;
	list_each_safe (k, &h->streams)
		next = MIN(next, h2_stream_check(LIST_ENTRY(k, struct h2_stream, in_h2), now));
	return next;
}

/* A connection on which nothing happened between two looks keeps no buffers. */
static void h2_trim(struct h2 *h)
{
	uint64_t in = h->stream->bytes_in;
	if (in == h->bytes_in_seen && !op_active(&h->writing)) {
		buf_done(&h->out);
		if (h->in.len == 0)
			buf_done(&h->in);
	}
	h->bytes_in_seen = in;
}

static void h2_timer(struct op *op, struct err *err)
{
	struct h2 *h = CONTAINER_OF(op, struct h2, timer);
	(void)err; /* cancelled means: look again, something is due earlier */
	int64_t now = h2_now(h), next = INT64_MAX;
	if (h->state == H2_ENDED || scope_closing(h->scope))
		return;
	if (h->end_at) {
		if (now >= h->end_at) {
			h2_end(h, NULL);
			return;
		}
		next = h->end_at;
	}
	int64_t (*const checks[])(struct h2 *, int64_t) = {
		h2_check_write, h2_check_alive, h2_check_idle, h2_check_drain, h2_check_streams};
	for (size_t i = 0; i < ARRAY_LEN(checks) && h->state == H2_RUNNING; i++)
		next = MIN(next, checks[i](h, now));
	if (h->state == H2_ENDED)
		return;
	h2_trim(h);
	/*
	 * Whatever starts to wait from now on waits at least the shortest of the time-outs: looking
	 * again by then finds it in time, and nobody has to move the timer for every request.
	 */
	if (h->state == H2_RUNNING)
		next = MIN(next, now + h2_period(h));
	else
		next = MIN(next, h->end_at);
	h->timer_at = next;
	op_init(&h->timer, h->scope, h2_timer, OP_NO_DEADLINE);
	timer_wait(&h->timer, next);
}

void h2_arm(struct h2 *h, int64_t at)
{
	if (op_active(&h->timer) && at < h->timer_at) {
		h->timer_at = at;
		op_cancel(&h->timer);
	}
}

/* ---- life ---- */

void h2_start(struct h2 *h, struct buf *early)
{
	int64_t now = h2_now(h);
	h->last_in = h->idle_since = h->header_since = h->write_progress = now;
	buf_init(&h->in, H2_READ_MAX);
	/* The frame that reaches the target may be one of the largest. */
	buf_init(&h->out, H2_WRITE_TARGET + 2 * (16 * KIB));
	h2_session_new(h);
	h->timer_at = now + MIN(h2_period(h), h->limits->header_timeout);
	op_init(&h->timer, h->scope, h2_timer, OP_NO_DEADLINE);
	timer_wait(&h->timer, h->timer_at);
	h2_read(h);
	if (early && early->len > 0)
		h2_feed(h, early);
	h2_flush(h);
}

void h2_done(struct h2 *h)
{
	nghttp2_session_del(h->ng);
	buf_done(&h->in);
	buf_done(&h->out);
	err_done(&h->err);
}
