#include <kube/mem.h>
#include <kube/time.h>

#include "loop_test.h"

/* An op kind under the test's control: it ends when the test says so. */
static int cancels_seen;

static void manual_cancel(struct op *op)
{
	cancels_seen++;
	if (op->ctx)
		op_fail_cancelled(op);
}

static const struct op_kind manual = {.name = "manual", .cancel = manual_cancel};

TEST(an_op_is_small)
{
	size_t size = sizeof(struct op);
	EXPECT(size <= 112);
}

TEST(a_result_arrives_once_from_the_run_queue_and_not_inside_start)
{
	struct loop_test t;
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	op_yield(told_op(&told, t.root, OP_NO_DEADLINE));
	EXPECT(!told.done && op_active(&told.op));
	loop_test_run(&t);
	EXPECT_INT(told.times, 1);
	EXPECT_INT(told.err.code, 0);
	EXPECT(!op_active(&told.op));
	loop_test_done(&t);
}

TEST(an_op_finished_inside_start_keeps_its_number)
{
	struct loop_test t;
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	EXPECT(op_begin(told_op(&told, t.root, OP_NO_DEADLINE), &manual, NULL));
	op_finish(&told.op, 42);
	loop_test_run(&t);
	EXPECT_INT(told.n, 42);
	loop_test_done(&t);
}

TEST(failures_carry_code_and_text)
{
	struct loop_test t;
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	EXPECT(op_begin(told_op(&told, t.root, OP_NO_DEADLINE), &manual, NULL));
	op_fail_with(&told.op, ERR_IO, "disk %d is gone", 7);
	loop_test_run(&t);
	EXPECT_INT(told.err.code, ERR_IO);
	EXPECT_TEXT(err_text(&told.err), "disk 7 is gone");

	struct err err = {0};
	err_set(&err, ERR_CLOSED, "moved");
	EXPECT(op_begin(told_op(&told, t.root, OP_NO_DEADLINE), &manual, NULL));
	op_fail(&told.op, &err);
	EXPECT(err.code == 0 && !err.text);
	loop_test_run(&t);
	EXPECT_INT(told.err.code, ERR_CLOSED);
	EXPECT_TEXT(err_text(&told.err), "moved");
	told_done(&told);
	loop_test_done(&t);
}

TEST(an_error_that_done_leaves_alone_is_freed)
{
	struct loop_test t;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	struct told told = {0};
	EXPECT(op_begin(told_op(&told, t.root, OP_NO_DEADLINE), &manual, NULL));
	op_fail_with(&told.op, ERR_IO, "text on the heap");
	loop_test_run(&t);
	told_done(&told);
	loop_test_done(&t);
}

TEST(ops_finish_in_the_order_in_which_they_were_posted)
{
	struct loop_test t;
	struct told told[5] = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	for (int i = 0; i < 5; i++)
		op_yield(told_op(&told[i], t.root, OP_NO_DEADLINE));
	loop_test_run(&t);
	for (int i = 1; i < 5; i++)
		EXPECT(told[i].order > told[i - 1].order);
	loop_test_done(&t);
}

/* ---- cancelling ---- */

TEST(cancelling_is_asked_once_and_done_still_comes)
{
	struct loop_test t;
	struct told told = {0};
	int answers = 1;
	cancels_seen = 0;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	EXPECT(op_begin(told_op(&told, t.root, OP_NO_DEADLINE), &manual, &answers));
	op_cancel(&told.op);
	op_cancel(&told.op);
	EXPECT(!told.done);
	loop_test_run(&t);
	EXPECT_INT(cancels_seen, 1);
	EXPECT_INT(told.times, 1);
	EXPECT_INT(told.err.code, ERR_CANCELLED);
	op_cancel(&told.op);
	EXPECT_INT(cancels_seen, 1);
	loop_test_done(&t);
}

TEST(a_result_that_won_the_race_beats_the_cancel)
{
	struct loop_test t;
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	EXPECT(op_begin(told_op(&told, t.root, OP_NO_DEADLINE), &manual, NULL));
	op_cancel(&told.op);
	op_finish(&told.op, 5);
	loop_test_run(&t);
	EXPECT_INT(told.err.code, 0);
	EXPECT_INT(told.n, 5);
	loop_test_done(&t);
}

TEST(a_posted_op_can_no_longer_be_cancelled)
{
	struct loop_test t;
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	op_yield(told_op(&told, t.root, OP_NO_DEADLINE));
	op_cancel(&told.op);
	loop_test_run(&t);
	EXPECT_INT(told.err.code, 0);
	loop_test_done(&t);
}

/* ---- deadlines ---- */

TEST(a_deadline_cancels_and_says_timed_out)
{
	struct loop_test t;
	struct told told = {0};
	int answers = 1;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	int64_t at = loop_in(t.loop, 5 * SEC);
	EXPECT(op_begin(told_op(&told, t.root, at), &manual, &answers));
	loop_test_run(&t);
	EXPECT_INT(told.err.code, ERR_TIMEOUT);
	EXPECT_TEXT(err_text(&told.err), "timed out: manual");
	EXPECT_INT(loop_now(t.loop), at);
	told_done(&told);
	loop_test_done(&t);
}

TEST(a_deadline_that_has_passed_refuses_the_start)
{
	struct loop_test t;
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	EXPECT(!op_begin(told_op(&told, t.root, loop_now(t.loop)), &manual, NULL));
	loop_test_run(&t);
	EXPECT_INT(told.err.code, ERR_TIMEOUT);
	told_done(&told);
	loop_test_done(&t);
}

TEST(a_result_before_the_deadline_takes_the_deadline_away)
{
	struct loop_test t;
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	EXPECT(op_begin(told_op(&told, t.root, loop_in(t.loop, SEC)), &manual, NULL));
	op_finish(&told.op, 1);
	loop_test_run(&t);
	EXPECT_INT(told.err.code, 0);
	EXPECT_INT(loop_now(t.loop), 1000);
	loop_test_done(&t);
}

static void finish_other(struct op *op, struct err *err)
{
	(void)err;
	struct told *other = op->ctx;
	op_finish(&other->op, 3);
}

TEST(a_real_result_that_arrives_after_the_deadline_wins)
{
	struct loop_test t;
	struct told told = {0};
	struct op late;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	EXPECT(op_begin(told_op(&told, t.root, loop_in(t.loop, SEC)), &manual, NULL));
	op_init(&late, t.root, finish_other, OP_NO_DEADLINE);
	timer_wait(&late, loop_in(t.loop, 2 * SEC));
	late.ctx = &told;
	loop_test_run(&t);
	EXPECT_INT(told.err.code, 0);
	EXPECT_INT(told.n, 3);
	loop_test_done(&t);
}

TEST(an_op_asked_to_cancel_no_longer_expires)
{
	struct loop_test t;
	struct told told = {0};
	struct op late;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	EXPECT(op_begin(told_op(&told, t.root, loop_in(t.loop, SEC)), &manual, NULL));
	op_cancel(&told.op);
	op_init(&late, t.root, finish_other, OP_NO_DEADLINE);
	timer_wait(&late, loop_in(t.loop, 2 * SEC));
	late.ctx = &told;
	loop_test_run(&t);
	EXPECT(!told.op.expired);
	loop_test_done(&t);
}

/* ---- starting again ---- */

struct again {
	struct op op;
	int left;
	bool freed;
};

static void again_done(struct op *op, struct err *err)
{
	struct again *a = CONTAINER_OF(op, struct again, op);
	EXPECT_INT(err->code, 0);
	if (a->left-- == 0) {
		mem_free(a);
		return;
	}
	op_init(&a->op, op->scope, again_done, OP_NO_DEADLINE);
	op_yield(&a->op);
}

TEST(an_op_may_be_started_again_or_freed_inside_done)
{
	struct loop_test t;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	struct again *a = mem_new(sizeof(*a));
	a->left = 5000;
	op_init(&a->op, t.root, again_done, OP_NO_DEADLINE);
	op_yield(&a->op);
	loop_test_run(&t);
	struct loop_stats stats;
	loop_stats(t.loop, &stats);
	EXPECT_INT(stats.ops, 5001);
	EXPECT_INT(stats.in_flight, 0);
	loop_test_done(&t);
}
