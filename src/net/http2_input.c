/*
 * What comes in on one stream: bytes go straight to a reader that waits, else into `body`; the
 * window is given back only when somebody has read them, so a slow handler slows its own client and
 * nobody else.
 */
#include "http2_session.h"

static void h2_give_back(struct h2_stream *s, size_t len)
{
	if (len == 0 || s->h2->state == H2_ENDED)
		return;
	if (s->open && !s->remote_ended)
		nghttp2_session_consume(s->h2->ng, s->id, len);
	else
		nghttp2_session_consume_connection(s->h2->ng, len);
	h2_flush(s->h2);
}

static size_t h2_body_len(const struct h2_stream *s)
{
	return s->body.len - s->body_from;
}

static size_t h2_room(const struct buf *into, size_t max)
{
	return into->max > into->len ? MIN(max, into->max - into->len) : 0;
}

void h2_stream_serve(struct h2_stream *s)
{
	if (!s->reader)
		return;
	size_t have = h2_body_len(s);
	if (have > 0) {
		size_t n = MIN(have, h2_room(s->into, s->max));
		if (n == 0 && s->max > 0) {
			op_fail_with(TAKE(s->reader), ERR_LIMIT, "no room to read into");
			return;
		}
		buf_add(s->into, s->body.at + s->body_from, n);
		s->body_from += n;
		if (s->body_from == s->body.len) {
			buf_done(&s->body); /* idle streams hold no memory */
			s->body_from = 0;
		}
		h2_give_back(s, n);
		op_finish(TAKE(s->reader), (int64_t)n);
	} else if (s->read_err.code) {
		op_fail_copy(TAKE(s->reader), &s->read_err);
	} else if (s->remote_ended) {
		op_finish(TAKE(s->reader), 0);
	}
}

void h2_stream_read(struct h2_stream *s, struct op *op, struct buf *into, size_t max)
{
	assert(!s->reader);
	s->reader = op;
	s->into = into;
	s->max = max;
	s->read_since = h2_stream_now(s);
	h2_stream_serve(s);
}

/* The body is refused, not the stream: the handler still says so in its answer. */
static void h2_stream_over_limit(struct h2_stream *s)
{
	h2_stream_discard(s);
	err_set(&s->read_err, ERR_TOO_LARGE, "request body too large: more than %lld bytes",
		(long long)s->receive_limit);
	h2_stream_serve(s);
}

int h2_stream_take_data(struct h2_stream *s, const uint8_t *at, size_t len)
{
	s->received += (int64_t)len;
	if (!s->discard && s->receive_limit >= 0 && s->received > s->receive_limit)
		h2_stream_over_limit(s);
	if (s->discard && s->skip_left > 0) {
		s->skip_left -= (int64_t)len;
		if (s->skip_left <= 0)
			h2_stream_reset(s, NGHTTP2_NO_ERROR);
		return nghttp2_session_consume(s->h2->ng, s->id, len) ? NGHTTP2_ERR_CALLBACK_FAILURE
								      : 0;
	}
	if (s->discard) {
		/* Only the connection gets its window back: this stream need not send more. */
		return nghttp2_session_consume_connection(s->h2->ng, len)
			       ? NGHTTP2_ERR_CALLBACK_FAILURE
			       : 0;
	}
	s->read_since = h2_stream_now(s);
	if (s->reader && h2_body_len(s) == 0) {
		size_t n = MIN(len, h2_room(s->into, s->max));
		if (n > 0) {
			buf_add(s->into, at, n);
			at += n;
			len -= n;
			h2_give_back(s, n);
			op_finish(TAKE(s->reader), (int64_t)n);
		}
	}
	if (len > 0) {
		buf_add(&s->body, at, len);
		if (buf_over(&s->body))
			return NGHTTP2_ERR_CALLBACK_FAILURE; /* past the window: cannot be */
		h2_stream_serve(s);
	}
	return 0;
}

void h2_stream_take_end(struct h2_stream *s)
{
	s->remote_ended = true;
	h2_stream_serve(s);
	if (s->h2->role->data_ended)
		s->h2->role->data_ended(s);
}

void h2_stream_discard(struct h2_stream *s)
{
	s->discard = true;
	size_t have = h2_body_len(s);
	if (have > 0 && s->h2->state != H2_ENDED)
		nghttp2_session_consume_connection(s->h2->ng, have);
	buf_done(&s->body);
	s->body_from = 0;
}

/*
 * The answer is complete and the request is not. RFC 9113 8.1 has RST_STREAM(NO_ERROR) for it,
 * but some clients (curl 7.88) then throw the answer away: give them a moment to find it.
 */
void h2_stream_skip(struct h2_stream *s)
{
	s->skip_left = H2_SKIP_BYTES;
	s->skip_until = h2_stream_now(s) + H2_SKIP_TIME;
	h2_arm(s->h2, s->skip_until);
}
