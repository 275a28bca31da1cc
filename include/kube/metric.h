/*
 * metric: figures as Prometheus reads them (text format 0.0.4), and the histograms they are
 * counted in. Labels are given as they stand between the braces: `code="200"`, or empty.
 */
#ifndef KUBE_METRIC_H
#define KUBE_METRIC_H

#include <kube/buf.h>

#define METRIC_TYPE "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"

/* Upper bounds of a histogram's buckets, the infinite one left out. Constant. */
struct metric_bounds {
	const double *at;
	size_t count;
};
/* Zeroed memory of histogram_size() bytes is an empty one. */
struct histogram {
	uint64_t count;
	double sum;
	uint64_t below[]; /* as many as there are bounds */
};
size_t histogram_size(const struct metric_bounds *b);
void histogram_observe(struct histogram *h, const struct metric_bounds *b, double value);

/* The lines before a metric's samples; type: "counter", "gauge", "histogram". */
void metric_head(struct buf *out, const char *name, const char *type, const char *help);
/* A number alone, in as few digits as say it. */
void metric_print_number(struct buf *out, double value);
void metric_print(struct buf *out, const char *name, struct str labels, double value);
void metric_print_histogram(struct buf *out, const char *name, struct str labels,
	const struct metric_bounds *b, const struct histogram *h);

#endif
