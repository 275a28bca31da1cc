/*
 * loop: one thread's run queue, timers and descriptors, over libuv. Everything except the
 * functions marked so is called on the loop's thread.
 *
 * A virtual loop has no descriptors and no real clock: when nothing is left to run, time jumps
 * to the next timer. The simulator runs on it; work (work.h) then runs inline, in seeded order.
 */
#ifndef KUBE_LOOP_H
#define KUBE_LOOP_H

#include <kube/scope.h>

struct loop;

/* Also makes the process ignore SIGPIPE: what is executed later must set it back. */
struct loop *loop_new(void);
struct loop *loop_new_virtual(int64_t start_ns);
/*
 * Everything must be over: the root scope empty. Joins worker threads, closes libuv's loop and
 * asserts that nothing was left in it.
 */
void loop_free(struct loop *loop);

struct scope *loop_root(struct loop *loop);
/* Runs until the root scope is empty. ERR_INTERNAL from a virtual loop that can never go on
 * (stuck). */
int loop_run(struct loop *loop, struct err *err);
/* Runs until *flag is true, the root scope is empty, or a virtual loop is stuck. */
int loop_run_until(struct loop *loop, const bool *flag, struct err *err);
/* Starts closing the root scope; loop_run returns when that is done. */
void loop_shutdown(struct loop *loop);

bool loop_is_virtual(const struct loop *loop);
/* Monotonic time, read once per turn of the loop. */
int64_t loop_now(const struct loop *loop);
/* The absolute deadline `ns` from now. */
int64_t loop_in(const struct loop *loop, int64_t ns);

/* Every scope, op, task and step in flight, as an indented tree. */
void loop_dump(const struct loop *loop, struct buf *out);
/* From now on the signal writes such a dump to fd. The handler does not keep the loop alive. */
int loop_dump_on_signal(struct loop *loop, int signum, int fd, struct err *err);

/* Told, on the loop's thread, that one turn took longer than the threshold, and at which op. */
typedef void loop_lag_fn(void *ctx, int64_t ns, const char *op_name);
void loop_watch_lag(struct loop *loop, int64_t threshold, loop_lag_fn *told, void *ctx);

struct loop_stats {
	uint64_t ops;       /* completions delivered */
	uint64_t turns;     /* times the kernel was asked */
	int64_t worst_turn; /* ns between two such times, since the last reset */
	uint32_t in_flight;
};
void loop_stats(const struct loop *loop, struct loop_stats *stats);
void loop_stats_reset(struct loop *loop);

/*
 * Torture (tests only): the k-th op begun from now on, counted from 1, is refused with the code
 * (ERR_CANCELLED: it is started and then asked to cancel at once). 0 turns it off.
 * loop_torture_hit tells whether the k-th was ever reached.
 */
void loop_torture(struct loop *loop, uint64_t k, int code);
bool loop_torture_hit(const struct loop *loop);

#endif
