/* What is counted of each request. */
#include "fair.h"
#include "metrics_private.h"

#include <kube/mem.h>
#include <kube/time.h>

#define LABELS_MAX   (4 * KIB)
#define KNOWN_PLACES 64

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

/* ---- the beginning ---- */

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

/* ---- what is counted of answers, looked up once ---- */

/* All that labels are made of, and the series that they lead to. */
struct known_series {
	const struct resource *resource; /* NULL: nothing stands here yet */
	const struct subresource *sub;
	const char *scope, *verb;
	int code;
	bool dry_run;
	int64_t *answers;
	struct histogram *spent, *served, *size;
};

/*
 * One place for each kind of request, shared by those whose hashes meet: who comes later drives the
 * other out. Types of custom resources come and go, and paths are endless: these have none.
 */
static struct known_series *known_place(struct metrics *m, const struct known_series *k)
{
	uintptr_t hash = (uintptr_t)k->resource / sizeof(*k->resource);

	if (!k->resource || k->resource->custom)
		return NULL;
	hash = hash * 31 + (uintptr_t)k->sub / sizeof(*k->sub);
	hash = hash * 31 + (uintptr_t)k->scope;
	hash = hash * 31 + (uintptr_t)k->verb;
	hash = hash * 31 + (uintptr_t)k->code * 2 + k->dry_run;
	if (!m->known)
		m->known = mem_new(KNOWN_PLACES * sizeof(*m->known));
	return &m->known[(hash ^ hash >> 6 ^ hash >> 12) % KNOWN_PLACES];
}

static bool same_labels(const struct known_series *a, const struct known_series *b)
{
	return a->resource == b->resource && a->sub == b->sub && a->scope == b->scope &&
	       a->verb == b->verb && a->code == b->code && a->dry_run == b->dry_run;
}

/* `spare` is used where there is no place. */
static struct known_series *known_of(
	struct metrics *m, const struct api_request *r, struct known_series *spare)
{
	struct known_series *place;

	*spare = (struct known_series){.resource = r->resource,
		.sub = r->sub,
		.scope = scope_label(r),
		.verb = verb_label(r),
		.code = r->answer_code,
		.dry_run = r->options.dry_run};
	place = known_place(m, spare);
	if (!place)
		return spare;
	if (!same_labels(place, spare))
		*place = *spare;
	return place;
}

static void count_answer(struct metrics *m, const struct api_request *r, struct known_series *k)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(LABELS_MAX);

	if (!k->answers) {
		buf_print(&labels, "code=\"%d\",", r->answer_code);
		add_labels(&labels, r, true);
		k->answers = metrics_number(m, METRIC_REQUESTS, buf_str(&labels));
	}
	++*k->answers;
	if (r->answer_code != 429 && r->answer_code != 504)
		return;
	buf_clear(&labels);
	buf_print(&labels, "code=\"%d\",", r->answer_code);
	add_labels(&labels, r, false);
	++*metrics_number(m, METRIC_TERMINATED, buf_str(&labels));
}

static void observe(struct metrics *m, const struct api_request *r, enum metric_histogram which,
	struct histogram **h, double value)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(LABELS_MAX);

	if (!*h) {
		add_labels(&labels, r, which == METRIC_DURATION);
		*h = metrics_histogram(m, which, buf_str(&labels));
	}
	metrics_observe_in(which, *h, value);
}

static void measure(struct metrics *m, const struct api_request *r, struct known_series *k)
{
	int64_t spent = loop_now(m->server->env->loop) - r->x->started;
	int64_t served = spent - fair_waited(r);

	observe(m, r, METRIC_DURATION, &k->spent, (double)spent / (double)SEC);
	observe(m, r, METRIC_SLI_DURATION, &k->served, (double)served / (double)SEC);
	if (str_eq(r->x->request.method, STR("GET")))
		observe(m, r, METRIC_SIZE, &k->size, (double)r->x->sent);
}

/* ---- the end ---- */

static void count_abort(struct metrics *m, const struct api_request *r)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(LABELS_MAX);

	if (r->long_running || !printable(r->path))
		return;
	add_labels(&labels, r, false);
	++*metrics_number(m, METRIC_ABORTED, buf_str(&labels));
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
	struct known_series spare, *k;

	--*r->under_way;
	if (!r->answered)
		count_abort(m, r);
	if (!r->answered || !printable(r->path))
		return;
	k = known_of(m, r, &spare);
	count_answer(m, r, k);
	count_deprecated(m, r);
	if (!r->long_running)
		measure(m, r, k);
}
