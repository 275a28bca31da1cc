#include "metrics.h"
#include "respond.h"

#include <kube/map.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <sys/resource.h>
#include <unistd.h>

#define SERIES_MAX 5000 /* labels come from requests */

static const double bounds[] = {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4,
	5, 6, 8, 10, 15, 20, 30, 45, 60};

struct durations {
	uint64_t below[ARRAY_LEN(bounds)], count;
	double sum;
};

struct metrics {
	struct api_server *server;
	struct omap totals;    /* labels → uint64_t */
	struct omap durations; /* labels → struct durations */
	int64_t reading, writing, streaming;
	uint64_t rejected;
	int64_t started; /* wall clock */
};

struct metrics *metrics_new(struct api_server *s)
{
	struct metrics *m = mem_new(sizeof(*m));

	m->server = s;
	m->started = env_wall(s->env);
	omap_init(&m->totals);
	omap_init(&m->durations);
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	omap_each (it, &m->totals)
		mem_free(it.value);
	omap_each (it, &m->durations)
		mem_free(it.value);
	omap_done(&m->totals);
	omap_done(&m->durations);
	mem_free(m);
}

/* ---- counting ---- */

static int64_t *gauge_of(struct metrics *m, const struct api_request *r)
{
	struct str method = r->x->request.method;

	if (r->long_running)
		return &m->streaming;
	return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")) ? &m->reading
									 : &m->writing;
}

void metrics_begin(struct api_request *r)
{
	++*gauge_of(r->server->metrics, r);
}

/* Only the path tells what is long-running: until it was read it counted as any other. */
void metrics_classified(struct api_request *r)
{
	struct metrics *m = r->server->metrics;

	if (!r->long_running)
		return;
	r->long_running = false;
	--*gauge_of(m, r);
	r->long_running = true;
	++*gauge_of(m, r);
}

void metrics_rejected(struct api_request *r)
{
	r->server->metrics->rejected++;
}

static const char *verb_label(const struct api_request *r)
{
	static const char *const labels[][2] = {{"get", "GET"}, {"list", "LIST"},
		{"watch", "WATCH"}, {"create", "POST"}, {"update", "PUT"}, {"patch", "PATCH"},
		{"delete", "DELETE"}, {"deletecollection", "DELETECOLLECTION"}};

	if (str_eq(r->verb, STR("patch")) &&
		str_eq(r->content_type, STR("application/apply-patch+yaml")))
		return "APPLY";
	for (size_t i = 0; i < ARRAY_LEN(labels); i++)
		if (str_eq_text(r->verb, labels[i][0]))
			return labels[i][1];
	return str_eq(r->method, STR("POST")) ? "POST" : "other";
}

static void add_labels(struct buf *out, const struct api_request *r)
{
	const struct resource *res = r->resource;
	struct str sub = r->sub ? r->sub->name : STR("");
	const char *scope = !res               ? ""
			    : r->has_name      ? "resource"
			    : r->namespace.len ? "namespace"
					       : "cluster";

	/* Only names of ours: what strangers put into paths makes no series. */
	if (!res && !r->is_resource && r->answer_code != 404)
		sub = r->path;
	buf_print(out,
		"component=\"apiserver\",dry_run=\"%s\",group=\"%.*s\",resource=\"%.*s\","
		"scope=\"%s\",subresource=\"%.*s\",verb=\"%s\",version=\"%.*s\"",
		r->options.dry_run ? "All" : "", STRF(res ? res->group : STR("")),
		STRF(res ? res->plural : STR("")), scope, STRF(sub), verb_label(r),
		STRF(res ? res->version : STR("")));
}

static void *series(struct omap *map, struct str labels, size_t size)
{
	void *at = omap_get(map, labels);

	if (!at && map->count < SERIES_MAX) {
		at = mem_new(size);
		omap_set(map, labels, at);
	}
	return at;
}

static bool printable(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == '"' || s.at[i] == '\\' || (unsigned char)s.at[i] < ' ')
			return false;
	return s.len < 200;
}

void metrics_end(struct api_request *r)
{
	struct metrics *m = r->server->metrics;
	_cleanup_(buf_done) struct buf labels = BUF_INIT(4 * KIB);

	--*gauge_of(m, r);
	if (!r->answered || !printable(r->path))
		return;
	add_labels(&labels, r);
	struct durations *d = series(&m->durations, buf_str(&labels), sizeof(*d));
	if (d && !r->long_running) {
		double seconds =
			(double)(loop_now(m->server->env->loop) - r->x->started) / (double)SEC;

		for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
			d->below[i] += seconds <= bounds[i];
		d->count++;
		d->sum += seconds;
	}
	_cleanup_(buf_done) struct buf with_code = BUF_INIT(4 * KIB);
	buf_print(&with_code, "code=\"%d\",", r->answer_code);
	buf_add_str(&with_code, buf_str(&labels));
	uint64_t *total = series(&m->totals, buf_str(&with_code), sizeof(*total));
	if (total)
		++*total;
}

/* ---- printing ---- */

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_print(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(struct buf *out, const char *name, const char *help, double value)
{
	head(out, name, "gauge", help);
	buf_print(out, "%s %.17g\n", name, value);
}

static void print_durations(struct buf *out, struct str labels, const struct durations *d)
{
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
		buf_print(out, "apiserver_request_duration_seconds_bucket{%.*s,le=\"%g\"} %llu\n",
			STRF(labels), bounds[i], (unsigned long long)d->below[i]);
	buf_print(out, "apiserver_request_duration_seconds_bucket{%.*s,le=\"+Inf\"} %llu\n",
		STRF(labels), (unsigned long long)d->count);
	buf_print(out, "apiserver_request_duration_seconds_sum{%.*s} %.9g\n", STRF(labels), d->sum);
	buf_print(out, "apiserver_request_duration_seconds_count{%.*s} %llu\n", STRF(labels),
		(unsigned long long)d->count);
}

static void print_requests(struct buf *out, struct metrics *m)
{
	head(out, "apiserver_request_total", "counter",
		"Requests answered, by verb, resource and status code.");
	omap_each (it, &m->totals)
		buf_print(out, "apiserver_request_total{%.*s} %llu\n", STRF(it.key),
			(unsigned long long)*(uint64_t *)it.value);
	head(out, "apiserver_request_duration_seconds", "histogram",
		"Time from a request's head to the end of its answer.");
	omap_each (it, &m->durations)
		print_durations(out, it.key, it.value);
	head(out, "apiserver_current_inflight_requests", "gauge", "Requests under way.");
	buf_print(out,
		"apiserver_current_inflight_requests{request_kind=\"mutating\"} %lld\n"
		"apiserver_current_inflight_requests{request_kind=\"readOnly\"} %lld\n",
		(long long)m->writing, (long long)m->reading);
	gauge(out, "apiserver_longrunning_requests", "Watches and streams under way.",
		(double)m->streaming);
	head(out, "apiserver_flowcontrol_rejected_requests_total", "counter",
		"Requests refused because there were too many.");
	buf_print(out, "apiserver_flowcontrol_rejected_requests_total %llu\n",
		(unsigned long long)m->rejected);
}

static void print_store(struct buf *out, struct metrics *m)
{
	struct store_stats stats;
	const struct resource *r;

	store_stats(m->server->store, &stats);
	head(out, "apiserver_storage_objects", "gauge", "Objects stored, by resource.");
	for (size_t i = 0; (r = resource_at(i)); i++)
		if (r->hub == r && r->strategy)
			buf_print(out, "apiserver_storage_objects{resource=\"%.*s%s%.*s\"} %zu\n",
				STRF(r->plural), r->group.len ? "." : "", STRF(r->group),
				store_count(server_bucket(m->server, r)));
	gauge(out, "apiserver_storage_size_bytes", "Size of the store's file.",
		(double)stats.file_bytes);
	gauge(out, "kube_store_revision", "The last revision.", (double)stats.revision);
	gauge(out, "kube_store_commits", "Writes since start.", (double)stats.commits);
	gauge(out, "kube_store_syncs", "Waits for the disk since start.", (double)stats.syncs);
	gauge(out, "kube_store_watches", "Readers of history.", (double)stats.watches);
}

static void print_process(struct buf *out, struct metrics *m)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);
	struct rusage usage = {0};
	uint64_t pages = 0, resident = 0;
	struct str size, rest;

	getrusage(RUSAGE_SELF, &usage);
	head(out, "process_cpu_seconds_total", "counter", "CPU time spent.");
	buf_print(out, "process_cpu_seconds_total %.6f\n",
		(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
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
	gauge(out, "process_start_time_seconds", "Start, in seconds since 1970.",
		(double)m->started / (double)SEC);
}

void serve_metrics(struct api_request *r)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * MIB);

	print_requests(&out, r->server->metrics);
	print_store(&out, r->server->metrics);
	print_process(&out, r->server->metrics);
	answer_text(r, 200, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
		buf_str(&out));
}
