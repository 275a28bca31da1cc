/* Paths that are no resources, each with who answers it. */
#include "access.h"
#include "api_options.h"
#include "discovery.h"
#include "fair.h"
#include "health.h"
#include "metrics.h"
#include "negotiate.h"
#include "openapi.h"
#include "pprof.h"
#include "respond.h"
#include "store_copy.h"
#include "version.h"

#include <kube/log.h>

#include <stdlib.h>

static stage_fn serve_index, serve_debug_tasks, serve_debug_verbosity, refuse_method;

static const struct plain {
	const char *path;
	stage_fn *run;
	bool only_get;
	bool debug; /* off without --profiling */
} paths[] = {
	{"/", serve_index, false, false},
	{"/index.html", serve_index, false, false},
	{"/.well-known/openid-configuration", serve_openid_configuration, false, false},
	{"/openid/v1/jwks", serve_jwks, false, false},
	{"/flagz", serve_flagz, true, false},
	{"/metrics", serve_metrics, false, false},
	{"/metrics/slis", serve_metrics_slis, false, false},
	{"/openapi/v2", serve_openapi_v2, false, false},
	{"/openapi/v3", serve_openapi_v3_index, false, false},
	{"/statusz", serve_statusz, true, false},
	{"/version", serve_version, true, false},
	{"/version/", serve_version, true, false},
	{"/debug/tasks", serve_debug_tasks, false, true},
	{"/debug/flags/v", serve_debug_verbosity, false, true},
	{"/debug/api_priority_and_fairness/dump_priority_levels", serve_flow_levels, false, true},
	{"/debug/api_priority_and_fairness/dump_queues", serve_flow_queues, false, true},
	{"/debug/api_priority_and_fairness/dump_requests", serve_flow_requests, false, true},
	{"/debug/store", serve_store_copy, true, false},
};

static bool is_below(struct str path, struct str root)
{
	return str_starts(path, root) && (path.len == root.len || path.at[root.len] == '/');
}

static void refuse_method(struct api_request *r)
{
	request_fail(r, status_method_not_allowed(r->arena));
}

/* The list of groups and the versions' documents are served by different parts of upstream. */
static stage_fn *discovery_handler(const struct api_request *r)
{
	bool groups = str_eq(r->path, STR("/apis")) || str_eq(r->path, STR("/apis/"));

	if (groups || str_eq(r->method, STR("GET")))
		return serve_discovery;
	return refuse_method;
}

stage_fn *plain_handler(struct api_request *r)
{
	if (health_has(r->server, r->path))
		return serve_health;
	if ((is_below(r->path, STR("/api")) || is_below(r->path, STR("/apis"))) &&
		!str_ends(r->path, STR("//")))
		return discovery_handler(r);
	if (str_starts(r->path, STR("/openapi/v3/")))
		return serve_openapi_v3;
	if (pprof_handler(r->path))
		return r->server->options->profiling ? pprof_handler(r->path) : NULL;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const struct plain *p = &paths[i];

		if (!str_eq_text(r->path, p->path))
			continue;
		if (p->debug && !r->server->options->profiling)
			return NULL;
		return p->only_get && !str_eq(r->method, STR("GET")) ? refuse_method : p->run;
	}
	return NULL;
}

/* ---- the list of paths ---- */

static int compare_paths(const void *left, const void *right)
{
	return str_cmp(*(const struct str *)left, *(const struct str *)right);
}

struct path_list {
	struct arena *arena;
	struct str *items;
	size_t count, cap;
};

static void add_path(struct path_list *l, struct str path)
{
	for (size_t i = 0; i < l->count; i++)
		if (str_eq(l->items[i], path))
			return;
	if (l->count < l->cap)
		l->items[l->count++] = path;
}

static void add_groups(struct path_list *l, const struct discovery *d)
{
	const struct resource *res;

	add_path(l, STR("/api"));
	add_path(l, STR("/apis"));
	add_path(l, STR("/apis/"));
	for (size_t i = 0; (res = discovery_at(d, i)); i++) {
		if (res->level == LEVEL_REMOVED)
			continue;
		if (!res->group.len) {
			add_path(l, arena_print(l->arena, "/api/%.*s", STRF(res->version)));
			continue;
		}
		add_path(l, arena_print(l->arena, "/apis/%.*s", STRF(res->group)));
		add_path(l, arena_print(l->arena, "/apis/%.*s/%.*s", STRF(res->group),
				    STRF(res->version)));
	}
}

static void serve_index(struct api_request *r)
{
	struct path_list l = {.arena = r->arena, .cap = 1024};
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	struct str health;

	l.items = arena_new(r->arena, l.cap * sizeof(*l.items));
	add_groups(&l, r->server->discovery);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (paths[i].run != serve_index &&
			!str_starts(str_from(paths[i].path), STR("/debug/")) &&
			!str_eq_text(STR("/version/"), paths[i].path))
			add_path(&l, str_from(paths[i].path));
	add_path(&l, STR("/openapi/v3/"));
	for (size_t i = 0; (health = health_path(r->server, r->arena, i)).len; i++)
		add_path(&l, health);
	qsort(l.items, l.count, sizeof(*l.items), compare_paths);
	buf_add_text(&out, "{\n  \"paths\": [\n");
	for (size_t i = 0; i < l.count; i++) {
		buf_add_text(&out, "    ");
		json_print_str(&out, l.items[i]);
		buf_add_text(&out, i + 1 < l.count ? ",\n" : "\n");
	}
	buf_add_text(&out, "  ]\n}");
	answer_text(r, 200, "application/json", buf_str(&out));
}

/* ---- looking inside; authorization has let only those in who may ---- */

static void serve_debug_tasks(struct api_request *r)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * MIB);

	loop_dump(r->server->env->loop, &out);
	answer_text(r, 200, "text/plain; charset=utf-8", buf_str(&out));
}

static void verbosity_read(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);
	int64_t level;

	if (err->code) {
		request_fail_err(r, err);
		return;
	}
	if (!str_to_i64(str_trim(buf_str(&r->body)), &level) || level < 0 || level > 100) {
		answer_text(r, 400, "text/plain; charset=utf-8",
			STR("a number from 0 to 100 was expected\n"));
		return;
	}
	log_set_verbosity((int)level);
	answer_text(r, 200, "text/plain; charset=utf-8",
		arena_print(r->arena, "successfully set klog.logging.verbosity to %lld",
			(long long)level));
}

static void serve_debug_verbosity(struct api_request *r)
{
	if (!str_eq(r->method, STR("PUT"))) {
		answer_text(r, 405, "text/plain; charset=utf-8",
			STR("unrecognized http method, only PUT is supported\n"));
		return;
	}
	op_init(&r->op, &r->x->scope, verbosity_read, r->deadline);
	http_read_all(r->x, &r->op, &r->body, 64);
}
