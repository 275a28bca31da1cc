/* The streams of a mux: who reads what has come, and who writes. */
#include "mux.h"

#define STREAM_MAX (1 * MIB)

/* ---- readers ---- */

void mux_satisfy(struct mux_stream *s)
{
	struct mux *m = s->mux;

	if (!s->base.reading)
		return;
	if (s->in.len) {
		size_t n = MIN(s->in.len, stream_room(s->into, s->max));

		buf_add(s->into, s->in.at, n);
		buf_drop_front(&s->in, n);
		if (!s->in.len)
			buf_done(&s->in);
		s->base.bytes_in += n;
		op_finish(stream_take_reading(&s->base), (int64_t)n);
		if (!m)
			return;
		m->buffered -= n;
		if (s->ops->consumed && !mux_over(m))
			s->ops->consumed(m, s, n);
	} else if (s->ended || !m) {
		op_finish(stream_take_reading(&s->base), 0);
	} else if (m->failure.code) {
		op_fail_copy(stream_take_reading(&s->base), &m->failure);
	}
}

void mux_deliver(struct mux_stream *s, struct str bytes)
{
	if (s->ended || !bytes.len)
		return;
	buf_add_str(&s->in, bytes);
	s->mux->buffered += buf_over(&s->in) ? 0 : bytes.len;
	mux_satisfy(s);
}

void mux_end(struct mux_stream *s)
{
	s->ended = true;
	mux_satisfy(s);
}

/* ---- writers ---- */

void mux_fail_writer(struct mux_stream *s, const struct err *why)
{
	struct op *op = stream_take_writing(&s->base);

	link_remove(&s->in_queue);
	if (op && why && why->code)
		op_fail_copy(op, why);
	else if (op)
		op_fail_with(op, ERR_CLOSED, "the connection is closed");
}

void mux_shut(struct mux_stream *s)
{
	s->shut = true;
	mux_fail_writer(s, NULL);
}

/* The frames that are packed are not enough for whoever waits: they must leave, too. */
static void enqueue(struct mux_stream *s)
{
	list_push(&s->mux->ready, &s->in_queue);
	mux_pump_write(s->mux);
}

void mux_unblock(struct mux_stream *s)
{
	if (!s->base.writing || s->part_at >= s->part_count)
		return;
	link_remove(&s->in_queue);
	list_push(&s->mux->ready, &s->in_queue);
}

/* ---- a stream ---- */

static void stream_read_start(struct stream *stream, struct op *op, struct buf *into, size_t max)
{
	struct mux_stream *s = mux_stream_of(stream);
	struct mux *m = s->mux;

	(void)op;
	s->into = into;
	s->max = max;
	mux_satisfy(s);
	if (m)
		mux_pump_read(m);
}

static bool can_write(struct mux_stream *s)
{
	return s->mux && !mux_over(s->mux) && !s->finished && !s->shut;
}

static void stream_write_start(
	struct stream *stream, struct op *op, const struct str *parts, size_t count)
{
	struct mux_stream *s = mux_stream_of(stream);

	(void)op;
	if (!can_write(s)) {
		mux_fail_writer(s, s->mux ? &s->mux->failure : NULL);
		return;
	}
	s->parts = parts;
	s->part_count = count;
	s->part_at = s->part_used = 0;
	s->written = 0;
	s->finishing = false;
	while (s->part_at < count && !parts[s->part_at].len)
		s->part_at++;
	enqueue(s);
}

static void stream_finish_start(struct stream *stream, struct op *op)
{
	struct mux_stream *s = mux_stream_of(stream);

	(void)op;
	if (s->finished) {
		op_finish(stream_take_writing(stream), 0);
		return;
	}
	if (!can_write(s)) {
		mux_fail_writer(s, s->mux ? &s->mux->failure : NULL);
		return;
	}
	s->part_at = s->part_count = 0;
	s->written = 0;
	s->finishing = true;
	enqueue(s);
}

/* Frames are whole whenever a writer goes. */
static void stream_cancel_one(struct stream *stream, struct op *op)
{
	struct mux_stream *s = mux_stream_of(stream);

	if (op == stream->reading) {
		stream_take_reading(stream);
	} else {
		stream_take_writing(stream);
		link_remove(&s->in_queue);
	}
	op_fail_cancelled(op);
}

static void stream_release(struct stream *stream)
{
	struct mux_stream *s = mux_stream_of(stream);
	struct mux *m = s->mux;

	stream_end_pending(stream);
	link_remove(&s->in_queue);
	link_remove(&s->in_mux);
	if (m) {
		m->buffered -= s->in.len;
		if (!mux_over(m))
			s->ops->released(m, s);
	}
	buf_done(&s->in);
	s->ops->free_stream(s);
	if (m)
		mux_pump_read(m);
}

static const struct stream_ops stream_ops = {
	.name = "mux",
	.read = stream_read_start,
	.write = stream_write_start,
	.finish = stream_finish_start,
	.cancel = stream_cancel_one,
	.close = stream_release,
};

void mux_stream_init(struct mux_stream *s, struct mux *m, struct scope *scope, uint32_t id)
{
	s->base.ops = &stream_ops;
	s->base.scope = scope;
	s->base.local = m->below ? m->below->local : (struct address){0};
	s->base.remote = m->below ? m->below->remote : (struct address){0};
	s->ops = m->ops;
	s->mux = m;
	s->id = id;
	s->ended = m->ended;
	buf_init(&s->in, STREAM_MAX);
	list_push(&m->streams, &s->in_mux);
}
