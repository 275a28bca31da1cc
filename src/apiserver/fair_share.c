#include "fair_share.h"

#include <kube/time.h>

#include <math.h>

#define SMOOTHING  0.977 /* a period of ten seconds: half of it is forgotten in five minutes */
#define TARGET_MIN 0.001
#define EPSILON    1e-7
#define ROUNDS_MAX 200

/* ---- what is needed ---- */

static void demand_pass(struct fair_demand *d, int64_t now)
{
	double seconds = (double)(now - d->since) / (double)SEC;

	d->since = now;
	d->time += seconds;
	d->sum += d->now * seconds;
	d->squares += d->now * d->now * seconds;
}

void fair_demand_set(struct fair_demand *d, double value, int64_t now)
{
	demand_pass(d, now);
	d->now = value;
	d->most = MAX(d->most, value);
}

void fair_needs_update(struct fair_needs *n, struct fair_demand *d, int64_t now)
{
	demand_pass(d, now);
	n->most = d->most;
	if (d->time > 0) {
		double average = d->sum / d->time, spread = d->squares / d->time;

		n->average = average;
		n->deviation = sqrt(MAX(0.0, spread - average * average));
		double envelope = n->average + n->deviation;
		n->smooth = MAX(envelope, SMOOTHING * n->smooth + (1 - SMOOTHING) * envelope);
	}
	*d = (struct fair_demand){.since = now, .now = d->now, .most = d->now};
}

/* ---- who gets it ---- */

static double target_of(const struct fair_claim *c)
{
	return MAX(c->target, TARGET_MIN);
}

static double share_at(const struct fair_claim *c, double proportion)
{
	return MAX(c->least, MIN(c->most, proportion * target_of(c)));
}

static double sum_at(const struct fair_claim *claims, size_t count, double proportion)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += share_at(&claims[i], proportion);
	return sum;
}

/* The sum grows with the proportion: between two that are known the right one is found by halves.
 */
static double find_proportion(double total, const struct fair_claim *claims, size_t count)
{
	double low = 0, high = 1;

	while (sum_at(claims, count, high) < total - EPSILON && high < 1e12)
		high *= 2;
	for (int i = 0; i < ROUNDS_MAX && high - low > high * 1e-15; i++) {
		double middle = (low + high) / 2;

		if (sum_at(claims, count, middle) < total)
			low = middle;
		else
			high = middle;
	}
	return high;
}

double fair_share_out(double total, struct fair_claim *claims, size_t count)
{
	double least = 0, most = 0;

	for (size_t i = 0; i < count; i++) {
		least += claims[i].least;
		most += claims[i].most;
	}
	if (least > total + EPSILON || most < total - EPSILON)
		return -1;
	double proportion = find_proportion(total, claims, count);
	for (size_t i = 0; i < count; i++)
		claims[i].share = share_at(&claims[i], proportion);
	return proportion;
}
