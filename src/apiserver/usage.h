/*
 * usage: what nodes and containers use, for metrics.k8s.io. Asked of the kubelets when somebody
 * wants to know, never before; a picture is good for a quarter of a minute. A rate lies between
 * two measurements: without one of the last minute others are waited for, some ten seconds.
 */
#ifndef KUBE_APISERVER_USAGE_H
#define KUBE_APISERVER_USAGE_H

#include "server.h"

#include <kube/map.h>

struct usage;

struct usage *usage_new(struct api_server *s);
/* Ends what is under way; called before the connections to kubelets end. */
void usage_stop(struct usage *u, struct op *op);
void usage_free(struct usage *u); /* NULL is fine */

/* Done when the picture is new enough; kubelets that do not answer are missing in it. */
void usage_refresh(struct usage *u, struct op *op);

struct usage_figure {
	int64_t at;         /* wall ns */
	int64_t window;     /* between the two looks; ns */
	int64_t nano_cores; /* used on average; -1: seen once only */
	int64_t memory;     /* working set; bytes */
};
/* container empty: of the node, whose name is `pod`, with no namespace. false: nothing is known. */
bool usage_of(const struct usage *u, struct str namespace, struct str pod, struct str container,
	struct usage_figure *figure);

/* ---- the kubelet's text (/metrics/resource), pure ---- */
struct usage_sample {
	struct str name; /* "container_cpu_usage_seconds_total" */
	struct str namespace, pod, container;
	double value;
	int64_t at; /* wall ns; 0: not said */
};
/* false: a line that says nothing. Labels are views into it; those with escapes are refused. */
bool usage_parse_sample(struct str line, struct usage_sample *sample);

#endif
