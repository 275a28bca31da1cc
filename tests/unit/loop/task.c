#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>

#include "loop_test.h"

enum walk_step { WALK_START, WALK_SECOND, WALK_CLEANUP, WALK_END };
static const char *const walk_steps[] = {"start", "second", "cleanup", "end"};

struct walk {
	struct task task;
	int64_t step_deadline;
	int seen[4];
	int codes[4];
	bool yield_first; /* the first await cannot be cancelled */
};

static void walk_run(struct task *t, struct err *err)
{
	struct walk *w = CONTAINER_OF(t, struct walk, task);
	struct loop *loop = op_loop(t->op);
	w->seen[t->step]++;
	w->codes[t->step] = err->code;
	switch ((enum walk_step)t->step) {
	case WALK_START:
		if (w->yield_first)
			op_yield(task_await(t, WALK_SECOND, OP_NO_DEADLINE));
		else
			timer_wait(
				task_await(t, WALK_SECOND, w->step_deadline), loop_in(loop, SEC));
		return;
	case WALK_SECOND:
		if (err->code) {
			timer_wait(task_await(t, WALK_CLEANUP, OP_NO_DEADLINE), loop_in(loop, SEC));
			return;
		}
		timer_wait(task_await(t, WALK_END, OP_NO_DEADLINE), loop_in(loop, SEC));
		return;
	case WALK_CLEANUP:
		op_fail_with(t->op, w->codes[WALK_SECOND], "cleaned up");
		return;
	case WALK_END:
		if (err->code) {
			task_fail(t, err);
			return;
		}
		task_finish(t, 99);
		return;
	}
}

static const struct task_kind walk_kind = TASK_KIND("walk", walk_steps, walk_run);

TEST(a_task_is_small)
{
	size_t size = sizeof(struct task);
	EXPECT(size <= 136);
}

TEST(a_task_walks_its_steps_and_finishes_its_op)
{
	struct loop_test t;
	struct walk w = {.step_deadline = OP_NO_DEADLINE};
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	task_start(&w.task, &walk_kind, told_op(&told, t.root, OP_NO_DEADLINE));
	EXPECT_INT(w.seen[WALK_START], 1);
	EXPECT(!told.done);
	loop_test_run(&t);
	EXPECT_INT(told.n, 99);
	EXPECT_INT(told.err.code, 0);
	EXPECT_INT(loop_now(t.loop), 1000 + 2 * SEC);
	loop_test_done(&t);
}

TEST(cancelling_a_task_cancels_what_it_awaits_and_lets_it_clean_up)
{
	struct loop_test t;
	struct walk w = {.step_deadline = OP_NO_DEADLINE};
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	task_start(&w.task, &walk_kind, told_op(&told, t.root, OP_NO_DEADLINE));
	op_cancel(&told.op);
	loop_test_run(&t);
	EXPECT_INT(w.codes[WALK_SECOND], ERR_CANCELLED);
	EXPECT_INT(w.codes[WALK_CLEANUP], 0); /* one request ends one await */
	EXPECT_INT(told.err.code, ERR_CANCELLED);
	EXPECT_TEXT(err_text(&told.err), "cleaned up");
	told_done(&told);
	loop_test_done(&t);
}

TEST(a_cancel_that_finds_nothing_to_cancel_hits_the_next_await)
{
	struct loop_test t;
	struct walk w = {.step_deadline = OP_NO_DEADLINE, .yield_first = true};
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	task_start(&w.task, &walk_kind, told_op(&told, t.root, OP_NO_DEADLINE));
	op_cancel(&told.op);
	loop_test_run(&t);
	EXPECT_INT(w.codes[WALK_SECOND], 0);
	EXPECT_INT(w.codes[WALK_END], ERR_CANCELLED);
	EXPECT_INT(told.err.code, ERR_CANCELLED);
	loop_test_done(&t);
}

/* Fails its first await, and goes on with another one all the same. */
static void stubborn_run(struct task *t, struct err *err)
{
	struct walk *w = CONTAINER_OF(t, struct walk, task);
	static const struct op_kind refused = {.name = "refused"};
	w->seen[t->step]++;
	w->codes[t->step] = err->code;
	if (t->step == WALK_START) {
		struct op *op = task_await(t, WALK_SECOND, w->step_deadline);
		if (w->step_deadline != OP_NO_DEADLINE)
			timer_wait(op, loop_in(op_loop(op), HOUR));
		else if (op_begin(op, &refused, NULL))
			op_fail_with(op, ERR_REFUSED, "no");
	} else if (t->step == WALK_SECOND) {
		timer_wait(task_await(t, WALK_END, OP_NO_DEADLINE), loop_in(op_loop(t->op), SEC));
	} else if (err->code) {
		task_fail(t, err);
	} else {
		task_finish(t, 0);
	}
}

static const struct task_kind stubborn_kind = TASK_KIND("stubborn", walk_steps, stubborn_run);

TEST(a_cancel_is_not_lost_on_an_await_that_had_failed_already)
{
	struct loop_test t;
	struct walk w = {.step_deadline = OP_NO_DEADLINE};
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	task_start(&w.task, &stubborn_kind, told_op(&told, t.root, OP_NO_DEADLINE));
	op_cancel(&told.op); /* the failure has been posted, but not delivered */
	loop_test_run(&t);
	EXPECT_INT(w.codes[WALK_SECOND], ERR_REFUSED);
	EXPECT_INT(w.codes[WALK_END], ERR_CANCELLED);
	EXPECT_INT(told.err.code, ERR_CANCELLED);
	loop_test_done(&t);
}

struct late_cancel {
	struct op op;
	struct op *victim;
};

static void late_cancel(struct op *op, struct err *err)
{
	(void)err;
	op_cancel(CONTAINER_OF(op, struct late_cancel, op)->victim);
}

TEST(a_cancel_is_not_lost_on_an_await_that_has_just_timed_out)
{
	struct loop_test t;
	struct walk w = {0};
	struct told told = {0};
	struct late_cancel late = {.victim = &told.op};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	w.step_deadline = loop_in(t.loop, SEC);
	op_init(&late.op, t.root, late_cancel, OP_NO_DEADLINE);
	timer_wait(&late.op, w.step_deadline); /* delivered before the time-out is */
	task_start(&w.task, &stubborn_kind, told_op(&told, t.root, OP_NO_DEADLINE));
	loop_test_run(&t);
	EXPECT_INT(w.codes[WALK_SECOND], ERR_TIMEOUT);
	EXPECT_INT(w.codes[WALK_END], ERR_CANCELLED);
	EXPECT_INT(told.err.code, ERR_CANCELLED);
	loop_test_done(&t);
}

TEST(the_deadline_of_a_task_ends_its_await_and_is_a_timeout)
{
	struct loop_test t;
	struct walk w = {.step_deadline = OP_NO_DEADLINE};
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	task_start(&w.task, &walk_kind, told_op(&told, t.root, loop_in(t.loop, 1500 * MSEC)));
	loop_test_run(&t);
	EXPECT_INT(w.codes[WALK_END], ERR_CANCELLED);
	EXPECT_INT(told.err.code, ERR_TIMEOUT);
	EXPECT_TEXT(err_text(&told.err), "timed out: walk");
	told_done(&told);
	loop_test_done(&t);
}

TEST(the_deadline_of_an_await_is_seen_by_the_next_step)
{
	struct loop_test t;
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	struct walk w = {.step_deadline = loop_in(t.loop, MSEC)};
	task_start(&w.task, &walk_kind, told_op(&told, t.root, OP_NO_DEADLINE));
	loop_test_run(&t);
	EXPECT_INT(w.codes[WALK_SECOND], ERR_TIMEOUT);
	EXPECT_INT(told.err.code, ERR_TIMEOUT);
	told_done(&told);
	loop_test_done(&t);
}

TEST(a_task_in_a_closing_scope_never_runs)
{
	struct loop_test t;
	struct walk w = {0};
	struct told told = {0}, closed = {0};
	struct scope s;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&s, t.root, "s", NULL);
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	task_start(&w.task, &walk_kind, told_op(&told, &s, OP_NO_DEADLINE));
	loop_test_run(&t);
	EXPECT_INT(w.seen[WALK_START], 0);
	EXPECT_INT(told.err.code, ERR_CANCELLED);
	loop_test_done(&t);
}

TEST(closing_the_scope_ends_a_task_even_while_it_cleans_up)
{
	struct loop_test t;
	struct walk w = {.step_deadline = OP_NO_DEADLINE};
	struct told told = {0}, closed = {0};
	struct scope s;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	scope_init(&s, t.root, "s", NULL);
	task_start(&w.task, &walk_kind, told_op(&told, &s, OP_NO_DEADLINE));
	scope_close(&s, told_op(&closed, t.root, OP_NO_DEADLINE));
	loop_test_run(&t);
	EXPECT_INT(w.seen[WALK_CLEANUP], 1);
	EXPECT_INT(w.codes[WALK_CLEANUP], ERR_CANCELLED);
	EXPECT_INT(told.err.code, ERR_CANCELLED);
	EXPECT(told.order < closed.order);
	told_done(&told);
	loop_test_done(&t);
}

/* ---- a task that ends in its first step ---- */

static void short_run(struct task *t, struct err *err)
{
	(void)err;
	task_finish(t, 1);
}

TEST(a_task_may_end_in_its_first_step)
{
	static const char *const steps[] = {"only"};
	static const struct task_kind kind = TASK_KIND("short", steps, short_run);
	struct loop_test t;
	struct task task;
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	task_start(&task, &kind, told_op(&told, t.root, OP_NO_DEADLINE));
	EXPECT(!told.done);
	loop_test_run(&t);
	EXPECT_INT(told.n, 1);
	loop_test_done(&t);
}
