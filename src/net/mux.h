/*
 * mux: several streams over one, in frames. What frames look like is the protocol's (websocket.c,
 * spdy.c): it takes them off what has arrived, and makes them of what is to go. Here are the
 * queues, the ends, and the ceilings.
 *
 *	below → in → ops->take → mux_deliver → the stream's `in` → its reader
 *	a stream's writer → ops->pack → next → out → below
 *
 * Writers take turns, a frame each. Their ops are done when the frames have left. While readers
 * are slow nothing more is read from below, so that memory has a bound whatever the peer does.
 *
 * A mux is closed by mux_close, which lets go of it: what was written still leaves. Its streams
 * are closed one by one, before or after.
 */
#ifndef KUBE_NET_MUX_H
#define KUBE_NET_MUX_H

#include <kube/env.h>

struct mux;
struct mux_stream;

struct mux_ops {
	const char *name;
	/* Takes one frame, or a piece of one; *used 0: more bytes are needed. An error ends all. */
	int (*take)(struct mux *m, struct str in, size_t *used, struct err *err);
	/*
	 * Adds one frame with the beginning of `bytes` to m->next, and says how much of them. 0: it
	 * must wait until mux_unblock. Empty bytes come only where `empty_frames` is set.
	 */
	size_t (*pack)(struct mux *m, struct mux_stream *s, struct str bytes);
	/* The stream writes no more. */
	void (*finish)(struct mux *m, struct mux_stream *s);
	/* A reader has taken n bytes; NULL: nobody cares. */
	void (*consumed)(struct mux *m, struct mux_stream *s, size_t n);
	/* The owner closes the stream. */
	void (*released)(struct mux *m, struct mux_stream *s);
	/* The last frame, when the mux is closed. */
	void (*goodbye)(struct mux *m);
	/* The connection is over, or closed; maybe more than once. NULL: nobody cares. */
	void (*over)(struct mux *m);
	void (*free_stream)(struct mux_stream *s);
	void (*free)(struct mux *m);
	bool empty_frames;
};

struct mux_stream {
	struct stream base; /* first */
	const struct mux_ops *ops;
	struct mux *mux; /* NULL: it has gone before */
	struct link in_mux;
	uint32_t id;
	/* what has come */
	struct buf in;
	struct buf *into; /* the waiting read's */
	size_t max;
	bool ended; /* nothing more will come */
	/* what is to go */
	struct link in_queue;
	const struct str *parts;
	size_t part_count, part_at, part_used;
	int64_t written;
	bool finishing, finished;
	bool shut; /* the peer takes no more */
};

struct mux {
	const struct mux_ops *ops;
	struct env *env;
	struct stream *below;
	struct scope scope;
	struct op reading, writing, linger, idling, closer;
	struct buf in, next, out;
	size_t in_used; /* of `in`, taken already */
	struct str out_part;
	struct list streams, ready, blocked, leaving;
	size_t buffered; /* bytes that readers have not taken */
	struct err failure;
	bool ended; /* the peer says no more */
	bool closing, finished, gone;
	struct op *waiter;
	int64_t idle, active; /* longest silence (0: any), and when it began */
};

#define MUX_FRAME_MAX (32 * KIB) /* payload of frames that we send */

/* Takes the stream below and what was read from it already (may be NULL; taken too). */
void mux_init(struct mux *m, const struct mux_ops *ops, struct env *env, struct scope *parent,
	struct stream *below, struct buf *early, int64_t idle);
/* From now on bytes are read. */
void mux_start(struct mux *m);
void mux_stream_init(struct mux_stream *s, struct mux *m, struct scope *scope, uint32_t id);
/* Done when the connection is over: 0 after the peer's end, else why. */
void mux_wait(struct mux *m, struct op *op);
void mux_close(struct mux *m);

/* ---- the protocol's side ---- */
void mux_deliver(struct mux_stream *s, struct str bytes);
void mux_end(struct mux_stream *s);  /* nothing more will come on it */
void mux_shut(struct mux_stream *s); /* nothing more is wanted on it, either */
void mux_end_all(struct mux *m);     /* on none of them */
void mux_unblock(struct mux_stream *s);
void mux_send(struct mux *m); /* there is something in m->next */

/* ---- between mux.c and mux_stream.c ---- */
static inline bool mux_over(const struct mux *m)
{
	return m->failure.code || m->ended || m->closing;
}
void mux_pump_read(struct mux *m);
void mux_pump_write(struct mux *m);
/* The waiting read gets what has come, or how it ended. */
void mux_satisfy(struct mux_stream *s);
void mux_fail_writer(struct mux_stream *s, const struct err *why);

static inline struct mux_stream *mux_stream_of(struct stream *s)
{
	return CONTAINER_OF(s, struct mux_stream, base);
}

#endif
