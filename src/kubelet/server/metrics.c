/* /metrics, /metrics/resource, /metrics/cadvisor and /metrics/probes, in Prometheus' text format.
 */
#include "figures.h"

#include <kube/mem.h>
#include <kube/metric.h>
#include <kube/time.h>

#define METRICS_MAX (32 * MIB)

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_print(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void answer(struct node_request *r, struct buf *out)
{
	node_answer(r, 200, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
		arena_str(r->arena, buf_str(out)));
}

static double seconds(int64_t ns)
{
	return (double)ns / (double)SEC;
}

/* ---- resources ---- */

static double cpu_of(const struct container_usage *u)
{
	return seconds(u->cpu_ns);
}

static double memory_of(const struct container_usage *u)
{
	return (double)u->memory_working_set;
}

/* at: when it was so; 0: that is not said. */
static void print_value(struct buf *out, double value, int64_t at)
{
	metric_print_number(out, value);
	if (at)
		buf_print(out, " %lld", (long long)(at / MSEC));
	buf_add_char(out, '\n');
}

static void print_containers(struct buf *out, const struct node_figures *f, const char *name,
	double (*value)(const struct container_usage *u))
{
	for (size_t i = 0; i < f->container_count; i++) {
		const struct container_figure *c = &f->containers[i];

		buf_print(out, "%s{container=\"%.*s\",namespace=\"%.*s\",pod=\"%.*s\"} ", name,
			STRF(c->container->name), STRF(c->sandbox->namespace),
			STRF(c->sandbox->name));
		print_value(out, value(&c->usage), c->usage.at);
	}
}

static void print_pods(struct buf *out, const struct node_figures *f, const char *name,
	double (*value)(const struct container_usage *u))
{
	for (size_t i = 0; i < f->sandbox_count; i++) {
		const struct sandbox *s = f->sandboxes[i];
		double sum = 0;

		if (s->state != SANDBOX_READY)
			continue;
		for (size_t k = 0; k < f->container_count; k++)
			if (f->containers[k].sandbox == s)
				sum += value(&f->containers[k].usage);
		buf_print(out, "%s{namespace=\"%.*s\",pod=\"%.*s\"} ", name, STRF(s->namespace),
			STRF(s->name));
		print_value(out, sum, f->at);
	}
}

void node_metrics_resource(struct node_request *r)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(METRICS_MAX);
	struct node_figures f;

	figures_gather(r, &f);
	head(&out, "container_cpu_usage_seconds_total", "counter",
		"[STABLE] Cumulative cpu time consumed by the container in core-seconds");
	print_containers(&out, &f, "container_cpu_usage_seconds_total", cpu_of);
	head(&out, "container_memory_working_set_bytes", "gauge",
		"[STABLE] Current working set of the container in bytes");
	print_containers(&out, &f, "container_memory_working_set_bytes", memory_of);
	head(&out, "container_start_time_seconds", "gauge",
		"[STABLE] Start time of the container since unix epoch in seconds");
	for (size_t i = 0; i < f.container_count; i++) {
		buf_print(&out,
			"container_start_time_seconds{container=\"%.*s\",namespace=\"%.*s\","
			"pod=\"%.*s\"} ",
			STRF(f.containers[i].container->name),
			STRF(f.containers[i].sandbox->namespace),
			STRF(f.containers[i].sandbox->name));
		print_value(&out, seconds(f.containers[i].container->started), 0);
	}
	head(&out, "node_cpu_usage_seconds_total", "counter",
		"[STABLE] Cumulative cpu time consumed by the node in core-seconds");
	buf_add_text(&out, "node_cpu_usage_seconds_total ");
	print_value(&out, seconds(f.cpu_ns), f.at);
	head(&out, "node_memory_working_set_bytes", "gauge",
		"[STABLE] Current working set of the node in bytes");
	buf_print(&out, "node_memory_working_set_bytes %lld %lld\n",
		(long long)(f.memory_total - f.memory_available), (long long)(f.at / MSEC));
	head(&out, "pod_cpu_usage_seconds_total", "counter",
		"[STABLE] Cumulative cpu time consumed by the pod in core-seconds");
	print_pods(&out, &f, "pod_cpu_usage_seconds_total", cpu_of);
	head(&out, "pod_memory_working_set_bytes", "gauge",
		"[STABLE] Current working set of the pod in bytes");
	print_pods(&out, &f, "pod_memory_working_set_bytes", memory_of);
	head(&out, "resource_scrape_error", "gauge",
		"[STABLE] 1 if there was an error while getting container metrics, 0 otherwise");
	buf_add_text(&out, "resource_scrape_error 0\n");
	answer(r, &out);
}

/* ---- as cAdvisor names them ---- */

static double usage_of(const struct container_usage *u)
{
	return (double)u->memory_bytes;
}

static double rss_of(const struct container_usage *u)
{
	return (double)u->memory_rss;
}

static double pids_of(const struct container_usage *u)
{
	return (double)u->pids;
}

static double files_of(const struct container_usage *u)
{
	return (double)u->writable_bytes;
}

static const struct {
	const char *name, *type, *help, *extra;
	double (*value)(const struct container_usage *u);
} by_container[] = {
	{"container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds.",
		"cpu=\"total\",", cpu_of},
	{"container_fs_usage_bytes", "gauge",
		"Number of bytes that are consumed by the container on this filesystem.", "",
		files_of},
	{"container_memory_rss", "gauge", "Size of RSS in bytes.", "", rss_of},
	{"container_memory_usage_bytes", "gauge",
		"Current memory usage in bytes, including all memory regardless of when it was "
		"accessed",
		"", usage_of},
	{"container_memory_working_set_bytes", "gauge", "Current working set in bytes.", "",
		memory_of},
	{"container_processes", "gauge", "Number of processes running inside the container.", "",
		pids_of},
};

void node_metrics_cadvisor(struct node_request *r)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(METRICS_MAX);
	struct node_figures f;

	figures_gather(r, &f);
	for (size_t m = 0; m < ARRAY_LEN(by_container); m++) {
		head(&out, by_container[m].name, by_container[m].type, by_container[m].help);
		for (size_t i = 0; i < f.container_count; i++) {
			const struct container_figure *c = &f.containers[i];

			buf_print(&out,
				"%s{container=\"%.*s\",%simage=\"%.*s\",name=\"%.*s\","
				"namespace=\"%.*s\",pod=\"%.*s\"} ",
				by_container[m].name, STRF(c->container->name),
				by_container[m].extra, STRF(c->container->image),
				STRF(c->container->id), STRF(c->sandbox->namespace),
				STRF(c->sandbox->name));
			print_value(&out, by_container[m].value(&c->usage), c->usage.at);
		}
	}
	head(&out, "machine_cpu_cores", "gauge", "Number of logical CPU cores.");
	buf_print(&out, "machine_cpu_cores %lld\n", (long long)f.cores);
	head(&out, "machine_memory_bytes", "gauge", "Amount of memory installed on the machine.");
	buf_print(&out, "machine_memory_bytes %lld\n", (long long)f.memory_total);
	answer(r, &out);
}

/* ---- the kubelet's own ---- */

void node_metrics(struct node_request *r)
{
	static const char *const states[] = {"created", "running", "exited", "unknown"};
	struct runtime *runtime = r->server->options.runtime;
	_cleanup_(buf_done) struct buf out = BUF_INIT(METRICS_MAX);
	const struct sandbox *const *sandboxes;
	const struct container *const *list;
	size_t ready = 0, by_state[ARRAY_LEN(states)] = {0};
	size_t count = runtime->ops->sandboxes(runtime, &sandboxes);

	for (size_t i = 0; i < count; i++)
		ready += sandboxes[i]->state == SANDBOX_READY;
	count = runtime->ops->containers(runtime, &list);
	for (size_t i = 0; i < count; i++)
		by_state[list[i]->state]++;
	head(&out, "kubelet_node_name", "gauge", "[ALPHA] The node's name. The count is always 1.");
	buf_print(&out, "kubelet_node_name{node=\"%.*s\"} 1\n", STRF(r->server->options.node_name));
	head(&out, "kubelet_running_containers", "gauge",
		"[ALPHA] Number of containers currently running");
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (by_state[i])
			buf_print(&out, "kubelet_running_containers{container_state=\"%s\"} %zu\n",
				states[i], by_state[i]);
	head(&out, "kubelet_running_pods", "gauge",
		"[ALPHA] Number of pods that have a running pod sandbox");
	buf_print(&out, "kubelet_running_pods %zu\n", ready);
	head(&out, "process_start_time_seconds", "gauge",
		"[ALPHA] Start time of the process since unix epoch in seconds.");
	buf_add_text(&out, "process_start_time_seconds ");
	print_value(&out, seconds(r->server->options.started), 0);
	if (r->server->options.print_own)
		r->server->options.print_own(r->server->options.metrics_ctx, &out);
	answer(r, &out);
}

void node_metrics_probes(struct node_request *r)
{
	const struct kubelet_server_options *o = &r->server->options;
	_cleanup_(buf_done) struct buf out = BUF_INIT(METRICS_MAX);

	head(&out, "prober_probe_total", "counter",
		"[BETA] Cumulative number of a liveness, readiness or startup probe for a "
		"container by result.");
	if (o->print_probes)
		o->print_probes(o->metrics_ctx, &out);
	answer(r, &out);
}
