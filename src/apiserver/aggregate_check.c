/*
 * Is the server behind an APIService available? Its service must be there, listen on the port and
 * have slices with ready endpoints, and its discovery must answer; what it answers is kept for
 * ours.
 */
#include "aggregate_private.h"
#include "go_words.h"
#include "metrics.h"
#include "respond.h"

#include <kube/api_codec.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#define PATIENCE   (5 * SEC)
#define ATTEMPTS   5 /* upstream's, which makes them at once */
#define ANSWER_MAX (4 * MIB)

enum check_step { CHECK_BEGIN, CHECK_HEAD, CHECK_BODY, CHECK_WRITTEN };
static const char *const check_steps[] = {"begin", "head", "body", "written"};

struct aggregate_check {
	struct task task;
	struct op whole;
	struct aggregate *aggregate;
	struct arena arena;
	struct str name, url;
	struct backend *backend;
	struct http_call call;
	bool called;
	struct buf answer;
	struct own_write write;
	int64_t patience;
	int attempts;
	/* the finding */
	const char *reason;
	struct str message;
	bool available;
};

/* ---- what is to be seen in the store ---- */

static void find(struct aggregate_check *c, const char *reason, const char *format, ...)
	KUBE_PRINTF(3, 4);
static void find(struct aggregate_check *c, const char *reason, const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	va_list args;

	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	c->reason = reason;
	c->message = arena_str(&c->arena, buf_str(&text));
}

static bool find_port(const struct cJSON *service, int64_t port, struct str *name)
{
	json_each (p, json_path(service, "spec.ports"))
		if (tree_int(p, "port", 0) == port) {
			*name = tree_str(p, "name");
			return true;
		}
	return false;
}

static bool has_ready(const struct cJSON *slice)
{
	json_each (endpoint, json_get(slice, STR("endpoints")))
		if (service_endpoint_is_ready(endpoint))
			return true;
	return false;
}

static bool has_port(const struct cJSON *slice, struct str name)
{
	json_each (p, json_get(slice, STR("ports")))
		if (str_eq(tree_str(p, "name"), name) && json_get(p, STR("port")))
			return true;
	return false;
}

static void check_slices(struct aggregate_check *c, const struct remote *m, struct str port)
{
	struct str space = m->target.service.namespace, name = m->target.service.name;
	struct service_slices slices =
		service_slices_seek(c->aggregate->server, &c->arena, space, name);
	const struct cJSON *slice;
	size_t count = 0;

	for (; (slice = service_slices_next(&slices, &c->arena)); count++)
		if (has_ready(slice) && has_port(slice, port))
			return;
	if (!count)
		find(c, "EndpointsNotFound",
			"cannot find endpointslices for service/%.*s in \"%.*s\"", STRF(name),
			STRF(space));
	else
		find(c, "MissingEndpoints",
			"endpointslices for service/%.*s in \"%.*s\" have no addresses with port "
			"name \"%.*s\"",
			STRF(name), STRF(space), STRF(port));
}

/* true: nothing speaks against asking it. */
static bool check_service(struct aggregate_check *c, const struct remote *m)
{
	struct api_server *s = c->aggregate->server;
	struct str space = m->target.service.namespace, name = m->target.service.name;
	long long port = m->target.service.port;
	const struct cJSON *service = server_read(s, &c->arena, "", "services", space, name);
	struct str port_name;

	if (!service) {
		find(c, "ServiceNotFound", "service/%.*s in \"%.*s\" is not present", STRF(name),
			STRF(space));
		return false;
	}
	if (!str_eq_text(tree_str(service, "spec.type"), "ClusterIP"))
		return true;
	if (!find_port(service, port, &port_name)) {
		find(c, "ServicePortError",
			"service/%.*s in \"%.*s\" is not listening on port %lld", STRF(name),
			STRF(space), port);
		return false;
	}
	check_slices(c, m, port_name);
	return c->reason == NULL;
}

/* ---- what it says itself ---- */

static struct remote *remote_of(struct aggregate_check *c)
{
	list_each (l, &c->aggregate->all) {
		struct remote *m = LIST_ENTRY(l, struct remote, in_all);

		if (str_eq(m->name, c->name))
			return m;
	}
	return NULL;
}

static void failed(struct aggregate_check *c, struct str why)
{
	find(c, "FailedDiscoveryCheck", "failing or missing response from %.*s: %.*s", STRF(c->url),
		STRF(why));
}

static void unanswered(struct aggregate_check *c, const struct err *err)
{
	struct str why = STR("context deadline exceeded (Client.Timeout exceeded while awaiting "
			     "headers)");

	if (err->code != ERR_TIMEOUT)
		why = go_words(&c->arena, err);
	failed(c, arena_print(&c->arena, "Get \"%.*s\": %.*s", STRF(c->url), STRF(why)));
}

static void send_question(struct aggregate_check *c, const struct remote *m)
{
	struct http_call *call = &c->call;
	struct str path = arena_print(
			   &c->arena, "/apis/%.*s/%.*s", STRF(m->group), STRF(m->version)),
		   master = STR("system:masters");
	struct api_user aggregator = {
		.name = STR("system:kube-aggregator"), .groups = &master, .group_count = 1};

	c->url = arena_print(&c->arena, "%.*s%.*s", STRF(backend_resolved(c->backend)), STRF(path));
	http_call_init(call, backend_client(c->backend), STR("GET"), STR(""));
	c->called = true;
	call->url =
		arena_print(&call->arena, "%.*s%.*s", STRF(backend_base(c->backend)), STRF(path));
	aggregate_add_user(&call->arena, &call->headers, &aggregator);
	backend_add_headers(c->backend, &call->arena, &call->headers);
	http_headers_add(&call->arena, &call->headers, STR("Accept"), STR("application/json"));
	http_call_start(call, task_await(&c->task, CHECK_HEAD, c->patience));
}

static bool ask(struct aggregate_check *c, const struct remote *m)
{
	struct aggregate *a = c->aggregate;
	struct backend_target target = m->target;
	_cleanup_(err_done) struct err err = {0};

	c->attempts++;
	target.as = aggregate_identity(a, &err);
	if (!target.as || backend_take(a->server->backends, &target, &c->backend, &err)) {
		find(c, "FailedDiscoveryCheck", "%s", err_text(&err));
		return false;
	}
	send_question(c, m);
	return true;
}

static void let_go(struct aggregate_check *c)
{
	if (c->called)
		http_call_done(&c->call);
	c->called = false;
	backend_give(TAKE(c->backend));
}

/* Of several endpoints one may be dead: whether any of them answers is what counts. */
static bool asks_again(struct aggregate_check *c, const struct remote *m)
{
	if (c->attempts == ATTEMPTS || loop_now(c->aggregate->server->env->loop) >= c->patience)
		return false;
	let_go(c);
	return ask(c, m);
}

static bool has_answered(struct aggregate_check *c)
{
	if (c->call.status < 200 || c->call.status >= 300) {
		failed(c, arena_print(&c->arena, "bad status from %.*s: %d", STRF(c->url),
				  c->call.status));
		return false;
	}
	c->available = true;
	find(c, "Passed", "all checks passed");
	return true;
}

/* What it serves; as long as it does not say so, that is what it said before. */
static void take_answer(struct aggregate_check *c, struct remote *m)
{
	struct arena fresh;
	struct cJSON *tree;

	arena_init(&fresh);
	if (json_parse(&fresh, arena_str(&fresh, buf_str(&c->answer)), NULL, &tree, NULL)) {
		arena_done(&fresh);
		return;
	}
	if (!m->resources || !json_equal(m->resources, tree) || m->stale)
		c->aggregate->serial++;
	arena_done(&m->said);
	m->said = fresh;
	m->resources = tree;
	m->stale = false;
}

/* ---- the condition ---- */

static bool is_same(const struct cJSON *condition, struct aggregate_check *c)
{
	return str_eq_text(tree_str(condition, "status"), c->available ? "True" : "False") &&
	       str_eq_text(tree_str(condition, "reason"), c->reason) &&
	       str_eq(tree_str(condition, "message"), c->message);
}

static const struct cJSON *condition_of(const struct cJSON *tree)
{
	json_each (condition, json_path(tree, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), "Available"))
			return condition;
	return NULL;
}

static struct cJSON *make_condition(struct aggregate_check *c, const struct cJSON *before)
{
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);
	struct cJSON *condition = json_new(&c->arena, JSON_OBJECT);
	const char *status = c->available ? "True" : "False";
	struct str since = tree_str(before, "lastTransitionTime");

	if (!since.len || !str_eq_text(tree_str(before, "status"), status)) {
		time_print(&now, env_wall(c->aggregate->server->env) / SEC * SEC);
		since = buf_str(&now);
	}
	tree_set_str(&c->arena, condition, "type", STR("Available"));
	tree_set_str(&c->arena, condition, "status", str_from(status));
	tree_set_str(&c->arena, condition, "lastTransitionTime", since);
	tree_set_str(&c->arena, condition, "reason", str_from(c->reason));
	tree_set_str(&c->arena, condition, "message", c->message);
	return condition;
}

/* Those that others have set stay. */
static struct cJSON *make_conditions(struct aggregate_check *c, const struct cJSON *tree)
{
	struct cJSON *list = json_new(&c->arena, JSON_ARRAY);
	const struct cJSON *before = condition_of(tree);

	json_each (condition, json_path(tree, "status.conditions"))
		json_append(list, condition == before ? make_condition(c, before)
						      : json_copy(&c->arena, condition));
	if (!before)
		json_append(list, make_condition(c, NULL));
	return list;
}

/* false: it says so already. */
static bool write_condition(struct aggregate_check *c)
{
	struct object *o = store_get(c->aggregate->services, c->name);
	struct cJSON *tree;

	if (!o || !object_scan(o, "spec.service").len)
		return false;
	tree = object_tree(&c->arena, o);
	if (condition_of(tree) && is_same(condition_of(tree), c))
		return false;
	tree_set(&c->arena, tree, "status.conditions", make_conditions(c, tree));
	c->write = (struct own_write){.resource = resource_find(STR("apiregistration.k8s.io"),
					      STR("v1"), STR("apiservices")),
		.object = tree};
	server_write(c->aggregate->server, task_await(&c->task, CHECK_WRITTEN, OP_NO_DEADLINE),
		&c->write);
	return true;
}

/* ---- one check ---- */

void aggregate_count(struct aggregate *a)
{
	struct metrics *metrics = a->server->metrics;
	_cleanup_(arena_done) struct arena scratch;

	arena_init(&scratch);
	metrics_clear(metrics, METRIC_SERVICE_UNAVAILABLE);
	list_each (l, &a->all) {
		const struct remote *m = LIST_ENTRY(l, struct remote, in_all);

		*metrics_number(metrics, METRIC_SERVICE_UNAVAILABLE,
			arena_print(&scratch, "name=\"%.*s\"", STRF(m->name))) = !m->available;
	}
}

static void count(struct aggregate_check *c, struct remote *m)
{
	if (m->available && !c->available)
		++*metrics_number(c->aggregate->server->metrics, METRIC_SERVICE_LOST,
			arena_print(&c->arena, "name=\"%.*s\",reason=\"%s\"", STRF(m->name),
				c->reason));
	m->available = c->available;
	aggregate_count(c->aggregate);
}

static void conclude(struct aggregate_check *c)
{
	struct remote *m = remote_of(c);

	let_go(c);
	if (m && !c->available && m->resources && !m->stale) {
		m->stale = true;
		c->aggregate->serial++;
	}
	if (m && m->available != c->available) /* whoever is back may say something else */
		m->spec_due = 0;
	if (m)
		count(c, m);
	if (!write_condition(c))
		task_finish(&c->task, 0);
}

static void check_run(struct task *t, struct err *err)
{
	struct aggregate_check *c = CONTAINER_OF(t, struct aggregate_check, task);
	struct remote *m = remote_of(c);
	bool ours = err->code == ERR_CANCELLED && scope_closing(&c->aggregate->server->scope);

	if (ours || (err->code && t->step == CHECK_WRITTEN) || !m) {
		let_go(c);
		task_finish(t, 0); /* somebody else has written: it is looked at again */
		return;
	}
	if (err->code && t->step == CHECK_HEAD)
		unanswered(c, err);
	if (err->code) {
		if (t->step != CHECK_HEAD || !asks_again(c, m))
			conclude(c);
		return;
	}
	switch ((enum check_step)t->step) {
	case CHECK_BEGIN:
		c->patience = loop_in(c->aggregate->server->env->loop, PATIENCE);
		if (!check_service(c, m) || !ask(c, m))
			conclude(c);
		return;
	case CHECK_HEAD:
		if (has_answered(c))
			http_call_read_all(&c->call, task_await(t, CHECK_BODY, c->patience),
				&c->answer, ANSWER_MAX);
		else if (!asks_again(c, m))
			conclude(c);
		return;
	case CHECK_BODY:
		take_answer(c, m);
		conclude(c);
		return;
	case CHECK_WRITTEN:
		task_finish(t, 0);
		return;
	}
}

static const struct task_kind check_kind = TASK_KIND("api service check", check_steps, check_run);

static void checked(struct op *op, struct err *err)
{
	struct aggregate_check *c = CONTAINER_OF(op, struct aggregate_check, whole);
	struct aggregate *a = c->aggregate;
	struct remote *m = remote_of(c);

	err_done(err);
	if (m)
		m->checking = false;
	let_go(c);
	buf_done(&c->answer);
	arena_done(&c->arena);
	mem_free(c);
	a->checks--;
	aggregate_check_due(a);
}

void aggregate_check_start(struct aggregate *a, struct remote *m)
{
	struct aggregate_check *c = mem_new(sizeof(*c));

	arena_init(&c->arena);
	buf_init(&c->answer, ANSWER_MAX);
	c->aggregate = a;
	c->name = arena_str(&c->arena, m->name);
	m->checking = true;
	a->checks++;
	op_init(&c->whole, &a->server->scope, checked, OP_NO_DEADLINE);
	task_start(&c->task, &check_kind, &c->whole);
}
