/* Two ends of a connection on one loop, and whole conversations over a stream. */
#ifndef KUBE_STREAM_PAIR_H
#define KUBE_STREAM_PAIR_H

#include "loop_test.h"

#include <kube/mem.h>
#include <kube/stream_copy.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void stream_pair(struct loop_test *t, struct scope *scope, struct stream *ends[2])
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
		abort();
	for (int i = 0; i < 2; i++)
		ends[i] = stream_from_fd(t->loop, scope, fds[i]);
}

/* Whatever comes until the end. Whoever closes the stream before takes it out of here. */
struct reader {
	struct stream *stream;
	struct scope *scope;
	struct op op;
	struct buf got;
	int code;
	bool done;
};

static inline void reader_more(struct op *op, struct err *err);

static inline void reader_read(struct reader *r)
{
	op_init(&r->op, r->scope, reader_more, OP_NO_DEADLINE);
	stream_read(r->stream, &r->op, &r->got, 16 * KIB);
}

static inline void reader_more(struct op *op, struct err *err)
{
	struct reader *r = CONTAINER_OF(op, struct reader, op);

	r->code = err->code;
	if (!err->code && op->n && r->stream) {
		reader_read(r);
		return;
	}
	r->done = true;
}

static inline void reader_start(struct reader *r, struct scope *scope, struct stream *stream)
{
	r->stream = stream;
	r->scope = scope;
	buf_init(&r->got, 8 * MIB);
	reader_read(r);
}

/* Writes one text, then says that no more will come. Its stream is taken out likewise. */
struct writer {
	struct stream *stream;
	struct scope *scope;
	struct op op;
	struct str part;
	int code;
	bool finishing, done;
};

static inline void writer_next(struct op *op, struct err *err)
{
	struct writer *w = CONTAINER_OF(op, struct writer, op);

	w->code = err->code;
	if (err->code || w->finishing || !w->stream) {
		w->done = true;
		return;
	}
	w->finishing = true;
	op_init(&w->op, w->scope, writer_next, OP_NO_DEADLINE);
	stream_finish(w->stream, &w->op);
}

static inline void writer_start(
	struct writer *w, struct scope *scope, struct stream *stream, struct str text)
{
	w->stream = stream;
	w->scope = scope;
	w->part = text;
	op_init(&w->op, w->scope, writer_next, OP_NO_DEADLINE);
	stream_write(stream, &w->op, &w->part, 1);
}

#endif
