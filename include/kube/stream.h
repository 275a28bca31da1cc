/*
 * stream: bytes in order, both ways: TCP, a unix socket, a pipe, TLS over one of these, or the
 * simulator's. One read and one write may be in flight at a time (asserted).
 *
 * A stream belongs to a scope, which does not become empty before the descriptor is closed.
 * stream_close is no op: it asks, ends pending ops with ERR_CANCELLED, and releases the memory
 * by itself. After it the pointer is dead for the caller. A scope that closes does not close its
 * streams: their owner does when its ops come back cancelled.
 */
#ifndef KUBE_STREAM_H
#define KUBE_STREAM_H

#include <kube/ip.h>
#include <kube/scope.h>

struct stream;

/* Of one write. */
#define STREAM_PARTS_MAX 64

/*
 * The implementation's side. Before `read`, `write` and `finish` are called the op has begun and
 * stands in s->reading or s->writing (finish too); the implementation takes it out of there with
 * stream_take_reading or _writing when it finishes the op, and counts the bytes. `cancel` comes
 * only for an op that stands there. `close` ends both by stream_end_pending.
 *
 * Its memory lives until its descriptor is closed and no op of its own is in flight: it keeps an
 * op or a scope of its own in s->scope for that.
 */
struct stream_ops {
	const char *name;
	void (*read)(struct stream *s, struct op *op, struct buf *into, size_t max);
	void (*write)(struct stream *s, struct op *op, const struct str *parts, size_t count);
	void (*finish)(struct stream *s, struct op *op);
	void (*cancel)(struct stream *s, struct op *op); /* op: the read, write or finish */
	void (*close)(struct stream *s);
	/* The stream that carries this one (TLS → TCP), or NULL. */
	struct stream *(*under)(struct stream *s);
	/* A raw descriptor to look at or to pass on, or -1. */
	int (*fd)(struct stream *s);
};

struct stream {
	const struct stream_ops *ops;
	struct scope *scope;
	struct op *reading, *writing;
	struct address local, remote;
	uint64_t bytes_in, bytes_out;
};

static inline struct op *stream_take_reading(struct stream *s)
{
	return TAKE(s->reading);
}
static inline struct op *stream_take_writing(struct stream *s)
{
	return TAKE(s->writing);
}
/* Ends what is pending with ERR_CANCELLED: for `close`. */
void stream_end_pending(struct stream *s);
/* The room there is for a read: at most `max`, and no more than the ceiling of *into leaves. */
size_t stream_room(const struct buf *into, size_t max);

/*
 * Appends what arrives next, at most `max` bytes, to *into. op->n: bytes added; 0 is the end.
 * Memory is taken only when bytes are there, so an idle reader costs none. Cancelling loses
 * nothing. ERR_CLOSED when the peer reset, ERR_LIMIT when *into has no room.
 */
void stream_read(struct stream *s, struct op *op, struct buf *into, size_t max);
/*
 * Writes all parts, at most STREAM_PARTS_MAX; the bytes and the array must stay until done. Done
 * means handed to the kernel: awaiting it is the back-pressure. After a failed write, and after
 * one that was cancelled or timed out while some of it was still to go, only stream_close is left.
 */
void stream_write(struct stream *s, struct op *op, const struct str *parts, size_t count);
/* Says that no more will be written (FIN, close_notify), after what was written. */
void stream_finish(struct stream *s, struct op *op);
void stream_close(struct stream *s); /* NULL is fine */
/* The descriptor at the bottom, or -1; and what the stream is over, or NULL. */
int stream_fd(struct stream *s);
struct stream *stream_under(struct stream *s);

/*
 * outbox: a queue in front of a stream for writers that produce without waiting. Blocks are
 * referenced, not copied. Above `high` bytes outbox_full() says so; outbox_wait finishes when
 * the queue has fallen to `low`. Adding beyond `max` fails with ERR_LIMIT: a reader that slow is
 * ended, never waited for.
 */
struct outbox;
struct block;
struct outbox *outbox_new(
	struct stream *s, struct scope *parent, size_t low, size_t high, size_t max);
int outbox_add(struct outbox *o, struct block *b); /* takes a reference of its own */
bool outbox_full(const struct outbox *o);
size_t outbox_size(const struct outbox *o);
void outbox_wait(struct outbox *o, struct op *op);  /* ERR of the write that failed, if one did */
void outbox_flush(struct outbox *o, struct op *op); /* done when all has been written */
/* Drops what is queued, frees. Its scope leaves the parent when the write in flight has ended. */
void outbox_free(struct outbox *o);

#endif
