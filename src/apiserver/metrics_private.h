/* What metrics.c counts and metrics_print.c shows. */
#ifndef KUBE_APISERVER_METRICS_PRIVATE_H
#define KUBE_APISERVER_METRICS_PRIVATE_H

#include "metrics.h"

#include <kube/map.h>
#include <kube/metric.h>

/* Upper bounds of the buckets of durations, in seconds, and of sizes, in bytes. */
#define DURATION_BUCKETS                                                                           \
	0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20,   \
		30, 45, 60
#define SIZE_BUCKETS 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9
extern const struct metric_bounds duration_buckets, size_buckets;

/* Labels → numbers. Labels come from requests: there is a ceiling. */
struct metrics {
	struct api_server *server;
	struct omap totals;     /* uint64_t */
	struct omap durations;  /* struct histogram */
	struct omap sizes;      /* struct histogram */
	struct omap streaming;  /* int64_t under way */
	struct omap deprecated; /* uint64_t: asked for */
	int64_t reading, writing;
	uint64_t rejected;
	int64_t started; /* wall clock */
};

#endif
