#include <kube/stream.h>

size_t stream_room(const struct buf *into, size_t max)
{
	return into->len >= into->max ? 0 : MIN(max, into->max - into->len);
}

static void stream_cancel(struct op *op)
{
	struct stream *s = op->ctx;
	/* A start function that failed on the way has not put it there. */
	if (s->reading == op || s->writing == op)
		s->ops->cancel(s, op);
}

static void stream_describe(const struct op *op, struct buf *out)
{
	const struct stream *s = op->ctx;
	buf_add_text(out, s->ops->name);
	buf_add_char(out, ' ');
	address_print(out, &s->local);
	buf_add_text(out, " - ");
	address_print(out, &s->remote);
}

void stream_read(struct stream *s, struct op *op, struct buf *into, size_t max)
{
	static const struct op_kind kind = {
		.name = "read", .cancel = stream_cancel, .describe = stream_describe};
	assert(!s->reading && max > 0);
	if (!op_begin(op, &kind, s))
		return;
	if (stream_room(into, max) == 0) {
		op_fail_with(
			op, ERR_LIMIT, "no room to read into: %zu bytes are the limit", into->max);
		return;
	}
	s->reading = op;
	s->ops->read(s, op, into, max);
}

void stream_write(struct stream *s, struct op *op, const struct str *parts, size_t count)
{
	static const struct op_kind kind = {
		.name = "write", .cancel = stream_cancel, .describe = stream_describe};
	assert(!s->writing && count <= STREAM_PARTS_MAX);
	if (!op_begin(op, &kind, s))
		return;
	s->writing = op;
	s->ops->write(s, op, parts, count);
}

void stream_finish(struct stream *s, struct op *op)
{
	static const struct op_kind kind = {
		.name = "finish", .cancel = stream_cancel, .describe = stream_describe};
	assert(!s->writing);
	if (!op_begin(op, &kind, s))
		return;
	s->writing = op;
	s->ops->finish(s, op);
}

void stream_end_pending(struct stream *s)
{
	struct op *reading = stream_take_reading(s), *writing = stream_take_writing(s);
	if (reading)
		op_fail_cancelled(reading);
	if (writing)
		op_fail_cancelled(writing);
}

void stream_close(struct stream *s)
{
	if (s)
		s->ops->close(s);
}

struct stream *stream_under(struct stream *s)
{
	return s->ops->under ? s->ops->under(s) : NULL;
}

int stream_fd(struct stream *s)
{
	for (struct stream *under; (under = stream_under(s));)
		s = under;
	return s->ops->fd ? s->ops->fd(s) : -1;
}
