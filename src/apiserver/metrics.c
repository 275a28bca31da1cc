#include "metrics_private.h"

#include <kube/mem.h>
#include <kube/time.h>

#define SERIES_MAX 5000
#define LABELS_MAX (4 * KIB)

static const double duration_bounds[] = {DURATION_BUCKETS};
static const double size_bounds[] = {SIZE_BUCKETS};
const struct metric_bounds duration_buckets = {duration_bounds, ARRAY_LEN(duration_bounds)};
const struct metric_bounds size_buckets = {size_bounds, ARRAY_LEN(size_bounds)};

struct metrics *metrics_new(struct api_server *s)
{
	struct metrics *m = mem_new(sizeof(*m));

	m->server = s;
	m->started = env_wall(s->env);
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
	free_series(&m->totals);
	free_series(&m->durations);
	free_series(&m->sizes);
	free_series(&m->streaming);
	free_series(&m->deprecated);
	mem_free(m);
}

int64_t metrics_started(const struct metrics *m)
{
	return m->started;
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

/* ---- counting ---- */

void metrics_begin(struct api_request *r)
{
	struct metrics *m = r->server->metrics;
	struct str method = r->x->request.method;
	bool reads = str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));

	r->under_way = reads ? &m->reading : &m->writing;
	++*r->under_way;
}

/* Only the path tells what is long-running: until it was read it counted as any other. */
void metrics_classified(struct api_request *r)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(LABELS_MAX);
	int64_t *gauge;

	if (!r->long_running || !printable(r->path))
		return;
	add_labels(&labels, r, false);
	gauge = series(&r->server->metrics->streaming, buf_str(&labels), sizeof(*gauge));
	if (!gauge)
		return;
	--*r->under_way;
	r->under_way = gauge;
	++*gauge;
}

void metrics_rejected(struct api_request *r)
{
	r->server->metrics->rejected++;
}

static void observe(
	struct omap *map, const struct metric_bounds *b, struct str labels, double value)
{
	struct histogram *h = series(map, labels, histogram_size(b));

	if (h)
		histogram_observe(h, b, value);
}

static void count_total(struct metrics *m, const struct api_request *r)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(LABELS_MAX);

	buf_print(&labels, "code=\"%d\",", r->answer_code);
	add_labels(&labels, r, true);
	uint64_t *total = series(&m->totals, buf_str(&labels), sizeof(*total));
	if (total)
		++*total;
}

static void count_duration(struct metrics *m, const struct api_request *r)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(LABELS_MAX);
	int64_t spent = loop_now(m->server->env->loop) - r->x->started;

	add_labels(&labels, r, true);
	observe(&m->durations, &duration_buckets, buf_str(&labels), (double)spent / (double)SEC);
}

static void count_size(struct metrics *m, const struct api_request *r)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(LABELS_MAX);

	add_labels(&labels, r, false);
	observe(&m->sizes, &size_buckets, buf_str(&labels), (double)r->x->sent);
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
	uint64_t *asked = series(&m->deprecated, buf_str(&labels), sizeof(*asked));
	if (asked)
		*asked = 1;
}

void metrics_end(struct api_request *r)
{
	struct metrics *m = r->server->metrics;
	struct str method = r->x->request.method;

	--*r->under_way;
	if (!r->answered || !printable(r->path))
		return;
	count_total(m, r);
	count_deprecated(m, r);
	if (r->long_running)
		return;
	count_duration(m, r);
	if (str_eq(method, STR("GET")))
		count_size(m, r);
}
