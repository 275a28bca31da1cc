#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>

#include "loop_torture.h"

static bool has(struct str where, const char *what)
{
	return str_find(where, str_from(what)) >= 0;
}

static const struct op_kind never = {.name = "never"};

TEST(an_empty_loop_runs_and_closes)
{
	for (int kind = LOOP_TEST_REAL; kind <= LOOP_TEST_VIRTUAL; kind++) {
		struct loop_test t;
		loop_test_init(&t, kind);
		EXPECT_INT(loop_is_virtual(t.loop), kind == LOOP_TEST_VIRTUAL);
		loop_test_done(&t);
	}
}

TEST(a_virtual_loop_that_cannot_go_on_says_what_hangs)
{
	struct loop_test t;
	struct told told = {0};
	struct err err = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	EXPECT(op_begin(told_op(&told, t.root, OP_NO_DEADLINE), &never, NULL));
	EXPECT_INT(loop_run(t.loop, &err), ERR_INTERNAL);
	EXPECT(has(str_from(err_text(&err)), "op never"));
	err_done(&err);
	op_finish(&told.op, 0);
	loop_test_done(&t);
}

TEST(running_until_a_flag_stops_there)
{
	struct loop_test t;
	struct told first = {0}, second = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	op_yield(told_op(&first, t.root, OP_NO_DEADLINE));
	op_yield(told_op(&second, t.root, OP_NO_DEADLINE));
	EXPECT_INT(loop_run_until(t.loop, &first.done, NULL), 0);
	EXPECT(first.done && !second.done);
	loop_test_done(&t);
	EXPECT(second.done);
}

/* ---- fairness ---- */

struct storm {
	struct op op;
	struct told *until;
	uint64_t yields;
};

static void storm_again(struct op *op, struct err *err)
{
	(void)err;
	struct storm *s = CONTAINER_OF(op, struct storm, op);
	s->yields++;
	if (s->until->done)
		return;
	op_init(op, op->scope, storm_again, OP_NO_DEADLINE);
	op_yield(op);
}

TEST(a_queue_that_never_empties_cannot_starve_timers)
{
	struct loop_test t;
	struct told told = {0};
	struct storm storm = {.until = &told};
	loop_test_init(&t, LOOP_TEST_REAL);
	timer_wait(told_op(&told, t.root, OP_NO_DEADLINE), loop_in(t.loop, 3 * MSEC));
	op_init(&storm.op, t.root, storm_again, OP_NO_DEADLINE);
	op_yield(&storm.op);
	loop_test_run(&t);
	EXPECT(told.done && storm.yields > 1); /* it was in the way */
	loop_test_done(&t);
}

/* ---- dump ---- */

enum nap_step { NAP_START, NAP_ASLEEP };
static const char *const nap_steps[] = {"start", "asleep"};

static void nap_run(struct task *t, struct err *err)
{
	switch ((enum nap_step)t->step) {
	case NAP_START:
		timer_wait(task_await(t, NAP_ASLEEP, OP_NO_DEADLINE), loop_in(op_loop(t->op), SEC));
		return;
	case NAP_ASLEEP:
		task_fail(t, err);
		return;
	}
}

TEST(a_dump_names_every_scope_op_task_and_step)
{
	static const struct task_kind nap = TASK_KIND("nap", nap_steps, nap_run);
	struct loop_test t;
	struct scope s, inner;
	struct task task;
	struct told napping = {0}, waiting = {0}, closed = {0}, inner_closed = {0};
	struct buf dump = BUF_INIT(4 * KIB);
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&s, t.root, "server", NULL);
	scope_init(&inner, &s, "connection", NULL);
	task_start(&task, &nap, told_op(&napping, &inner, OP_NO_DEADLINE));
	EXPECT(op_begin(told_op(&waiting, &s, loop_in(t.loop, MINUTE)), &never, NULL));
	loop_dump(t.loop, &dump);
	EXPECT_STR(buf_str(&dump), "scope root\n"
				   "  scope server\n"
				   "    op never (deadline in 1m0s)\n"
				   "    scope connection\n"
				   "      op nap at asleep, awaits timer\n"
				   "      op timer (in 1s)\n");
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	buf_clear(&dump);
	loop_dump(t.loop, &dump);
	EXPECT_STR(buf_str(&dump), "scope root\n"
				   "  op close server\n"
				   "  scope server (closing)\n"
				   "    op never (cancelled)\n"
				   "    scope connection (stopping)\n"
				   "      op nap at asleep, awaits timer (cancelled)\n"
				   "      op timer (posted)\n");
	op_finish(&waiting.op, 0);
	scope_close(&inner, told_op(&inner_closed, &s, OP_NO_DEADLINE));
	loop_test_done(&t);
	buf_done(&dump);
}

/* ---- lag ---- */

struct lag {
	int times;
	int64_t ns;
	const char *name;
};

static void on_lag(void *ctx, int64_t ns, const char *name)
{
	struct lag *lag = ctx;
	lag->times++;
	lag->ns = ns;
	lag->name = name;
}

static void dawdle(struct op *op, struct err *err)
{
	(void)err;
	(void)op;
	for (int64_t start = clock_mono(); clock_mono() - start < 5 * MSEC;)
		;
}

TEST(a_turn_that_takes_too_long_is_reported_with_its_op)
{
	struct loop_test t;
	struct lag lag = {0};
	struct op op;
	struct told quick = {0}, after = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	loop_watch_lag(t.loop, 4 * MSEC, on_lag, &lag);
	op_init(&op, t.root, dawdle, OP_NO_DEADLINE);
	timer_wait(&op, loop_now(t.loop));
	op_yield(told_op(&quick, t.root, OP_NO_DEADLINE));
	timer_wait(told_op(&after, t.root, OP_NO_DEADLINE), loop_in(t.loop, 20 * MSEC));
	loop_test_run(&t);
	struct loop_stats stats;
	loop_stats(t.loop, &stats);
	EXPECT(lag.times >= 1);
	EXPECT(lag.ns >= 5 * MSEC && stats.worst_turn >= 5 * MSEC);
	EXPECT_TEXT(lag.name, "timer");
	loop_stats_reset(t.loop);
	loop_stats(t.loop, &stats);
	EXPECT_INT(stats.ops, 0);
	loop_test_done(&t);
}

/* ---- torture ---- */

enum trip_step { TRIP_START, TRIP_ONE, TRIP_TWO, TRIP_END };
static const char *const trip_steps[] = {"start", "one", "two", "end"};

struct trip {
	struct task task;
	struct told told;
	int codes[3][8]; /* how often each outcome was seen */
	int ok, io, cancelled;
};

static void trip_run(struct task *t, struct err *err)
{
	int64_t at = loop_in(op_loop(t->op), MSEC);
	if (err->code) {
		task_fail(t, err);
		return;
	}
	switch ((enum trip_step)t->step) {
	case TRIP_START:
		timer_wait(task_await(t, TRIP_ONE, OP_NO_DEADLINE), at);
		return;
	case TRIP_ONE:
		op_yield(task_await(t, TRIP_TWO, OP_NO_DEADLINE));
		return;
	case TRIP_TWO:
		timer_wait(task_await(t, TRIP_END, OP_NO_DEADLINE), at);
		return;
	case TRIP_END:
		task_finish(t, 0);
		return;
	}
}

static void trip_start(struct loop_test *t, void *ctx)
{
	static const struct task_kind kind = TASK_KIND("trip", trip_steps, trip_run);
	struct trip *trip = ctx;
	task_start(&trip->task, &kind, told_op(&trip->told, t->root, OP_NO_DEADLINE));
}

static void trip_check(struct loop_test *t, void *ctx)
{
	struct trip *trip = ctx;
	int code = trip->told.err.code;
	trip->ok += code == 0;
	trip->io += code == ERR_IO;
	trip->cancelled += code == ERR_CANCELLED;
	EXPECT(loop_torture_hit(t->loop) || code == 0);
}

TEST(torture_fails_and_then_cancels_every_await_in_turn)
{
	for (int kind = LOOP_TEST_REAL; kind <= LOOP_TEST_VIRTUAL; kind++) {
		struct trip trip = {0};
		/* The task and its three awaits, twice, and the round without torture. */
		EXPECT_INT(loop_torture_run(kind, trip_start, trip_check, &trip), 9);
		EXPECT_INT(trip.io, 4);
		/* A yield is over before a cancel can reach it. */
		EXPECT_INT(trip.cancelled, 3);
		EXPECT_INT(trip.ok, 4);
		err_done(&trip.told.err);
	}
}
