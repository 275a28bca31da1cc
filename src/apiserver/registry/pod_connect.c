/*
 * pods/log, exec, attach, portforward: options and the pod are judged here, the kubelet of its node
 * does the rest.
 */
#include "access.h"
#include "api_options.h"
#include "nodes.h"
#include "passage.h"
#include "registry.h"

#include <kube/time.h>
#include <kube/websocket.h>

/* ---- which container ---- */

static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers", NULL};

static bool has_container(const struct cJSON *spec, struct str name)
{
	for (size_t i = 0; lists[i]; i++)
		json_each (container, json_get(spec, str_from(lists[i])))
			if (str_eq(tree_str(container, "name"), name))
				return true;
	return false;
}

static struct status *choose_container(
	struct api_request *r, const struct cJSON *pod, struct str *name)
{
	const struct cJSON *spec = json_get(pod, STR("spec"));
	const struct cJSON *containers = json_get(spec, STR("containers"));
	_cleanup_(buf_done) struct buf names = BUF_INIT(1 * MIB);

	request_query(r, "container", name);
	if (name->len && !has_container(spec, *name))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"container %.*s is not valid for pod %.*s", STRF(*name), STRF(r->name));
	if (!name->len && json_count(containers) == 1)
		*name = tree_str(json_first(containers), "name");
	if (name->len)
		return NULL;
	for (size_t i = 0; lists[i]; i++)
		json_each (container, json_get(spec, str_from(lists[i])))
			buf_print(&names, "%s%.*s", names.len ? " " : "",
				STRF(tree_str(container, "name")));
	return status_new(r->arena, ERR_BAD_REQUEST,
		"a container name must be specified for pod %.*s, choose one of: [%.*s]",
		STRF(r->name), STRF(buf_str(&names)));
}

static struct status *find_pod(struct api_request *r, struct cJSON **pod)
{
	struct object *o = registry_find(r);

	if (!o)
		return status_not_found(r->arena, r->resource, r->name);
	*pod = object_tree(r->arena, o);
	return NULL;
}

/* ---- the kubelet's address, and what is asked there ---- */

struct question {
	struct buf url;
	bool has_query;
};

static void add_part(struct question *q, struct str part)
{
	buf_add_char(&q->url, '/');
	url_escape_path(&q->url, part);
}

static void add_option(struct question *q, const char *name, struct str value)
{
	buf_print(&q->url, "%c%s=", q->has_query ? '&' : '?', name);
	url_escape_query(&q->url, value);
	q->has_query = true;
}

/* false: the request has been answered. */
static bool reach(struct api_request *r, const struct cJSON *pod, const char *what,
	struct question *q, struct passage_options *o)
{
	_cleanup_(err_done) struct err err = {0};
	struct str base;
	struct status *s = nodes_locate(r->server, r->arena, tree_str(pod, "spec.nodeName"), &base);

	if (!s && !(o->client = nodes_kubelets(r->server->nodes, &err)))
		s = status_internal(r->arena, "%s", err_text(&err));
	if (s) {
		request_fail(r, s);
		return false;
	}
	buf_init(&q->url, 64 * KIB);
	buf_add_str(&q->url, base);
	add_part(q, str_from(what));
	add_part(q, r->namespace);
	add_part(q, r->name);
	return true;
}

static void ask(struct api_request *r, struct question *q, struct passage_options *o)
{
	bool fits = !buf_over(&q->url);

	o->url = arena_str(r->arena, buf_str(&q->url));
	buf_done(&q->url);
	if (fits)
		passage_start(r, o);
	else
		request_fail(r, status_new(r->arena, ERR_TOO_LARGE, "the command is too long"));
}

/* ---- log ---- */

struct log_options {
	bool has_tail, has_bytes, has_seconds, has_time;
	int64_t tail, bytes, seconds, time;
};

static struct status *read_number(
	struct api_request *r, const char *name, bool *has, int64_t *number)
{
	struct str text;

	*has = request_query(r, name, &text) && text.len;
	if (!*has || str_to_i64(text, number))
		return NULL;
	return status_new(r->arena, ERR_BAD_REQUEST,
		"strconv.ParseInt: parsing %.*s: invalid syntax",
		STRF(field_quote(r->arena, text)));
}

static struct status *read_log_options(struct api_request *r, struct log_options *o)
{
	_cleanup_(err_done) struct err err = {0};
	struct str since;
	struct status *s = read_number(r, "sinceSeconds", &o->has_seconds, &o->seconds);

	if (!s)
		s = read_number(r, "tailLines", &o->has_tail, &o->tail);
	if (!s)
		s = read_number(r, "limitBytes", &o->has_bytes, &o->bytes);
	o->has_time = request_query(r, "sinceTime", &since) && since.len;
	if (!s && o->has_time && time_parse(since, &o->time, &err))
		s = status_new(r->arena, ERR_BAD_REQUEST, "%s", err_text(&err));
	return s;
}

static struct status *check_log_options(struct api_request *r, const struct log_options *o)
{
	struct field_errors e = {.arena = r->arena};

	if (o->has_tail && o->tail < 0)
		field_invalid_int(&e, &PATH(NULL, "tailLines"), o->tail,
			"must be greater than or equal to 0");
	if (o->has_bytes && o->bytes < 1)
		field_invalid_int(
			&e, &PATH(NULL, "limitBytes"), o->bytes, "must be greater than 0");
	if (o->has_seconds && o->has_time)
		field_forbidden(&e, &PATH_KEY(NULL, STR("")),
			"at most one of `sinceTime` or `sinceSeconds` may be specified");
	else if (o->has_seconds && o->seconds < 1)
		field_invalid_int(
			&e, &PATH(NULL, "sinceSeconds"), o->seconds, "must be greater than 0");
	return status_invalid(r->arena, STR(""), STR("PodLogOptions"), r->name, &e);
}

static void add_log_options(struct api_request *r, const struct log_options *o, struct question *q)
{
	static const char *const switches[] = {"follow", "previous", "timestamps"};
	const struct {
		const char *name;
		bool has;
		int64_t value;
	} numbers[] = {{"sinceSeconds", o->has_seconds, o->seconds},
		{"tailLines", o->has_tail, o->tail}, {"limitBytes", o->has_bytes, o->bytes}};
	struct str since;

	for (size_t i = 0; i < ARRAY_LEN(switches); i++)
		if (request_is_on(r, switches[i]))
			add_option(q, switches[i], STR("true"));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (numbers[i].has)
			add_option(q, numbers[i].name,
				arena_print(r->arena, "%lld", (long long)numbers[i].value));
	if (o->has_time && request_query(r, "sinceTime", &since))
		add_option(q, "sinceTime", since);
}

void handle_log(struct api_request *r)
{
	struct passage_options to = {.kind = PASSAGE_LOG};
	struct log_options options = {0};
	struct question q = {0};
	struct cJSON *pod = NULL;
	struct str container = {0};
	struct status *s = read_log_options(r, &options);

	if (!s)
		s = check_log_options(r, &options);
	if (!s)
		s = find_pod(r, &pod);
	if (!s)
		s = choose_container(r, pod, &container);
	if (s) {
		request_fail(r, s);
		return;
	}
	if (!tree_str(pod, "spec.nodeName").len) {
		answer_text(r, 204, NULL, STR("")); /* it has said nothing yet */
		return;
	}
	if (!reach(r, pod, "containerLogs", &q, &to))
		return;
	add_part(&q, container);
	add_log_options(r, &options, &q);
	ask(r, &q, &to);
}

/* ---- exec, attach, portforward ---- */

/*
 * A WebSocket begins with a GET: who may only look must not act by it, so that creating is asked
 * for, too.
 */
static struct status *check_rights(struct api_request *r)
{
	struct access_query q = access_query_of(r);
	struct str reason;

	if (!str_eq_text(r->method, "GET") ||
		!http_wants_upgrade(&r->x->request, WEBSOCKET_PROTOCOL) ||
		!api_gate(r->server->options, "AuthorizePodWebsocketUpgradeCreatePermission"))
		return NULL;
	q.verb = STR("create");
	if (authz_ask(r->server->authz, r->arena, &q, &reason) == ACCESS_ALLOW)
		return NULL;
	return access_forbidden(r->arena, &q, reason);
}

static void add_streams(struct api_request *r, struct question *q)
{
	static const char *const streams[][2] = {
		{"stdin", "input"}, {"stdout", "output"}, {"stderr", "error"}, {"tty", "tty"}};

	for (size_t i = 0; i < ARRAY_LEN(streams); i++)
		if (request_is_on(r, streams[i][0]))
			add_option(q, streams[i][1], STR("1"));
}

/* What may stand there several times. */
static void add_all(struct api_request *r, const char *from, const char *to, struct question *q)
{
	for (size_t i = 0; i < r->parameters.count; i++)
		if (str_eq_text(r->parameters.pairs[i].key, from))
			add_option(q, to, r->parameters.pairs[i].value);
}

static void connect_exec(struct api_request *r)
{
	struct passage_options to = {.kind = PASSAGE_COMMAND};
	bool forward = str_eq_text(r->subresource, "portforward");
	struct question q = {0};
	struct cJSON *pod = NULL;
	struct str container = {0};
	struct status *s = check_rights(r);

	if (access_is_pending(r)) {
		access_wait_again(r, handle_exec);
		return;
	}
	if (!s)
		s = find_pod(r, &pod);
	if (!s && !forward)
		s = choose_container(r, pod, &container);
	if (!s && !tree_str(pod, "spec.nodeName").len)
		s = status_new(r->arena, ERR_BAD_REQUEST, "pod %.*s does not have a host assigned",
			STRF(r->name));
	if (s) {
		request_fail(r, s);
		return;
	}
	if (!reach(r, pod, forward ? "portForward" : arena_str(r->arena, r->subresource).at, &q,
		    &to))
		return;
	if (forward) {
		add_all(r, "ports", "port", &q);
	} else {
		add_part(&q, container);
		add_streams(r, &q);
		add_all(r, "command", "command", &q);
	}
	ask(r, &q, &to);
}

void handle_exec(struct api_request *r)
{
	registry_admit_connect(r, connect_exec);
}
