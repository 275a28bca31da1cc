/* What Prometheus reads at /metrics, under upstream's names: metrics.def lists them. */
#ifndef KUBE_APISERVER_METRICS_H
#define KUBE_APISERVER_METRICS_H

#include "request.h"

enum metric_series {
#define SERIES(id, ...) METRIC_##id,
#define HISTOGRAM(id, ...)
#include "metrics.def"
#undef SERIES
#undef HISTOGRAM
	METRIC_SERIES_COUNT
};

enum metric_histogram {
#define SERIES(id, ...)
#define HISTOGRAM(id, ...) METRIC_##id,
#include "metrics.def"
#undef SERIES
#undef HISTOGRAM
	METRIC_HISTOGRAM_COUNT
};

struct metrics *metrics_new(struct api_server *s);
void metrics_free(struct metrics *m);
int64_t metrics_started(const struct metrics *m); /* wall clock */
/*
 * The number with these labels (`code="200",verb="GET"`), good until metrics_free. There is a
 * ceiling to how many there are of a name: beyond it a number that is not shown.
 */
int64_t *metrics_number(struct metrics *m, enum metric_series which, struct str labels);
/* Forgets all numbers of that name; whoever keeps one has nothing left. */
void metrics_clear(struct metrics *m, enum metric_series which);
void metrics_observe(
	struct metrics *m, enum metric_histogram which, struct str labels, double value);
/* The same in two halves, for what is measured often; NULL beyond the ceiling. */
struct histogram;
struct histogram *metrics_histogram(
	struct metrics *m, enum metric_histogram which, struct str labels);
void metrics_observe_in(enum metric_histogram which, struct histogram *h, double value);

/* ---- the store: metrics_store.c ---- */
/* What is kept of a bucket (store_bucket_memo), as long as the metrics. */
void *metrics_bucket(struct metrics *m, const struct resource *hub);
store_observe_fn metrics_store_observe; /* ctx: the metrics */

/* ---- the life of a request ---- */
void metrics_begin(struct api_request *r);      /* arrived */
void metrics_classified(struct api_request *r); /* its kind is known */
void metrics_end(struct api_request *r);        /* answered, or given up */
/* The labels that upstream counts this request's resource by. */
void metrics_add_resource(struct buf *out, const struct api_request *r);
stage_fn serve_metrics, serve_metrics_slis;

#endif
