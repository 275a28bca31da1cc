/*
 * A stream without a kernel: what is read comes from a text, in pieces of a given size, then the
 * end; what is written is collected. For virtual loops.
 */
#ifndef KUBE_MEM_STREAM_H
#define KUBE_MEM_STREAM_H

#include <kube/env.h>
#include <kube/mem.h>

struct mem_stream {
	struct stream base;
	struct str in;
	size_t piece;     /* bytes a read gives at most */
	bool silent;      /* after the text nothing comes, not even the end */
	struct buf *out;  /* NULL: thrown away */
	struct buf *into; /* of the read that waits */
	size_t max;
};

static inline void mem_stream_read(struct stream *s, struct op *op, struct buf *into, size_t max)
{
	struct mem_stream *m = CONTAINER_OF(s, struct mem_stream, base);
	size_t ready = MIN(m->in.len, m->piece), room = stream_room(into, max);
	size_t n = MIN(ready, room);
	m->into = into;
	m->max = max;
	if (n == 0 && m->silent)
		return;
	buf_add(into, m->in.at, n);
	m->in = str_skip(m->in, n);
	stream_take_reading(s);
	op_finish(op, (int64_t)n);
}

/* From now on there is something to read, or an end: a read that waits goes on. */
static inline void mem_stream_feed(struct stream *s, struct str in, bool silent)
{
	struct mem_stream *m = CONTAINER_OF(s, struct mem_stream, base);
	m->in = in;
	m->silent = silent;
	if (s->reading)
		mem_stream_read(s, s->reading, m->into, m->max);
}

static inline void mem_stream_write(
	struct stream *s, struct op *op, const struct str *parts, size_t count)
{
	struct mem_stream *m = CONTAINER_OF(s, struct mem_stream, base);
	for (size_t i = 0; i < count && m->out; i++)
		buf_add_str(m->out, parts[i]);
	stream_take_writing(s);
	op_finish(op, 0);
}

static inline void mem_stream_finish(struct stream *s, struct op *op)
{
	stream_take_writing(s);
	op_finish(op, 0);
}

static inline void mem_stream_cancel(struct stream *s, struct op *op)
{
	if (s->reading == op)
		stream_take_reading(s);
	else
		stream_take_writing(s);
	op_fail_cancelled(op);
}

static inline void mem_stream_close(struct stream *s)
{
	stream_end_pending(s);
	mem_free(CONTAINER_OF(s, struct mem_stream, base));
}

static inline struct stream *mem_stream_new(
	struct scope *scope, struct str in, size_t piece, struct buf *out)
{
	static const struct stream_ops ops = {
		.name = "memory",
		.read = mem_stream_read,
		.write = mem_stream_write,
		.finish = mem_stream_finish,
		.cancel = mem_stream_cancel,
		.close = mem_stream_close,
	};
	struct mem_stream *m = mem_new(sizeof(*m));
	*m = (struct mem_stream){
		.base = {.ops = &ops, .scope = scope}, .in = in, .piece = piece, .out = out};
	return &m->base;
}

/* An env of nothing but a virtual loop and a clock that stands still. */
static inline int64_t mem_env_wall(struct env *env)
{
	(void)env;
	return 1136214245000000000;
}

static inline struct env mem_env(struct loop *loop)
{
	return (struct env){.loop = loop, .wall = mem_env_wall, .host = "memory"};
}

#endif
