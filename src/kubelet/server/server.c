#include "figures.h"

#include <kube/http_server.h>
#include <kube/log.h>
#include <kube/mem.h>

#include <stdarg.h>

/* ---- answers ---- */

struct op *node_request_op(struct node_request *r, op_done_fn *done)
{
	op_init(&r->op, &r->x->scope, done, OP_NO_DEADLINE);
	return &r->op;
}

void node_request_end(struct node_request *r)
{
	http_exchange_done(r->x);
}

static void answered(struct op *op, struct err *err)
{
	(void)err;
	node_request_end(CONTAINER_OF(op, struct node_request, op));
}

void node_answer(struct node_request *r, int status, const char *type, struct str body)
{
	r->headers[0] = (struct http_header){STR("Content-Type"), str_from(type)};
	http_respond(r->x, node_request_op(r, answered), status, r->headers, 1, body);
}

void node_answer_text(struct node_request *r, int status, const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	va_list args;

	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	node_answer(r, status, "text/plain; charset=utf-8", arena_str(r->arena, buf_str(&text)));
}

/* ---- pods ---- */

const struct cJSON *node_find_pod(
	struct node_request *r, struct str namespace, struct str name, struct str uid)
{
	const struct kubelet_server_pods *pods = &r->server->options.pods;
	const struct cJSON *const *list;
	size_t count = pods->list(pods->ctx, r->arena, &list);

	for (size_t i = 0; i < count; i++)
		if (str_eq(json_str(json_path(list[i], "metadata.namespace")), namespace) &&
			str_eq(json_str(json_path(list[i], "metadata.name")), name) &&
			(!uid.len || str_eq(json_str(json_path(list[i], "metadata.uid")), uid)))
			return list[i];
	return NULL;
}

const struct cJSON *pod_container_spec(const struct cJSON *pod, struct str name)
{
	static const char *const lists[] = {
		"spec.containers", "spec.initContainers", "spec.ephemeralContainers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(pod, lists[i]))
			if (str_eq(json_str(json_get(container, STR("name"))), name))
				return container;
	return NULL;
}

const struct sandbox *node_find_sandbox(struct node_request *r, const struct cJSON *pod)
{
	struct runtime *runtime = r->server->options.runtime;
	struct str uid = json_str(json_path(pod, "metadata.uid"));
	const struct sandbox *newest = NULL, *const * list;
	size_t count = runtime->ops->sandboxes(runtime, &list);

	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i]->uid, uid) && (!newest || list[i]->attempt >= newest->attempt))
			newest = list[i];
	return newest;
}

static bool is_of_pod(
	const struct sandbox *const *list, size_t count, struct str id, struct str uid)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i]->id, id))
			return str_eq(list[i]->uid, uid);
	return false;
}

/* Lists of the runtime may share their memory: the sandboxes' are kept aside. */
const struct container *node_find_container(
	struct node_request *r, const struct cJSON *pod, struct str name)
{
	struct runtime *runtime = r->server->options.runtime;
	struct str uid = json_str(json_path(pod, "metadata.uid"));
	const struct sandbox *const *sandboxes;
	const struct container *newest = NULL, *const * list;
	size_t sandbox_count = runtime->ops->sandboxes(runtime, &sandboxes);

	sandboxes = arena_copy(r->arena, sandbox_count ? (const void *)sandboxes : "",
		sandbox_count * sizeof(*sandboxes));
	size_t count = runtime->ops->containers(runtime, &list);
	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i]->name, name) &&
			is_of_pod(sandboxes, sandbox_count, list[i]->sandbox, uid) &&
			(!newest || list[i]->created >= newest->created))
			newest = list[i];
	return newest;
}

const struct container *node_container(struct kubelet_server *s, struct str id)
{
	const struct container *const *list;
	size_t count = s->options.runtime->ops->containers(s->options.runtime, &list);

	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i]->id, id))
			return list[i];
	return NULL;
}

/* ---- which handler ---- */

static const struct route {
	const char *first;  /* word of the path */
	size_t least, most; /* words behind it */
	const char *methods;
	const char *subresources; /* of the Node, that the API is asked about */
	enum served served;
	node_handler_fn *handler;
} routes[] = {
	{"healthz", 0, 1, "GET", "healthz proxy", SERVED_HEALTH, node_healthz},
	{"configz", 0, 0, "GET", "configz proxy", SERVED_ALL, node_configz},
	{"pods", 0, 0, "GET", "pods proxy", SERVED_FIGURES, node_pods},
	{"runningpods", 0, 0, "GET", "pods proxy", SERVED_ALL, node_running_pods},
	{"stats", 0, 1, "GET POST", "stats", SERVED_FIGURES, node_summary},
	{"containerLogs", 3, 3, "GET", "proxy", SERVED_ALL, node_logs},
	{"exec", 3, 4, "GET POST", "proxy", SERVED_ALL, node_exec},
	{"attach", 3, 4, "GET POST", "proxy", SERVED_ALL, node_attach},
	{"portForward", 2, 3, "GET POST", "proxy", SERVED_ALL, node_forward},
	{"run", 3, 4, "POST", "proxy", SERVED_ALL, node_run},
	{"logs", 0, PATH_PARTS_MAX, "GET", "log", SERVED_ALL, node_files},
	{"metrics", 0, 0, "GET", "metrics", SERVED_FIGURES, node_metrics},
	{"metrics/cadvisor", 0, 0, "GET", "metrics", SERVED_FIGURES, node_metrics_cadvisor},
	{"metrics/probes", 0, 0, "GET", "metrics", SERVED_FIGURES, node_metrics_probes},
	{"metrics/resource", 0, 0, "GET", "metrics", SERVED_FIGURES, node_metrics_resource},
};

static bool has_method(const struct route *route, struct str method)
{
	struct str rest = str_from(route->methods), word;

	while (str_next(&rest, ' ', &word))
		if (str_eq(word, method))
			return true;
	return false;
}

static bool is_at(const struct route *route, struct node_request *r)
{
	struct str words = str_from(route->first), word;
	size_t at = 0;

	while (str_next(&words, '/', &word))
		if (at >= r->part_count || !str_eq(r->parts[at++], word))
			return false;
	return r->part_count - at >= route->least && r->part_count - at <= route->most;
}

static void not_found(struct node_request *r)
{
	node_answer_text(r, 404, "404 page not found\n");
}

static void not_allowed(struct node_request *r)
{
	node_answer_text(r, 405, "405: Method Not Allowed");
}

static void not_debugged(struct node_request *r)
{
	node_answer_text(r, 405, "Debug endpoints are disabled.\n");
}

static void route_request(struct node_request *r)
{
	const struct route *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (is_at(&routes[i], r))
			found = &routes[i];
	bool here = found && found->served >= r->server->options.served;
	if (!found || (!here && r->server->options.unasked))
		node_authorize(r, "proxy", not_found);
	else if (!here)
		node_authorize(r, "proxy", not_debugged);
	else if (!has_method(found, r->x->request.method))
		node_authorize(r, found->subresources, not_allowed);
	else
		node_authorize(r, found->subresources, found->handler);
}

/* ---- requests ---- */

static int read_target(struct node_request *r, struct err *err)
{
	struct url url;
	int code =
		url_parse_request(r->arena, r->x->request.method, r->x->request.target, &url, err);

	if (!code)
		code = query_parse(r->arena, url.raw_query, &r->query, err);
	if (code)
		return code;
	struct str rest = r->path = url.path, part;
	while (str_next(&rest, '/', &part)) {
		if (!part.len)
			continue;
		if (r->part_count == PATH_PARTS_MAX)
			return err_set(err, ERR_NOT_FOUND, "404 page not found\n");
		r->parts[r->part_count++] = part;
	}
	return 0;
}

static void handle(void *ctx, struct http_exchange *x)
{
	struct node_request *r = arena_new(&x->arena, sizeof(*r));
	struct err err = {0};

	r->server = ctx;
	r->x = x;
	r->arena = &x->arena;
	int code = read_target(r, &err);
	if (code)
		node_answer_text(r, err_code_status(code), "%s", err_text(&err));
	else
		route_request(r);
	err_done(&err);
}

/* ---- life ---- */

int kubelet_server_new(struct env *env, struct scope *scope,
	const struct kubelet_server_options *options, struct kubelet_server **server,
	struct err *err)
{
	struct kubelet_server *s = mem_new(sizeof(*s));
	struct http_server_options http = {.handler = handle,
		.ctx = s,
		.tls = options->tls,
		.needs_tls = !options->unasked,
		.name = "kubelet",
		.limits.body_bytes = MIB};
	struct address bound;

	assert(!options->unasked || options->served != SERVED_ALL);
	s->env = env;
	arena_init(&s->arena);
	scope_init(&s->scope, scope, "kubelet server", NULL);
	s->options = *options;
	s->options.node_name = arena_str(&s->arena, options->node_name);
	s->options.cgroup_root = arena_str(&s->arena, options->cgroup_root);
	s->options.root_dir = arena_str(&s->arena, options->root_dir);
	s->options.image_dir = arena_str(&s->arena, options->image_dir);
	s->options.log_top = arena_str(&s->arena, options->log_top);
	s->access = caller_access_new(s);
	s->rates = rate_book_new();
	s->http = http_server_new(env, &s->scope, &http);
	int code = http_server_listen(s->http, &options->at, &bound, err);
	s->port = code ? 0 : bound.port;
	*server = s;
	return code;
}

uint16_t kubelet_server_port(const struct kubelet_server *s)
{
	return s->port;
}

void kubelet_server_set_tls(struct kubelet_server *s, struct tls_config *tls)
{
	http_server_set_tls(s->http, tls);
}

static void scope_closed(struct op *op, struct err *err)
{
	struct kubelet_server *s = CONTAINER_OF(op, struct kubelet_server, closed);

	(void)err;
	op_finish(TAKE(s->stopping), 0);
}

static void http_stopped(struct op *op, struct err *err)
{
	struct kubelet_server *s = CONTAINER_OF(op, struct kubelet_server, closed);

	(void)err;
	op_init(op, s->scope.parent, scope_closed, OP_NO_DEADLINE);
	scope_close(&s->scope, op);
}

void kubelet_server_stop(struct kubelet_server *s, struct op *op, int64_t grace)
{
	static const struct op_kind kind = {.name = "kubelet server stop"};

	op_begin_always(op, &kind, s);
	s->stopping = op;
	op_init(&s->closed, s->scope.parent, http_stopped, OP_NO_DEADLINE);
	http_server_stop(s->http, &s->closed, grace);
}

void kubelet_server_free(struct kubelet_server *s)
{
	if (!s)
		return;
	http_server_free(s->http);
	caller_access_free(s->access);
	rate_book_free(s->rates);
	arena_done(&s->arena);
	mem_free(s);
}
