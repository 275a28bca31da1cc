#include <kube/mem.h>
#include <kube/random.h>
#include <kube/time.h>

#include "loop_test.h"

TEST(timers_fire_in_order_of_time_and_of_start)
{
	struct loop_test t;
	struct told told[4] = {0};
	const int64_t in[4] = {3 * SEC, SEC, 3 * SEC, 2 * SEC};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	for (int i = 0; i < 4; i++)
		timer_wait(told_op(&told[i], t.root, OP_NO_DEADLINE), loop_in(t.loop, in[i]));
	loop_test_run(&t);
	EXPECT(told[1].order < told[3].order);
	EXPECT(told[3].order < told[0].order);
	EXPECT(told[0].order < told[2].order);
	EXPECT_INT(loop_now(t.loop), 1000 + 3 * SEC);
	loop_test_done(&t);
}

TEST(a_timer_whose_moment_has_passed_fires_at_once)
{
	struct loop_test t;
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	timer_wait(told_op(&told, t.root, OP_NO_DEADLINE), 5);
	EXPECT(!told.done);
	loop_test_run(&t);
	EXPECT_INT(told.err.code, 0);
	EXPECT_INT(loop_now(t.loop), 1000);
	loop_test_done(&t);
}

TEST(a_cancelled_timer_ends_with_cancelled)
{
	struct loop_test t;
	struct told told = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	timer_wait(told_op(&told, t.root, OP_NO_DEADLINE), loop_in(t.loop, HOUR));
	op_cancel(&told.op);
	loop_test_run(&t);
	EXPECT_INT(told.err.code, ERR_CANCELLED);
	EXPECT_INT(loop_now(t.loop), 1000);
	loop_test_done(&t);
}

TEST(a_timer_obeys_a_deadline_that_is_sooner)
{
	struct loop_test t;
	struct told sooner = {0}, same = {0}, later = {0};
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	timer_wait(told_op(&sooner, t.root, loop_in(t.loop, SEC)), loop_in(t.loop, 2 * SEC));
	timer_wait(told_op(&same, t.root, loop_in(t.loop, SEC)), loop_in(t.loop, SEC));
	timer_wait(told_op(&later, t.root, loop_in(t.loop, 3 * SEC)), loop_in(t.loop, SEC));
	loop_test_run(&t);
	EXPECT_INT(sooner.err.code, ERR_TIMEOUT);
	EXPECT_INT(same.err.code, 0);
	EXPECT_INT(later.err.code, 0);
	told_done(&sooner);
	loop_test_done(&t);
}

TEST(a_deadline_too_far_away_for_a_number_is_none)
{
	struct loop_test t;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	EXPECT_INT(loop_in(t.loop, INT64_MAX), OP_NO_DEADLINE);
	loop_test_done(&t);
}

TEST(a_real_timer_is_never_early)
{
	struct loop_test t;
	loop_test_init(&t, LOOP_TEST_REAL);
	for (int i = 0; i < 20; i++) {
		struct told told = {0};
		int64_t at = clock_mono() + i * 300 * USEC;
		timer_wait(told_op(&told, t.root, OP_NO_DEADLINE), at);
		loop_test_run_until(&t, &told.done);
		EXPECT(clock_mono() >= at && loop_now(t.loop) >= at);
	}
	loop_test_done(&t);
}

/* Random starts and cancels against the only rule: nobody fires early, late or twice. */
TEST(many_timers_with_random_cancels_keep_their_times)
{
	enum { COUNT = 3000 };
	struct loop_test t;
	struct told *told = mem_new(COUNT * sizeof(*told));
	int64_t *at = mem_new(COUNT * sizeof(*at));
	struct rng rng;
	rng_init(&rng, 7);
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	for (int i = 0; i < COUNT; i++) {
		at[i] = loop_in(t.loop, (int64_t)rng_below(&rng, 1000) * MSEC + 1);
		timer_wait(told_op(&told[i], t.root, OP_NO_DEADLINE), at[i]);
		if (i % 3 == 0)
			op_cancel(&told[rng_below(&rng, (uint64_t)i + 1)].op);
	}
	loop_test_run(&t);
	int fired = 0;
	for (int i = 0; i < COUNT; i++) {
		EXPECT_INT(told[i].times, 1);
		fired += told[i].err.code == 0;
		for (int j = i + 1; j < MIN(i + 40, COUNT); j++)
			if (!told[i].err.code && !told[j].err.code && at[i] != at[j])
				EXPECT((at[i] < at[j]) == (told[i].order < told[j].order));
	}
	EXPECT(fired > COUNT / 2 && fired < COUNT);
	mem_free(told);
	mem_free(at);
	loop_test_done(&t);
}
