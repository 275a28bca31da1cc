#include "fair.h"
#include "metrics_private.h"

#include <kube/mem.h>
#include <kube/time.h>

#define SERIES_MAX 5000
#define LABELS_MAX (4 * KIB)

#define BOUNDS(...)                                                                                \
	{                                                                                          \
		(const double[]){__VA_ARGS__}, ARRAY_LEN(((const double[]){__VA_ARGS__}))          \
	}
const struct histogram_kind histogram_kinds[METRIC_HISTOGRAM_COUNT] = {
#define SERIES(id, ...)
#define HISTOGRAM(id, metric, text, ...) [METRIC_##id] = {metric, text, BOUNDS(__VA_ARGS__)},
#include "metrics.def"
#undef SERIES
#undef HISTOGRAM
};

struct metrics *metrics_new(struct api_server *s)
{
	struct metrics *m = mem_new(sizeof(*m));

	m->server = s;
	m->started = env_wall(s->env);
	m->reading = metrics_number(m, METRIC_INFLIGHT, STR("request_kind=\"readOnly\""));
	m->writing = metrics_number(m, METRIC_INFLIGHT, STR("request_kind=\"mutating\""));
	return m;
}

static void free_series(struct omap *map)
{
	omap_each (it, map)
		mem_free(it.value);
	omap_done(map);
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < METRIC_SERIES_COUNT; i++)
		free_series(&m->series[i]);
	for (size_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++)
		free_series(&m->histograms[i]);
	bucket_metrics_free(m);
	mem_free(m);
}

int64_t metrics_started(const struct metrics *m)
{
	return m->started;
}

/* ---- numbers ---- */

static void *series(struct omap *map, struct str labels, size_t size)
{
	void *at = omap_get(map, labels);

	if (!at && map->count < SERIES_MAX) {
		at = mem_new(size);
		omap_set(map, labels, at);
	}
	return at;
}

int64_t *metrics_number(struct metrics *m, enum metric_series which, struct str labels)
{
	int64_t *number = series(&m->series[which], labels, sizeof(*number));

	return number ? number : &m->beyond;
}

void metrics_clear(struct metrics *m, enum metric_series which)
{
	free_series(&m->series[which]);
	omap_init(&m->series[which]);
}

void metrics_observe(
	struct metrics *m, enum metric_histogram which, struct str labels, double value)
{
	const struct metric_bounds *b = &histogram_kinds[which].bounds;
	struct histogram *h = series(&m->histograms[which], labels, histogram_size(b));

	if (h)
		histogram_observe(h, b, value);
}

struct histogram *metrics_histogram(
	struct metrics *m, enum metric_histogram which, struct str labels)
{
	return series(
		&m->histograms[which], labels, histogram_size(&histogram_kinds[which].bounds));
}

void metrics_observe_in(enum metric_histogram which, struct histogram *h, double value)
{
	if (h)
		histogram_observe(h, &histogram_kinds[which].bounds, value);
}

/* ---- labels ---- */

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

/* Only names of ours: what strangers put into paths makes no series. */
static struct str subresource_label(const struct api_request *r)
{
	if (!r->resource && !r->is_resource && r->answer_code != 404)
		return r->path;
	return r->sub ? r->sub->name : STR("");
}

static const char *scope_label(const struct api_request *r)
{
	if (!r->resource)
		return "";
	return r->has_name ? "resource" : r->namespace.len ? "namespace" : "cluster";
}

static void add_labels(struct buf *out, const struct api_request *r, bool dry_run)
{
	const struct resource *res = r->resource;

	buf_add_text(out, "component=\"apiserver\",");
	if (dry_run)
		buf_print(out, "dry_run=\"%s\",", r->options.dry_run ? "All" : "");
	buf_print(out,
		"group=\"%.*s\",resource=\"%.*s\",scope=\"%s\",subresource=\"%.*s\","
		"verb=\"%s\",version=\"%.*s\"",
		STRF(res ? res->group : STR("")), STRF(res ? res->plural : STR("")), scope_label(r),
		STRF(subresource_label(r)), verb_label(r), STRF(res ? res->version : STR("")));
}

static bool printable(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == '"' || s.at[i] == '\\' || (unsigned char)s.at[i] < ' ')
			return false;
	return s.len < 200;
}

void metrics_add_resource(struct buf *out, const struct api_request *r)
{
	const struct resource *res = r->resource;

	buf_print(out, "group=\"%.*s\",resource=\"%.*s\",version=\"%.*s\"",
		STRF(res ? res->group : STR("")), STRF(res ? res->plural : STR("")),
		STRF(res ? res->version : STR("")));
}

/* ---- counting ---- */

void metrics_begin(struct api_request *r)
{
	struct metrics *m = r->server->metrics;
	struct str method = r->x->request.method;
	bool reads = str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));

	r->under_way = reads ? m->reading : m->writing;
	++*r->under_way;
}

/* Only the path tells what is long-running: until it was read it counted as any other. */
void metrics_classified(struct api_request *r)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(LABELS_MAX);

	if (!r->long_running || !printable(r->path))
		return;
	add_labels(&labels, r, false);
	--*r->under_way;
	r->under_way = metrics_number(r->server->metrics, METRIC_LONG_RUNNING, buf_str(&labels));
	++*r->under_way;
}

static void count_answer(struct metrics *m, const struct api_request *r)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(LABELS_MAX);

	buf_print(&labels, "code=\"%d\",", r->answer_code);
	add_labels(&labels, r, true);
	++*metrics_number(m, METRIC_REQUESTS, buf_str(&labels));
	if (r->answer_code != 429 && r->answer_code != 504)
		return;
	buf_clear(&labels);
	buf_print(&labels, "code=\"%d\",", r->answer_code);
	add_labels(&labels, r, false);
	++*metrics_number(m, METRIC_TERMINATED, buf_str(&labels));
}

static void count_abort(struct metrics *m, const struct api_request *r)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(LABELS_MAX);

	if (r->long_running || !printable(r->path))
		return;
	add_labels(&labels, r, false);
	++*metrics_number(m, METRIC_ABORTED, buf_str(&labels));
}

static void measure(struct metrics *m, const struct api_request *r)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(LABELS_MAX);
	int64_t spent = loop_now(m->server->env->loop) - r->x->started;

	add_labels(&labels, r, true);
	metrics_observe(m, METRIC_DURATION, buf_str(&labels), (double)spent / (double)SEC);
	buf_clear(&labels);
	add_labels(&labels, r, false);
	spent -= fair_waited(r);
	metrics_observe(m, METRIC_SLI_DURATION, buf_str(&labels), (double)spent / (double)SEC);
	if (str_eq(r->x->request.method, STR("GET")))
		metrics_observe(m, METRIC_SIZE, buf_str(&labels), (double)r->x->sent);
}

/* "v1.16" → 1.16 */
static void count_deprecated(struct metrics *m, const struct api_request *r)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(LABELS_MAX);
	const struct resource *res = r->resource;

	if (!res || res->level != LEVEL_REMOVED)
		return;
	buf_print(&labels,
		"group=\"%.*s\",removed_release=\"%s\",resource=\"%.*s\",subresource=\"%.*s\","
		"version=\"%.*s\"",
		STRF(res->group), res->until && res->until[0] == 'v' ? res->until + 1 : "",
		STRF(res->plural), STRF(subresource_label(r)), STRF(res->version));
	*metrics_number(m, METRIC_DEPRECATED, buf_str(&labels)) = 1;
}

void metrics_end(struct api_request *r)
{
	struct metrics *m = r->server->metrics;

	--*r->under_way;
	if (!r->answered)
		count_abort(m, r);
	if (!r->answered || !printable(r->path))
		return;
	count_answer(m, r);
	count_deprecated(m, r);
	if (!r->long_running)
		measure(m, r);
}
