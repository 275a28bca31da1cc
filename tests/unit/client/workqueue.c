#include "loop_test.h"

#include <kube/time.h>
#include <kube/workqueue.h>

#include <stdio.h>

struct bench {
	struct loop_test t;
	struct workqueue *q;
	struct told told;
	struct str key;
};

static void open_queue(struct bench *b)
{
	*b = (struct bench){0};
	loop_test_init(&b->t, LOOP_TEST_VIRTUAL);
	b->q = workqueue_new(b->t.loop, b->t.root, &(struct workqueue_options){.name = "queue"});
}

static void close_queue(struct bench *b)
{
	struct told stop = {0};

	workqueue_stop(b->q, told_op(&stop, b->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&b->t, &stop.done);
	told_done(&stop);
	told_done(&b->told);
	workqueue_free(b->q);
	loop_test_done(&b->t);
}

/* The key that comes within a moment; empty: none. */
static struct str take(struct bench *b, int64_t patience)
{
	told_done(&b->told);
	b->told = (struct told){0};
	workqueue_take(b->q, told_op(&b->told, b->t.root, loop_in(b->t.loop, patience)), &b->key);
	loop_test_run_until(&b->t, &b->told.done);
	return b->told.err.code ? STR("") : b->key;
}

TEST(keys_come_once_and_in_order)
{
	struct bench b;

	open_queue(&b);
	workqueue_add(b.q, STR("a"));
	workqueue_add(b.q, STR("b"));
	workqueue_add(b.q, STR("a"));
	EXPECT_INT(workqueue_length(b.q), 2);
	EXPECT_STR(take(&b, SEC), "a");
	EXPECT_STR(take(&b, SEC), "b");
	EXPECT_STR(take(&b, SEC), "");
	EXPECT_INT(b.told.err.code, ERR_TIMEOUT);
	close_queue(&b);
}

TEST(a_key_that_is_worked_on_waits_for_its_end)
{
	struct bench b;

	open_queue(&b);
	workqueue_add(b.q, STR("a"));
	EXPECT_STR(take(&b, SEC), "a");
	workqueue_add(b.q, STR("a"));
	workqueue_add(b.q, STR("a"));
	EXPECT_INT(workqueue_length(b.q), 0);
	EXPECT_STR(take(&b, SEC), "");
	workqueue_done(b.q, STR("a"));
	EXPECT_STR(take(&b, SEC), "a");
	workqueue_done(b.q, STR("a"));
	EXPECT_STR(take(&b, SEC), "");
	close_queue(&b);
}

TEST(a_key_that_rests_comes_after_its_rest)
{
	struct bench b;

	open_queue(&b);
	int64_t start = loop_now(b.t.loop);
	workqueue_add(b.q, STR("a"));
	EXPECT_STR(take(&b, SEC), "a");
	workqueue_add(b.q, STR("a"));
	workqueue_done_resting(b.q, STR("a"), 10 * SEC);
	workqueue_add(b.q, STR("a"));
	EXPECT_INT(workqueue_length(b.q), 0);
	EXPECT_STR(take(&b, MINUTE), "a");
	EXPECT_INT(loop_now(b.t.loop) - start, 10 * SEC);
	/* asked for while it rests, and with a delay that is shorter, then longer */
	workqueue_done_resting(b.q, STR("a"), 10 * SEC);
	workqueue_add_after(b.q, STR("a"), 5 * SEC);
	EXPECT_STR(take(&b, MINUTE), "a");
	EXPECT_INT(loop_now(b.t.loop) - start, 20 * SEC);
	workqueue_add_after(b.q, STR("a"), 30 * SEC);
	workqueue_done_resting(b.q, STR("a"), 10 * SEC);
	EXPECT_STR(take(&b, MINUTE), "a");
	EXPECT_INT(loop_now(b.t.loop) - start, 50 * SEC);
	workqueue_done(b.q, STR("a"));
	EXPECT_INT(workqueue_delayed(b.q), 0);
	close_queue(&b);
}

TEST(a_key_that_only_rests_is_forgotten)
{
	struct bench b;

	open_queue(&b);
	workqueue_add(b.q, STR("a"));
	EXPECT_STR(take(&b, SEC), "a");
	workqueue_done_resting(b.q, STR("a"), 10 * SEC);
	EXPECT_STR(take(&b, MINUTE), "");
	EXPECT_INT(workqueue_delayed(b.q), 0);
	int64_t start = loop_now(b.t.loop);
	workqueue_add(b.q, STR("a"));
	EXPECT_STR(take(&b, 1), "a");
	EXPECT_INT(loop_now(b.t.loop) - start, 0);
	workqueue_done_resting(b.q, STR("a"), SEC); /* and the queue may end meanwhile */
	close_queue(&b);
}

TEST(delays_are_kept_and_the_shortest_counts)
{
	struct bench b;

	open_queue(&b);
	int64_t start = loop_now(b.t.loop);
	workqueue_add_after(b.q, STR("late"), 20 * SEC);
	workqueue_add_after(b.q, STR("a"), 10 * SEC);
	workqueue_add_after(b.q, STR("a"), 5 * SEC);
	workqueue_add_after(b.q, STR("a"), 7 * SEC);
	EXPECT_INT(workqueue_delayed(b.q), 2);
	EXPECT_STR(take(&b, MINUTE), "a");
	EXPECT_INT(loop_now(b.t.loop) - start, 5 * SEC);
	workqueue_done(b.q, STR("a"));
	EXPECT_STR(take(&b, MINUTE), "late");
	EXPECT_INT(loop_now(b.t.loop) - start, 20 * SEC);
	workqueue_add_after(b.q, STR("now"), 0);
	EXPECT_STR(take(&b, 1), "now");
	close_queue(&b);
}

TEST(failures_double_the_delay_until_forgotten)
{
	struct bench b;
	int64_t wanted = 5 * MSEC;

	open_queue(&b);
	for (int i = 0; i < 22; i++) {
		int64_t start = loop_now(b.t.loop);

		workqueue_add_failed(b.q, STR("a"));
		EXPECT_INT(workqueue_failures(b.q, STR("a")), i + 1);
		EXPECT_STR(take(&b, HOUR), "a");
		EXPECT_INT(loop_now(b.t.loop) - start, MIN(wanted, 1000 * SEC));
		wanted *= 2;
		workqueue_done(b.q, STR("a"));
	}
	workqueue_forget(b.q, STR("a"));
	EXPECT_INT(workqueue_failures(b.q, STR("a")), 0);
	int64_t start = loop_now(b.t.loop);
	workqueue_add_failed(b.q, STR("a"));
	EXPECT_STR(take(&b, HOUR), "a");
	EXPECT_INT(loop_now(b.t.loop) - start, 5 * MSEC);
	close_queue(&b);
}

TEST(many_failures_at_once_are_spread)
{
	struct bench b;
	char key[16];

	open_queue(&b);
	int64_t start = loop_now(b.t.loop);
	for (int i = 0; i < 120; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		workqueue_add_failed(b.q, str_from(key));
	}
	for (int i = 0; i < 120; i++)
		EXPECT(take(&b, MINUTE).len > 0);
	/* 100 at once, then 10 a second. */
	EXPECT_INT((loop_now(b.t.loop) - start) / MSEC, 2000);
	close_queue(&b);
}

TEST(takers_hear_of_the_end)
{
	struct bench b;
	struct told told = {0}, stop = {0};

	open_queue(&b);
	workqueue_add_after(b.q, STR("a"), HOUR);
	workqueue_take(b.q, told_op(&told, b.t.root, OP_NO_DEADLINE), &b.key);
	workqueue_stop(b.q, told_op(&stop, b.t.root, OP_NO_DEADLINE));
	loop_test_run_until(&b.t, &stop.done);
	EXPECT_INT(told.err.code, ERR_CLOSED);
	workqueue_add(b.q, STR("b"));
	EXPECT_STR(take(&b, SEC), "");
	EXPECT_INT(b.told.err.code, ERR_CLOSED);
	told_done(&told);
	told_done(&stop);
	told_done(&b.told);
	workqueue_free(b.q);
	loop_test_done(&b.t);
}
