/* What metrics.c counts and metrics_print.c shows. */
#ifndef KUBE_APISERVER_METRICS_PRIVATE_H
#define KUBE_APISERVER_METRICS_PRIVATE_H

#include "metrics.h"

#include <kube/map.h>
#include <kube/metric.h>

struct histogram_kind {
	const char *name, *help;
	struct metric_bounds bounds;
};
extern const struct histogram_kind histogram_kinds[METRIC_HISTOGRAM_COUNT];

struct known_series; /* metrics_requests.c's */

/* Labels → numbers. Labels come from requests: there is a ceiling. */
struct metrics {
	struct api_server *server;
	struct omap series[METRIC_SERIES_COUNT];        /* int64_t */
	struct omap histograms[METRIC_HISTOGRAM_COUNT]; /* struct histogram */
	struct bucket_metrics *buckets;                 /* all of them */
	struct known_series *known;                     /* of requests; NULL before the first */
	int64_t *reading, *writing;
	int64_t beyond;  /* what found no room */
	int64_t started; /* wall clock */
};

void bucket_metrics_free(struct metrics *m);

#endif
