/*
 * What the files of loop/ share: the loop's inside, the run queue, the timer heap and the driver
 * that asks the kernel. The simulator's files, which live in this folder, use it too.
 */
#ifndef KUBE_LOOP_INTERNAL_H
#define KUBE_LOOP_INTERNAL_H

#include <kube/loop.h>

/* ---- timers: a 4-ary heap; equal times fire in the order they were set ---- */
struct timer_slot {
	int64_t when;
	uint64_t order;
	struct op *op;
};

struct timers {
	struct timer_slot *slots;
	uint32_t count, cap;
	uint64_t order;
};

void timers_done(struct timers *t);
void timers_add(struct timers *t, struct op *op, int64_t when);
void timers_remove(struct timers *t, struct op *op); /* nothing happens when it is not in */
static inline int64_t timers_next(const struct timers *t)
{
	return t->count ? t->slots[0].when : OP_NO_DEADLINE;
}
/* Everything due at loop->now is finished or expired. */
void timers_fire(struct loop *loop);

/* ---- the loop ---- */
struct driver;
struct work_pool;

struct loop {
	struct list run; /* ops whose done is to be called */
	int64_t now;
	const bool *until; /* loop_run_until's flag */
	struct timers timers;
	struct op *torture_victim; /* to be cancelled before the next completion */
	uint64_t torture_left;
	int torture_code;
	bool torture_hit;
	bool driving;
	bool now_stale; /* the kernel has been asked since the clock was read */
	uint32_t in_flight;
	struct scope root;
	struct driver *driver;  /* NULL: virtual */
	struct work_pool *work; /* NULL until the first work_start */
	/* Virtual loops: how long from now a piece of work waits to be run; NULL: not at all. */
	int64_t (*work_delay)(void *ctx);
	void *work_delay_ctx;
	struct loop_stats stats;
	loop_lag_fn *lag_told;
	void *lag_ctx;
	int64_t lag_threshold;
	const char *lag_name; /* the slowest completion of this turn */
	int64_t lag_worst;
	int64_t turn_start;
};

/* ---- op.c ---- */
/* As op_begin, for ops whose purpose is a moment: kind->due is called when `at` has come. */
KUBE_MUST_USE bool op_begin_at(struct op *op, const struct op_kind *kind, void *ctx, int64_t at);
/* Sets the moment of an op in flight whose kind has `due`. */
void op_due_at(struct op *op, int64_t at);
void op_expire(struct op *op);
/* The task's name where the op is what a task awaits. */
const char *op_name(const struct op *op);

/* ---- scope.c ---- */
/* Posts the closer when the scope is closing and nothing is left in it. */
void scope_check(struct scope *s);
/* The closer is about to be told: true when the scope is still empty, and now out of its parent. */
bool scope_end(struct scope *s, struct op *closer);
/* Cancels, tells and refuses, without anybody waiting for the end. */
void scope_stop(struct scope *s);
extern const struct op_kind scope_close_kind;

/* ---- task.c ---- */
void task_resume(struct op *op, struct err *err);

/* ---- run.c: calls what is posted, until nothing is, or a turn has lasted long enough ---- */
void run_drain(struct loop *loop);

/* ---- driver.c: everything that asks libuv on the loop's behalf ---- */
struct driver *driver_new(struct loop *loop);
void driver_free(struct driver *d);
/* From any thread: the loop will look at what the worker threads have finished. */
void driver_wake(struct driver *d);
/* Lets the kernel speak; waits for it until `until` on the monotonic clock (0: does not wait). */
void driver_poll(struct driver *d, int64_t now, int64_t until);
void loop_read_clock(struct loop *loop);
/* First call of every callback from libuv: the clock has moved while the kernel was asked. */
static inline void loop_woken(struct loop *loop)
{
	if (loop->now_stale)
		loop_read_clock(loop);
}

#endif
