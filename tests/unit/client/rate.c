#include "client/rate.c"

#include "test.h"

#include <kube/time.h>

static int64_t wall(struct env *env)
{
	(void)env;
	return 0;
}

static uint8_t filler;

static void fill(struct env *env, void *at, size_t len)
{
	(void)env;
	memset(at, filler, len);
}

TEST(a_bucket_gives_a_burst_and_then_a_stream)
{
	struct rate r;

	rate_init(&r, 10, 3, 0);
	EXPECT_INT(rate_reserve(&r, 0), 0);
	EXPECT_INT(rate_reserve(&r, 0), 0);
	EXPECT_INT(rate_reserve(&r, 0), 0);
	EXPECT_INT(rate_reserve(&r, 0), 100 * MSEC);
	EXPECT_INT(rate_reserve(&r, 0), 200 * MSEC);
	/* A second gives ten, of which two were taken ahead; no more than the burst is kept. */
	EXPECT_INT(rate_reserve(&r, 10 * SEC), 0);
	EXPECT_INT(rate_reserve(&r, 10 * SEC), 0);
	EXPECT_INT(rate_reserve(&r, 10 * SEC), 0);
	EXPECT(rate_reserve(&r, 10 * SEC) > 0);
}

TEST(trying_takes_nothing_ahead)
{
	struct rate r;

	rate_init(&r, 1.0 / 300, 1, 0);
	EXPECT(rate_try(&r, 0));
	EXPECT(!rate_try(&r, 299 * SEC));
	EXPECT(rate_try(&r, 300 * SEC));
	EXPECT(!rate_try(&r, 301 * SEC));
}

TEST(without_a_rate_nobody_waits)
{
	struct rate r;

	rate_init(&r, 0, 0, 0);
	for (int i = 0; i < 100; i++) {
		EXPECT_INT(rate_reserve(&r, 0), 0);
		EXPECT(rate_try(&r, 0));
	}
}

TEST(time_that_goes_back_gives_nothing)
{
	struct rate r;

	rate_init(&r, 1, 1, 10 * SEC);
	EXPECT(rate_try(&r, 10 * SEC));
	EXPECT(!rate_try(&r, 0));
	EXPECT(!rate_try(&r, 10 * SEC + MSEC));
}

TEST(jitter_stays_within_its_factor)
{
	struct env env = {.wall = wall, .random = fill};

	filler = 0;
	EXPECT_INT(jitter(&env, SEC, 1.2), SEC);
	filler = 0xff;
	EXPECT(jitter(&env, SEC, 1.2) > 2199 * MSEC && jitter(&env, SEC, 1.2) < 2200 * MSEC);
}
