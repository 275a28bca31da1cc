/*
 * One stream: what goes out on it, and its end. Bytes wait where their owner has them until nghttp2
 * may send (windows, turn), and are copied once, into the connection's next write. What comes in is
 * http2_input.c's.
 */
#include "http2_session.h"

void h2_stream_open(struct h2_stream *s, struct h2 *h, int32_t id)
{
	s->h2 = h;
	s->id = id;
	s->open = true;
	/* nghttp2 holds the peer to 64 KiB - 1 until it has acknowledged our own window. */
	buf_init(&s->body, MAX((size_t)h->limits->h2_stream_window, 64 * KIB) + H2_READ_MAX);
	list_push(&h->streams, &s->in_h2);
	h->open++;
	nghttp2_session_set_stream_user_data(h->ng, id, s);
}

static bool h2_stream_alive(const struct h2_stream *s)
{
	return s->open && s->h2->state == H2_RUNNING;
}

/* Waiting is over for the writer, one way or the other. */
static struct op *h2_take_writer(struct h2_stream *s)
{
	s->awaits = H2_AWAITS_NOTHING;
	s->trailers = NULL;
	return TAKE(s->writer);
}

/* ---- to the peer ---- */

static size_t h2_parts_left(const struct h2_stream *s)
{
	size_t left = 0;
	for (size_t i = 0; i < s->part_count; i++)
		left += s->parts[i].len;
	return left - s->part_from;
}

static void h2_submit_trailers(struct h2_stream *s)
{
	struct arena arena;
	struct h2_fields f;
	arena_init(&arena);
	h2_fields_init(&f, &arena, s->trailers->count);
	h2_fields_add_all(&f, s->trailers->items, s->trailers->count);
	nghttp2_submit_trailer(s->h2->ng, s->id, f.items, f.count);
	arena_done(&arena);
}

/* nghttp2 may send at most max bytes of DATA now: how many are there? */
static ssize_t h2_stream_offer(nghttp2_session *ng, int32_t id, uint8_t *at, size_t max,
	uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	struct h2_stream *s = source->ptr;
	(void)ng, (void)id, (void)at, (void)ctx;
	size_t left = h2_parts_left(s);
	if (left == 0 && !s->ending)
		return NGHTTP2_ERR_DEFERRED;
	*flags = NGHTTP2_DATA_FLAG_NO_COPY;
	if (left <= max && s->ending) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (s->trailers && s->trailers->count > 0) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			h2_submit_trailers(s);
		}
	}
	return (ssize_t)MIN(left, max);
}

nghttp2_data_provider h2_stream_provider(struct h2_stream *s)
{
	s->provider = true;
	return (nghttp2_data_provider){.source.ptr = s, .read_callback = h2_stream_offer};
}

static void h2_parts_sent(struct h2_stream *s)
{
	s->parts = NULL;
	s->part_count = s->part_from = 0;
	if (s->awaits == H2_AWAITS_DATA)
		op_finish(h2_take_writer(s), (int64_t)s->write_size);
}

int h2_stream_send_data(struct h2_stream *s, const uint8_t *head, size_t len)
{
	struct buf *out = &s->h2->out;
	buf_add(out, head, 9);
	while (len > 0) {
		size_t n = MIN(len, s->parts->len - s->part_from);
		buf_add(out, s->parts->at + s->part_from, n);
		len -= n;
		s->part_from += n;
		if (s->part_from == s->parts->len) {
			s->parts++;
			s->part_count--;
			s->part_from = 0;
		}
	}
	s->write_since = h2_stream_now(s);
	if (h2_parts_left(s) == 0)
		h2_parts_sent(s);
	return out->len >= H2_WRITE_TARGET ? NGHTTP2_ERR_PAUSE : 0;
}

/* nghttp2 forgot about a source that had nothing to give. */
static void h2_stream_resume(struct h2_stream *s)
{
	if (s->provider)
		nghttp2_session_resume_data(s->h2->ng, s->id);
	h2_flush(s->h2);
}

bool h2_stream_refuses(struct h2_stream *s, struct op *op)
{
	if (s->write_err.code) {
		op_fail_copy(op, &s->write_err);
		return true;
	}
	if (!h2_stream_alive(s)) {
		op_fail_with(op, ERR_CLOSED, "http2: stream closed");
		return true;
	}
	if (s->ending) {
		op_fail_with(op, ERR_INTERNAL, "http2: write after the end of the body");
		return true;
	}
	return false;
}

void h2_stream_write(struct h2_stream *s, struct op *op, const struct str *parts, size_t count)
{
	assert(!s->writer);
	if (h2_stream_refuses(s, op))
		return;
	s->parts = parts;
	s->part_count = count;
	s->part_from = 0;
	s->write_size = h2_parts_left(s);
	if (s->write_size == 0) {
		s->parts = NULL;
		s->part_count = 0;
		op_finish(op, 0);
		return;
	}
	s->writer = op;
	s->awaits = H2_AWAITS_DATA;
	s->write_since = h2_stream_now(s);
	h2_stream_resume(s);
}

void h2_stream_write_last(struct h2_stream *s, struct op *op, struct str body)
{
	assert(!s->writer);
	s->whole = body;
	s->parts = &s->whole;
	s->part_count = 1;
	s->part_from = 0;
	s->write_size = body.len;
	s->ending = true;
	s->writer = op;
	s->awaits = op ? H2_AWAITS_END : H2_AWAITS_NOTHING;
	s->write_since = h2_stream_now(s);
	h2_stream_resume(s);
}

void h2_stream_await_head(struct h2_stream *s, struct op *op)
{
	assert(!s->writer);
	s->writer = op;
	s->awaits = H2_AWAITS_HEAD;
	s->write_size = 0;
	s->write_since = h2_stream_now(s);
}

void h2_stream_end(struct h2_stream *s, struct op *op, const struct http_headers *trailers)
{
	assert(!s->writer);
	if (s->end_sent) {
		op_finish(op, 0);
		return;
	}
	if (h2_stream_refuses(s, op))
		return;
	s->trailers = trailers;
	s->ending = true;
	s->write_size = 0;
	s->writer = op;
	s->awaits = H2_AWAITS_END;
	s->write_since = h2_stream_now(s);
	h2_stream_resume(s);
}

void h2_stream_keep_body(struct h2_stream *s)
{
	if (h2_parts_left(s) == 0 || s->parts != &s->whole || s->kept)
		return;
	size_t left = h2_parts_left(s);
	s->kept = mem_copy(s->whole.at + s->part_from, left);
	s->whole = str_make(s->kept, left);
	s->part_from = 0;
}

void h2_stream_head_sent(struct h2_stream *s)
{
	s->head_sent = true;
	s->write_since = h2_stream_now(s);
	if (s->awaits == H2_AWAITS_HEAD)
		op_finish(h2_take_writer(s), 0);
}

void h2_stream_head_not_sent(struct h2_stream *s, int code)
{
	struct err err = {0};
	if (code == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED)
		return; /* GOAWAY came first; the stream is closed next, as one never seen */
	err_set(&err, ERR_INTERNAL, "http2: headers cannot be sent: %s", nghttp2_strerror(code));
	h2_stream_fail(s, &err);
	err_done(&err);
}

void h2_stream_end_was_sent(struct h2_stream *s)
{
	s->end_sent = true;
	if (s->awaits == H2_AWAITS_END)
		op_finish(h2_take_writer(s), (int64_t)s->write_size);
	if (s->h2->role->end_sent)
		s->h2->role->end_sent(s);
}

/* ---- the end ---- */

/* Nothing of the caller's memory is looked at any more. */
static void h2_forget_parts(struct h2_stream *s)
{
	s->parts = NULL;
	s->part_count = s->part_from = 0;
	s->trailers = NULL;
}

void h2_stream_cancel(struct h2_stream *s, struct op *op)
{
	if (op == s->reader) {
		s->reader = NULL; /* what arrives stays for the next reader */
	} else {
		assert(op == s->writer);
		h2_take_writer(s);
		h2_forget_parts(s);
		/* Part of it may be gone already: this body cannot be completed. */
		s->ending = false;
		if (!s->write_err.code)
			err_set(&s->write_err, ERR_CANCELLED, "http2: a write was cancelled");
	}
	op_fail_cancelled(op);
}

void h2_stream_fail(struct h2_stream *s, const struct err *err)
{
	if (!s->write_err.code)
		err_copy(&s->write_err, err);
	/* A body that has arrived whole stays readable. */
	if (!s->read_err.code && !s->remote_ended)
		err_copy(&s->read_err, err);
	h2_forget_parts(s);
	s->ending = false;
	if (s->writer)
		op_fail_copy(h2_take_writer(s), &s->write_err);
	h2_stream_serve(s);
}

void h2_stream_reset(struct h2_stream *s, uint32_t code)
{
	if (!h2_stream_alive(s))
		return;
	nghttp2_submit_rst_stream(s->h2->ng, NGHTTP2_FLAG_NONE, s->id, code);
	h2_flush(s->h2);
}

int64_t h2_stream_check(struct h2_stream *s, int64_t now)
{
	const struct http_limits *l = s->h2->limits;
	int64_t next = INT64_MAX;
	if (s->skip_until) {
		if (now < s->skip_until)
			return s->skip_until;
		h2_stream_reset(s, NGHTTP2_NO_ERROR);
		return INT64_MAX;
	}
	if (s->read_timed && s->reader) {
		if (now >= s->read_since + l->body_timeout)
			op_fail_with(TAKE(s->reader), ERR_TIMEOUT,
				"http2: timed out waiting for the body");
		else
			next = s->read_since + l->body_timeout;
	}
	if (s->writer || h2_parts_left(s) > 0) {
		if (now < s->write_since + l->write_timeout)
			return MIN(next, s->write_since + l->write_timeout);
		/* The connection lives, but this stream's window stays shut. */
		struct err err = {0};
		err_set(&err, ERR_TIMEOUT, "http2: timed out waiting for the peer to read");
		h2_stream_fail(s, &err);
		err_done(&err);
		h2_stream_reset(s, NGHTTP2_CANCEL);
	}
	return next;
}

void h2_stream_done(struct h2_stream *s)
{
	assert(!s->reader && !s->writer);
	if (s->open && s->h2->ng)
		nghttp2_session_set_stream_user_data(s->h2->ng, s->id, NULL);
	if (s->open) {
		link_remove(&s->in_h2);
		s->open = false;
		if (--s->h2->open == 0)
			s->h2->idle_since = h2_stream_now(s);
	}
	h2_stream_discard(s);
	mem_free(s->kept);
	err_done(&s->read_err);
	err_done(&s->write_err);
}
