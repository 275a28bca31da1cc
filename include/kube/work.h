/*
 * work: a function run on a worker thread, awaited as an op. Lanes are named groups of threads,
 * so that slow disks do not hold up handshakes. Threads start when first needed.
 *
 * Cancelling takes queued work out of the queue; running work sees work_cancelled() and may stop
 * early; its op finishes when the function has returned, never before.
 */
#ifndef KUBE_WORK_H
#define KUBE_WORK_H

#include <kube/loop.h>

enum work_lane {
	WORK_CRYPTO,  /* handshakes, signatures, bulk encryption: a thread a core, nicer than we */
	WORK_DISK,    /* file reads and writes: 4 threads */
	WORK_STORE,   /* the store's one writer: 1 thread */
	WORK_RESOLVE, /* host names: 2 threads */
	WORK_NETLINK, /* links, routes and rules, for which the kernel has one lock: 2 threads */
	WORK_LANES
};

struct work;
/* On a worker thread. Sets w->err and w->n; touches nothing of the loop. */
typedef void work_fn(struct work *w);

struct work {
	struct link in_queue;
	struct op *op;
	work_fn *run;
	struct loop *loop;
	struct err err; /* the outcome, moved into the op */
	int64_t n;
	int8_t lane;
	uint8_t state;
	_Atomic(bool) cancelled;
};

void work_start(struct work *w, struct op *op, enum work_lane lane, work_fn *run);
static inline bool work_cancelled(const struct work *w)
{
	return w->cancelled;
}

#endif
