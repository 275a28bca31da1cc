/* One table serves both families: what is said of one is true of the other. */
#include "metrics.h"

#include <kube/time.h>

#define ALPHA "[ALPHA] "

static const char *const families[] = {"ip_family=\"IPv4\"", "ip_family=\"IPv6\""};

/* From a millisecond to 16 s, each twice the last. */
static const double sync_at[] = {0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256,
	0.512, 1.024, 2.048, 4.096, 8.192, 16.384};
static const double programming_at[] = {0.25, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37,
	38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60,
	65, 70, 75, 80, 85, 90, 95, 100, 105, 110, 115, 120, 150, 180, 210, 240, 270, 300};
static const struct metric_bounds sync_bounds = {sync_at, ARRAY_LEN(sync_at)};
static const struct metric_bounds programming_bounds = {programming_at, ARRAY_LEN(programming_at)};

static double seconds(int64_t ns)
{
	return (double)ns / (double)SEC;
}

void proxy_metrics_init(struct proxy_metrics *m, struct arena *a)
{
	*m = (struct proxy_metrics){.full = arena_new(a, histogram_size(&sync_bounds)),
		.partial = arena_new(a, histogram_size(&sync_bounds)),
		.forgetting = arena_new(a, histogram_size(&sync_bounds)),
		.programming = arena_new(a, histogram_size(&programming_bounds))};
}

void proxy_metrics_synced(struct proxy_metrics *m, bool full, int64_t took)
{
	histogram_observe(full ? m->full : m->partial, &sync_bounds, seconds(took));
}

void proxy_metrics_programmed(struct proxy_metrics *m, int64_t took)
{
	histogram_observe(m->programming, &programming_bounds, seconds(MAX(took, (int64_t)0)));
}

void proxy_metrics_forgot(struct proxy_metrics *m, uint64_t flows, int64_t took)
{
	m->forgotten += flows;
	histogram_observe(m->forgetting, &sync_bounds, seconds(took));
}

/* ---- printing ---- */

static void single(
	struct buf *out, const char *name, const char *type, const char *help, double value)
{
	metric_head(out, name, type, help);
	metric_print(out, name, STR(""), value);
}

static void of_families(
	struct buf *out, const char *name, const char *type, const char *help, double value)
{
	metric_head(out, name, type, help);
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		metric_print(out, name, str_from(families[i]), value);
}

static void durations(struct buf *out, const char *name, const char *help,
	const struct metric_bounds *b, const struct histogram *h)
{
	metric_head(out, name, "histogram", help);
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		metric_print_histogram(out, name, str_from(families[i]), b, h);
}

static void print_syncs(const struct proxy_metrics *m, struct buf *out)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	struct histogram *all = arena_copy(&a, m->full, histogram_size(&sync_bounds));
	all->count += m->partial->count;
	all->sum += m->partial->sum;
	for (size_t i = 0; i < sync_bounds.count; i++)
		all->below[i] += m->partial->below[i];
	durations(out, "kubeproxy_sync_proxy_rules_duration_seconds",
		ALPHA "Time a sync of rules took.", &sync_bounds, all);
	durations(out, "kubeproxy_sync_full_proxy_rules_duration_seconds",
		ALPHA "Time a sync of all rules took.", &sync_bounds, m->full);
	durations(out, "kubeproxy_sync_partial_proxy_rules_duration_seconds",
		ALPHA "Time a sync of what had changed took.", &sync_bounds, m->partial);
	of_families(out, "kubeproxy_sync_proxy_rules_last_timestamp_seconds", "gauge",
		ALPHA "When rules were last synced.", seconds(m->synced));
	of_families(out, "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds", "gauge",
		ALPHA "When a sync of rules was last asked for.", seconds(m->queued));
	of_families(out, "kubeproxy_sync_proxy_rules_nftables_sync_failures_total", "counter",
		ALPHA "Syncs that the kernel refused.", (double)m->failures);
	of_families(out, "kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total", "counter",
		ALPHA "Chains without use that could not be removed: they go with their sync.", 0);
	durations(out, "kubeproxy_network_programming_duration_seconds",
		ALPHA "From the change of an endpoint to its rules.", &programming_bounds,
		m->programming);
}

static void print_changes(const struct proxy_metrics *m, struct buf *out)
{
	single(out, "kubeproxy_sync_proxy_rules_endpoint_changes_pending", "gauge",
		ALPHA "Changes of endpoints that are not in the rules yet.",
		(double)m->endpoints_pending);
	single(out, "kubeproxy_sync_proxy_rules_endpoint_changes_total", "counter",
		ALPHA "Changes of endpoints.", (double)m->endpoint_changes);
	single(out, "kubeproxy_sync_proxy_rules_service_changes_pending", "gauge",
		ALPHA "Changes of services that are not in the rules yet.",
		(double)m->services_pending);
	single(out, "kubeproxy_sync_proxy_rules_service_changes_total", "counter",
		ALPHA "Changes of services.", (double)m->service_changes);
}

static void print_no_local(const struct proxy_metrics *m, struct buf *out)
{
	static const char name[] = "kubeproxy_sync_proxy_rules_no_local_endpoints_total";

	metric_head(out, name, "gauge", ALPHA "Services of a Local policy without endpoints here.");
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		buf_print(out,
			"%s{%s,traffic_policy=\"internal\"} %zu\n"
			"%s{%s,traffic_policy=\"external\"} %zu\n",
			name, families[i], m->no_local_inside, name, families[i],
			m->no_local_outside);
}

static void print_probes(
	const struct proxy_metrics *m, enum probe probe, const char *name, struct buf *out)
{
	metric_head(out, name, "counter", ALPHA "Answers to probes, by status.");
	metric_print(out, name, STR("code=\"200\""), (double)m->well[probe]);
	metric_print(out, name, STR("code=\"503\""), (double)m->unwell[probe]);
}

void proxy_metrics_print(const struct proxy_metrics *m, struct buf *out)
{
	print_syncs(m, out);
	print_changes(m, out);
	print_no_local(m, out);
	of_families(out, "kubeproxy_conntrack_reconciler_deleted_entries_total", "counter",
		ALPHA "Flows of datagrams forgotten because they led elsewhere.",
		(double)m->forgotten);
	durations(out, "kubeproxy_conntrack_reconciler_sync_duration_seconds",
		ALPHA "Time it took to look through flows.", &sync_bounds, m->forgetting);
	print_probes(m, PROBE_HEALTHZ, "kubeproxy_proxy_healthz_total", out);
	print_probes(m, PROBE_LIVEZ, "kubeproxy_proxy_livez_total", out);
}
