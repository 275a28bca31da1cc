/* What levels have needed, and what each gets of the seats. */
#include "test.h"

#include "apiserver/fair_share.h"

#include <kube/time.h>

#include <math.h>

static bool near(double a, double b)
{
	return fabs(a - b) < 0.001;
}

TEST(demand_is_averaged_over_time)
{
	struct fair_demand d = {0};
	struct fair_needs n = {0};

	fair_demand_set(&d, 4, 0);
	fair_demand_set(&d, 8, 5 * SEC);
	fair_needs_update(&n, &d, 10 * SEC);
	EXPECT(near(n.most, 8) && near(n.average, 6) && near(n.deviation, 2) && near(n.smooth, 8));
	fair_demand_set(&d, 0, 10 * SEC);
	fair_needs_update(&n, &d, 20 * SEC);
	EXPECT(near(n.most, 8) && near(n.average, 0) && near(n.deviation, 0));
	EXPECT(near(n.smooth, 8 * 0.977));
	for (int i = 3; i < 33; i++)
		fair_needs_update(&n, &d, i * 10 * SEC);
	EXPECT(near(n.most, 0));
	EXPECT(n.smooth > 3.5 && n.smooth < 4); /* half of it after five minutes */
}

static void check(double total, struct fair_claim *claims, size_t count, const double *wanted)
{
	double sum = 0, proportion = fair_share_out(total, claims, count);

	EXPECT(proportion >= 0);
	for (size_t i = 0; i < count; i++) {
		test_context("claim %zu", i);
		EXPECT(near(claims[i].share, wanted[i]));
		sum += claims[i].share;
	}
	EXPECT(near(sum, total));
}

TEST(seats_are_shared_out_by_targets_within_bounds)
{
	struct fair_claim free[] = {{0, 100, 1, 0}, {0, 100, 3, 0}};
	struct fair_claim low[] = {{40, 100, 40, 0}, {0, 100, 60, 0}, {0, 100, 60, 0}};
	struct fair_claim high[] = {{0, 10, 50, 0}, {0, 100, 50, 0}};
	struct fair_claim none[] = {{0, 100, 0, 0}, {0, 100, 0, 0}};

	check(40, free, 2, (double[]){10, 30});
	check(100, low, 3, (double[]){40, 30, 30});
	check(80, high, 2, (double[]){10, 70});
	check(50, none, 2, (double[]){25, 25});
}

TEST(what_cannot_be_is_said)
{
	struct fair_claim claims[] = {{10, 20, 10, 0}, {10, 20, 10, 0}};

	EXPECT(fair_share_out(19, claims, 2) < 0);
	EXPECT(fair_share_out(41, claims, 2) < 0);
	EXPECT(fair_share_out(40, claims, 2) >= 0);
	EXPECT(near(claims[0].share, 20));
	EXPECT(fair_share_out(20, claims, 2) >= 0);
	EXPECT(near(claims[0].share, 10));
}
