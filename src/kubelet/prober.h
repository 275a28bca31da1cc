/*
 * The probes of one pod's containers. Each belongs to one container by its id: it begins when the
 * container is seen running and ends with it.
 *
 *	WAIT ──its time has come──▶ ASK ──answered──▶ WAIT …  ──verdict that ends it──▶ HELD
 */
#ifndef KUBE_KUBELET_PROBER_H
#define KUBE_KUBELET_PROBER_H

#include "pod_worker.h"

/* What has been answered so far. Pure. */
struct prober_count {
	enum verdict last;
	int run; /* in a row */
};
/* Takes an answer; gives the verdict that now stands, NONE when it is as it was. */
enum verdict prober_take(struct prober_count *c, const struct cJSON *spec, bool good);
/* When to ask first (last 0), and again; wall times. */
int64_t prober_due(const struct cJSON *spec, int64_t started, int64_t last, int64_t now);

/* Begins, goes on with, and ends probes, as the view shows what runs. */
void probers_sync(struct pod_worker *w, const struct pod_view *v);
/* How often each was answered how, as lines of Prometheus' text format. */
void probers_print(const struct pod_worker *w, struct buf *out);
/* The worker is no more; what is in flight ends by itself. */
void probers_stop(struct pod_worker *w);

#endif
