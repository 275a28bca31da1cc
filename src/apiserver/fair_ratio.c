#include "fair_ratio.h"

/* Clocks of tests stand still, and those of machines do. */
static void pass(struct fair_ratio *r, int64_t now)
{
	int64_t spent = MAX(0, now - r->since);

	r->spent[r->place] += (uint64_t)spent;
	r->sum += r->now * (double)spent;
	r->since = now;
}

void fair_ratio_set(struct fair_ratio *r, const struct metric_bounds *b, double value, int64_t now)
{
	assert(b->count <= FAIR_RATIO_BOUNDS);
	pass(r, now);
	r->now = value;
	for (r->place = 0; r->place < b->count && value > b->at[r->place];)
		r->place++;
}

void fair_ratio_print(struct fair_ratio *r, const struct metric_bounds *b, int64_t now,
	struct buf *out, const char *name, struct str labels)
{
	union {
		struct histogram h;
		uint64_t room[sizeof(struct histogram) / sizeof(uint64_t) + FAIR_RATIO_BOUNDS];
	} whole = {0};
	uint64_t all = 0;

	pass(r, now);
	for (size_t i = 0; i < b->count; i++)
		whole.h.below[i] = all += r->spent[i];
	whole.h.count = all + r->spent[b->count];
	whole.h.sum = r->sum;
	metric_print_histogram(out, name, labels, b, &whole.h);
}
