/* What Prometheus reads at /metrics, under upstream's names. */
#ifndef KUBE_APISERVER_METRICS_H
#define KUBE_APISERVER_METRICS_H

#include "request.h"

struct metrics *metrics_new(struct api_server *s);
void metrics_free(struct metrics *m);
int64_t metrics_started(const struct metrics *m); /* wall clock */
void metrics_begin(struct api_request *r);        /* arrived */
void metrics_classified(struct api_request *r);   /* its kind is known */
void metrics_end(struct api_request *r);          /* answered, or given up */
void metrics_rejected(struct api_request *r);
stage_fn serve_metrics, serve_metrics_slis;

#endif
