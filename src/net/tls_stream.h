/* The inside of a TLS stream, for its two halves: the handshake and what follows it. */
#ifndef KUBE_NET_TLS_STREAM_H
#define KUBE_NET_TLS_STREAM_H

#include <kube/task.h>
#include <kube/tls.h>
#include <kube/work.h>

/*
 * What is encrypted waits in `next`; what is being written below is `out`. Records leave in the
 * order they were made. Both are empty, and free of memory, while nothing is under way.
 */
struct tls_stream {
	struct stream base;
	struct stream *below;
	struct tls_engine *engine;
	struct buf in;        /* from the peer, still sealed */
	struct buf next, out; /* for the peer, sealed */
	struct str out_part;  /* `out` as stream_write wants it */
	size_t read_size;     /* asked of the stream below; follows what arrives */
	struct work work;

	/* ---- handshake ---- */
	struct task task;
	struct stream **result;
	bool *begun; /* set by the first step: the op was not refused */
	enum tls_want want;
	struct err failure; /* what ended the handshake, while the alert is on its way */

	/* ---- afterwards; ops of our own live in `scope` ---- */
	struct scope scope;
	struct op closer, read_below, write_below, working;
	struct buf *into; /* the waiting read's */
	size_t max;
	const struct str *parts; /* the waiting write's: what is still to be encrypted */
	size_t part_count, part_at, part_used;
	int64_t written;
	struct err read_err, write_err; /* once failed, for good */
	bool finishing;                 /* the op in base.writing is a finish */
	bool notified;                  /* close_notify was made */
	bool finished;                  /* the stream below was finished */
	bool ended;                     /* the peer's close_notify, or its end */
	bool busy;                      /* a worker has the engine, `next` and the write's parts */
	bool released;                  /* stream_close was called */
};

#define TLS_IN_MAX   (256 * KIB)
#define TLS_NEXT_MAX (1 * MIB)
#define TLS_READ_MIN (4 * KIB)
#define TLS_READ_MAX (64 * KIB)

/* Turns the stream from shaking hands to carrying data; it belongs to `scope` from now on. */
void tls_stream_open(struct tls_stream *t, struct scope *scope);
/* Frees; the stream below must have been closed. */
void tls_stream_free(struct tls_stream *t);

#endif
