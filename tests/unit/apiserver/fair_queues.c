/* Seats and queues of one level: who goes next, who is refused, what is kept of time. */
#include "test.h"

#include "apiserver/fair_queues.h"

#include <kube/mem.h>
#include <kube/time.h>

#define MANY 200

static struct fair_queues queues;
static struct fair_waiter waiters[MANY];
static int64_t now;

static void open_queues(int64_t count, int64_t hand, int64_t length, int64_t limit)
{
	struct fair_shape shape = {count, hand, length};

	memset(waiters, 0, sizeof(waiters));
	now = SEC;
	fair_queues_init(&queues, now);
	fair_queues_change(&queues, &shape, limit, now);
}

static enum fair_verdict start(int at, uint64_t flow, int64_t seats)
{
	waiters[at].work.seats = seats;
	return fair_queues_start(&queues, &waiters[at], flow, now);
}

static int next(void)
{
	struct fair_waiter *w = fair_queues_next(&queues, now);

	return w ? (int)(w - waiters) : -1;
}

static void finish(int at)
{
	fair_queues_finish(&queues, &waiters[at], now);
	fair_queues_release(&queues, &waiters[at], now);
}

static void end(void)
{
	int at;

	while ((at = next()) >= 0)
		finish(at);
	EXPECT_INT(queues.waiting, 0);
	EXPECT_INT(queues.waiting_seats, 0);
	EXPECT_INT(queues.seats, 0);
	fair_queues_done(&queues);
}

TEST(a_hand_has_each_card_once_and_is_the_flows_own)
{
	size_t one[FAIR_HAND_MAX], again[FAIR_HAND_MAX];

	for (uint64_t flow = 1; flow < 1000; flow++) {
		uint64_t hash = flow * 0x9e3779b97f4a7c15u;

		fair_deal(hash, 16, 4, one);
		fair_deal(hash, 16, 4, again);
		for (size_t i = 0; i < 4; i++) {
			EXPECT(one[i] < 16 && one[i] == again[i]);
			for (size_t k = 0; k < i; k++)
				EXPECT(one[i] != one[k]);
		}
	}
	/* by upstream's rule: remainders of 5, 4, 3, each moved behind those before it */
	fair_deal(5 * 4 * 2 + 5 * 1 + 1, 5, 3, one);
	EXPECT_INT(one[0], 1);
	EXPECT_INT(one[1], 2);
	EXPECT_INT(one[2], 4);
}

TEST(without_queues_who_finds_no_seat_is_refused)
{
	open_queues(0, 0, 0, 3);
	EXPECT_INT(start(0, 0, 1), FAIR_SEATED);
	EXPECT_INT(start(1, 0, 2), FAIR_SEATED);
	EXPECT_INT(start(2, 0, 1), FAIR_LIMITED);
	finish(0);
	EXPECT_INT(start(2, 0, 1), FAIR_SEATED);
	finish(1);
	finish(2);
	/* more than there are: all of them */
	EXPECT_INT(start(3, 0, 9), FAIR_SEATED);
	EXPECT_INT(start(4, 0, 1), FAIR_LIMITED);
	finish(3);
	end();
}

TEST(who_is_exempt_is_never_refused)
{
	open_queues(-1, 0, 0, 0);
	for (int i = 0; i < 10; i++)
		EXPECT_INT(start(i, 0, 1), FAIR_SEATED);
	EXPECT_INT(queues.seats, 10);
	for (int i = 0; i < 10; i++)
		finish(i);
	end();
}

TEST(a_full_queue_refuses_and_others_do_not)
{
	int refused = 0;

	open_queues(2, 1, 3, 1);
	EXPECT_INT(start(0, 0, 1), FAIR_WAITS);
	EXPECT_INT(next(), 0);
	for (int i = 1; i < 10; i++)
		refused += start(i, 0, 1) == FAIR_FULL;
	EXPECT_INT(refused, 6);
	EXPECT_INT(start(10, 1, 1), FAIR_WAITS);
	EXPECT_INT(queues.waiting, 4);
	finish(0);
	end();
}

/* One flow has asked for a hundred, another for one: it is the second's turn at once. */
TEST(a_greedy_flow_does_not_starve_another)
{
	int served = 0, at;

	open_queues(8, 1, MANY, 1);
	for (int i = 0; i < 100; i++)
		start(i, 3, 1);
	EXPECT_INT(next(), 0);
	now += 50 * MSEC;
	EXPECT_INT(start(100, 5, 1), FAIR_WAITS);
	while ((at = (finish(served ? at : 0), next())) != 100 && served < 100) {
		now += 50 * MSEC;
		served++;
	}
	EXPECT(served <= 1);
	finish(100);
	end();
}

TEST(queues_are_served_by_work_not_by_requests)
{
	int64_t wide = 0, narrow = 0;
	int at;

	open_queues(2, 1, MANY, 4);
	for (int i = 0; i < 60; i++)
		start(i, (uint64_t)(i % 2), i % 2 ? 4 : 1);
	for (int round = 0; round < 40; round++) {
		int running[4], count = 0;

		while ((at = next()) >= 0)
			running[count++] = at;
		now += 10 * MSEC;
		for (int i = 0; i < count; i++) {
			*(running[i] % 2 ? &wide : &narrow) += waiters[running[i]].work.seats;
			finish(running[i]);
		}
		if (queues.items[0]->count < 4 || queues.items[1]->count < 2)
			break;
	}
	EXPECT(wide > 0 && narrow > 0);
	EXPECT(wide <= 2 * narrow + 8 && narrow <= 2 * wide + 8);
	end();
}

TEST(the_next_waits_for_all_its_seats)
{
	open_queues(1, 1, 10, 4);
	start(0, 0, 1);
	start(1, 0, 4);
	start(2, 0, 1);
	EXPECT_INT(next(), 0);
	EXPECT_INT(next(), -1);
	EXPECT_INT(queues.blocked, 1);
	finish(0);
	EXPECT_INT(next(), 1);
	EXPECT_INT(next(), -1);
	finish(1);
	EXPECT_INT(next(), 2);
	finish(2);
	end();
}

TEST(who_leaves_is_forgotten)
{
	open_queues(1, 1, 10, 1);
	start(0, 0, 1);
	start(1, 0, 2);
	start(2, 0, 1);
	EXPECT_INT(next(), 0);
	fair_queues_leave(&queues, &waiters[1], now);
	EXPECT_INT(queues.waiting_seats, 1);
	finish(0);
	EXPECT_INT(next(), 2);
	finish(2);
	end();
}

TEST(seats_for_watchers_are_given_back_later)
{
	open_queues(1, 1, 10, 3);
	waiters[0].work = (struct fair_work){.seats = 1, .final_seats = 9, .latency = 10 * MSEC};
	fair_queues_start(&queues, &waiters[0], 0, now);
	EXPECT_INT(next(), 0);
	EXPECT_INT(waiters[0].work.final_seats, 3);
	EXPECT_INT(waiters[0].work.latency, 30 * MSEC);
	EXPECT_INT(queues.seats, 3);
	start(1, 0, 1);
	fair_queues_finish(&queues, &waiters[0], now);
	EXPECT_INT(next(), -1);
	fair_queues_release(&queues, &waiters[0], now);
	EXPECT_INT(next(), 1);
	finish(1);
	end();
}

TEST(fewer_queues_are_emptied_first)
{
	struct fair_shape fewer = {2, 1, 10}, more = {6, 2, 10};
	int count = 0;

	open_queues(8, 1, 10, 1);
	for (int i = 0; i < 16; i++)
		start(i, (uint64_t)i, 1);
	fair_queues_change(&queues, &fewer, 1, now);
	EXPECT_INT(queues.count, 8);
	for (int at; (at = next()) >= 0; count++)
		finish(at);
	EXPECT_INT(count, 16);
	EXPECT_INT(queues.count, 2);
	fair_queues_change(&queues, &more, 5, now);
	EXPECT_INT(queues.count, 6);
	EXPECT_INT(queues.limit, 5);
	end();
}
