/* What has been counted, and what can be seen of the process, as Prometheus reads it. */
#include "api_options.h"
#include "discovery.h"
#include "encryption.h"
#include "fair.h"
#include "health.h"
#include "metrics_private.h"
#include "respond.h"
#include "version.h"

#include <kube/time.h>

#include <sys/resource.h>
#include <unistd.h>

static void gauge(struct buf *out, const char *name, const char *help, double value)
{
	metric_head(out, name, "gauge", help);
	metric_print(out, name, STR(""), value);
}

/* ---- what is counted ---- */

static const struct {
	const char *name, *type, *help;
} kinds[METRIC_SERIES_COUNT] = {
#define SERIES(id, metric, type, text) [METRIC_##id] = {metric, type, text},
#define HISTOGRAM(id, ...)
#include "metrics.def"
#undef SERIES
#undef HISTOGRAM
};

static void print_counted(struct buf *out, struct metrics *m)
{
	for (size_t i = 0; i < METRIC_SERIES_COUNT; i++) {
		metric_head(out, kinds[i].name, kinds[i].type, kinds[i].help);
		omap_each (it, &m->series[i])
			metric_print(out, kinds[i].name, it.key, (double)*(int64_t *)it.value);
	}
	for (size_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++) {
		metric_head(out, histogram_kinds[i].name, "histogram", histogram_kinds[i].help);
		omap_each (it, &m->histograms[i])
			metric_print_histogram(out, histogram_kinds[i].name, it.key,
				&histogram_kinds[i].bounds, it.value);
	}
}

/* ---- the store ---- */

static void add_stored(struct omap *all, const struct resource *r)
{
	_cleanup_(buf_done) struct buf name = BUF_INIT(KIB);

	buf_print(&name, "%.*s%s%.*s", STRF(r->plural), r->group.len ? "." : "", STRF(r->group));
	omap_set(all, buf_str(&name), (void *)(uintptr_t)r);
}

/* What is stored as itself, of ours and of definitions; of all versions one. */
static void find_stored(struct metrics *m, struct omap *all)
{
	const struct resource *r;

	for (size_t i = 0; (r = resource_at(i)); i++)
		if (r->hub == r && r->strategy)
			add_stored(all, r);
	for (size_t i = 0; (r = discovery_at(m->server->discovery, i)); i++)
		if (r->custom)
			add_stored(all, r);
}

/* By the name it had before upstream told group and resource apart, and by the one of today. */
static void print_objects(struct buf *out, struct metrics *m)
{
	struct omap all;

	omap_init(&all);
	find_stored(m, &all);
	metric_head(out, "apiserver_storage_objects", "gauge", "Objects stored, by resource.");
	omap_each (it, &all)
		buf_print(out, "apiserver_storage_objects{resource=\"%.*s\"} %zu\n", STRF(it.key),
			store_count(server_bucket(
				m->server, ((const struct resource *)it.value)->hub)));
	metric_head(out, "apiserver_resource_objects", "gauge",
		"Objects stored, by group and resource.");
	omap_each (it, &all) {
		const struct resource *r = it.value;

		buf_print(out, "apiserver_resource_objects{group=\"%.*s\",resource=\"%.*s\"} %zu\n",
			STRF(r->group), STRF(r->plural),
			store_count(server_bucket(m->server, r->hub)));
	}
	omap_done(&all);
}

static void print_store(struct buf *out, struct metrics *m)
{
	struct store_stats stats;

	store_stats(m->server->store, &stats);
	print_objects(out, m);
	metric_head(out, "apiserver_storage_size_bytes", "gauge", "Size of the store's file.");
	metric_print(out, "apiserver_storage_size_bytes", STR("storage_cluster_id=\"etcd-0\""),
		(double)stats.file_bytes);
	gauge(out, "kube_store_revision", "The last revision.", (double)stats.revision);
	gauge(out, "kube_store_commits", "Writes since start.", (double)stats.commits);
	gauge(out, "kube_store_syncs", "Waits for the disk since start.", (double)stats.syncs);
	gauge(out, "kube_store_watches", "Readers of history.", (double)stats.watches);
}

/* ---- the process ---- */

static void print_gates(struct buf *out, const struct api_options *o)
{
	metric_head(
		out, "kubernetes_feature_enabled", "gauge", "Feature gates, on (1) or off (0).");
	for (const struct flag_gate *g = api_gates; g->name; g++)
		buf_print(out, "kubernetes_feature_enabled{name=\"%s\",stage=\"%s\"} %d\n", g->name,
			g->stage, api_gate(o, g->name));
}

static void print_memory(struct buf *out, struct metrics *m)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);
	uint64_t pages = 0, resident = 0;
	struct str size, rest;

	if (!disk_read_file(m->server->env->disk, "/proc/self/statm", &text, NULL)) {
		str_cut(buf_str(&text), ' ', &size, &rest);
		str_to_u64(size, &pages);
		str_cut(rest, ' ', &size, &rest);
		str_to_u64(size, &resident);
	}
	long page = sysconf(_SC_PAGESIZE);
	gauge(out, "process_virtual_memory_bytes", "Address space.", (double)pages * (double)page);
	gauge(out, "process_resident_memory_bytes", "Memory in use.",
		(double)resident * (double)page);
}

static int count_file(void *ctx, const char *name)
{
	(void)name;
	++*(double *)ctx;
	return 0;
}

static void print_files(struct buf *out, struct metrics *m)
{
	struct rlimit limit = {0};
	double open = 0;

	m->server->env->disk->ops->list(
		m->server->env->disk, "/proc/self/fd", count_file, &open, NULL);
	getrlimit(RLIMIT_NOFILE, &limit);
	gauge(out, "process_open_fds", "Open files and connections.", open);
	gauge(out, "process_max_fds", "How many there may be.", (double)limit.rlim_cur);
}

static void print_process(struct buf *out, struct metrics *m)
{
	struct rusage usage = {0};

	metric_head(out, "kubernetes_build_info", "gauge", "What was built, from what.");
	buf_add_text(out, "kubernetes_build_info{");
	version_add_labels(out);
	buf_add_text(out, "} 1\n");
	print_gates(out, m->server->options);
	getrusage(RUSAGE_SELF, &usage);
	metric_head(out, "process_cpu_seconds_total", "counter", "CPU time spent.");
	buf_print(out, "process_cpu_seconds_total %.6f\n",
		(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	print_memory(out, m);
	print_files(out, m);
	gauge(out, "process_start_time_seconds", "Start, in seconds since 1970.",
		(double)m->started / (double)SEC);
}

void serve_metrics(struct api_request *r)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * MIB);

	print_counted(&out, r->server->metrics);
	fair_print_metrics(r->server->fair, &out);
	print_store(&out, r->server->metrics);
	encryption_print_metrics(r->server->encryption, &out);
	print_process(&out, r->server->metrics);
	answer_text(r, 200, METRIC_TYPE, buf_str(&out));
}

/* The health checks as numbers. */
void serve_metrics_slis(struct api_request *r)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	metric_head(&out, "kubernetes_healthcheck", "gauge", "Health checks, well (1) or not (0).");
	health_add_metrics(r->server, &out);
	answer_text(r, 200, METRIC_TYPE, buf_str(&out));
}
