#include "http1_send.h"

#include "http_conn.h"

static void send_next(struct http1_send *s);

void http1_send_init(struct http1_send *s, struct scope *scope, struct stream *stream,
	int64_t timeout, http1_sent_fn *done)
{
	*s = (struct http1_send){
		.scope = scope, .stream = stream, .timeout = timeout, .done = done};
}

static struct str send_piece(const struct http1_send *s)
{
	if (s->index == 0)
		return s->front;
	return s->index <= s->count ? s->parts[s->index - 1] : s->behind;
}

static bool send_left(const struct http1_send *s)
{
	return s->index < s->count + 2;
}

/* Empty pieces are passed over, so that a batch without bytes means the end. */
static size_t send_fill(struct http1_send *s)
{
	size_t count = 0, room = HTTP1_BATCH_BYTES;
	while (send_left(s) && count < HTTP1_BATCH_PARTS && room) {
		struct str piece = str_skip(send_piece(s), s->offset);
		if (piece.len > room) {
			s->offset += room;
			piece.len = room;
		} else {
			s->index++;
			s->offset = 0;
		}
		room -= piece.len;
		if (piece.len)
			s->batch[count++] = piece;
	}
	return count;
}

static void send_written(struct op *op, struct err *err)
{
	struct http1_send *s = CONTAINER_OF(op, struct http1_send, op);
	if (err->code || !send_left(s))
		s->done(s, err);
	else
		send_next(s);
}

static void send_next(struct http1_send *s)
{
	size_t count = send_fill(s);
	op_init(&s->op, s->scope, send_written, loop_in(s->scope->loop, s->timeout));
	if (count)
		stream_write(s->stream, &s->op, s->batch, count);
	else
		op_yield(&s->op);
}

void http1_send_start(struct http1_send *s, struct str front, const struct str *parts, size_t count,
	struct str behind)
{
	assert(!http1_send_active(s));
	s->front = front;
	s->parts = parts;
	s->count = count;
	s->behind = behind;
	s->index = s->offset = 0;
	send_next(s);
}

void http1_print_field(struct buf *out, struct str name, struct str value)
{
	if (name.len == 0 || http_token_span(name) != name.len)
		return;
	size_t start = out->len;
	buf_add_str(out, name);
	buf_add(out, ": ", 2);
	size_t from = out->len;
	buf_add_str(out, value);
	if (http_value_span(value) != value.len && !buf_over(out))
		for (size_t i = from; i < out->len; i++)
			if (!http_value_span(str_make(&out->at[i], 1)))
				out->at[i] = ' ';
	buf_add(out, "\r\n", 2);
	if (buf_over(out))
		buf_cut(out, start);
}

size_t http1_parts_len(const struct str *parts, size_t count)
{
	size_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += parts[i].len;
	return len;
}

size_t http1_print_chunk_line(char text[HTTP1_CHUNK_LINE_MAX], size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 1;
	while (n < 16 && len >> (4 * n))
		n++;
	for (size_t i = 0; i < n; i++)
		text[i] = digits[len >> (4 * (n - 1 - i)) & 15];
	text[n] = '\r';
	text[n + 1] = '\n';
	return n + 2;
}
