/* What the proxy counts of itself, under upstream's names. */
#ifndef KUBE_PROXY_METRICS_H
#define KUBE_PROXY_METRICS_H

#include <kube/arena.h>
#include <kube/metric.h>

enum probe { PROBE_HEALTHZ, PROBE_LIVEZ, PROBES };

struct proxy_metrics {
	uint64_t service_changes, endpoint_changes;   /* heard of */
	uint64_t services_pending, endpoints_pending; /* of them not yet in the kernel */
	uint64_t failures, forgotten;                 /* refused batches; flows of datagrams */
	uint64_t well[PROBES], unwell[PROBES];
	/* services whose policy is Local, with endpoints but none here */
	size_t no_local_inside, no_local_outside;
	int64_t queued, synced;           /* wall clock; 0: never */
	struct histogram *full, *partial; /* syncs of all and of some, seconds */
	struct histogram *programming;    /* from an endpoint's change to the kernel */
	struct histogram *forgetting;     /* looking through flows */
};
void proxy_metrics_init(struct proxy_metrics *m, struct arena *a);
void proxy_metrics_synced(struct proxy_metrics *m, bool full, int64_t took);
void proxy_metrics_programmed(struct proxy_metrics *m, int64_t took);
void proxy_metrics_forgot(struct proxy_metrics *m, uint64_t flows, int64_t took);
void proxy_metrics_print(const struct proxy_metrics *m, struct buf *out);

#endif
