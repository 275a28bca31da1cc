/*
 * fair_ratio: for how long a ratio was how large, as upstream's timing histograms have it: one
 * observation at the end of every nanosecond. Pure.
 */
#ifndef KUBE_APISERVER_FAIR_RATIO_H
#define KUBE_APISERVER_FAIR_RATIO_H

#include <kube/metric.h>

#define FAIR_RATIO_BOUNDS 13 /* the most that there are */

struct fair_ratio {
	double now, sum;
	int64_t since;                         /* it is as it is now */
	size_t place;                          /* the first bound that it does not exceed */
	uint64_t spent[FAIR_RATIO_BOUNDS + 1]; /* behind that bound and no other; the last: none */
};

/* From now on it is that; what it was is counted. Zeroed but for `since` it was 0. */
void fair_ratio_set(struct fair_ratio *r, const struct metric_bounds *b, double value, int64_t now);
void fair_ratio_print(struct fair_ratio *r, const struct metric_bounds *b, int64_t now,
	struct buf *out, const char *name, struct str labels);

#endif
