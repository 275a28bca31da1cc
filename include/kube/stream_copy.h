/*
 * stream_copy: bytes of one stream, written to another until the end, and then that end, too. One
 * way; two of them make a connection through.
 *
 *	op_init(&c->op, scope, done, OP_NO_DEADLINE);
 *	stream_copy(&c->there, &c->op, from, to);
 *
 * op->n: how many bytes. Fails with what the read or the write failed with. Neither stream is
 * closed, and neither may be before the op is done: cancel it, and close them then.
 */
#ifndef KUBE_STREAM_COPY_H
#define KUBE_STREAM_COPY_H

#include <kube/stream.h>
#include <kube/task.h>

struct stream_copy {
	struct task task;
	struct stream *from, *to;
	struct buf bytes;
	struct str part;
	int64_t copied;
	bool keep_open; /* set by the caller: the end is not passed on */
};

/*
 * What lies in c->bytes (zeroed, or filled by the caller) is written first. Afterwards it is empty,
 * unless the op was refused: buf_done it in any case.
 */
void stream_copy(struct stream_copy *c, struct op *op, struct stream *from, struct stream *to);

#endif
