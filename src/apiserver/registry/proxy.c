/*
 * pods/proxy, services/proxy, nodes/proxy: whatever is asked below …/NAME/proxy goes to a port of
 * the pod, to an endpoint of the service, to the kubelet.
 */
#include "nodes.h"
#include "passage.h"
#include "registry.h"

#include <kube/random.h>

/* "scheme:name:port", "name:port" or "name". */
struct target {
	struct str scheme, name, port;
};

static bool split_name(struct str id, bool any_scheme, struct target *t)
{
	struct str parts[3], rest = id;
	size_t count = 0;

	*t = (struct target){0};
	while (count < ARRAY_LEN(parts) && str_next(&rest, ':', &parts[count]))
		count++;
	if (rest.at)
		return false;
	if (count == 3)
		t->scheme = parts[0];
	t->name = parts[count == 3 ? 1 : 0];
	t->port = count > 1 ? parts[count - 1] : STR("");
	return t->name.len && (any_scheme || !t->scheme.len || str_eq_text(t->scheme, "http") ||
				      str_eq_text(t->scheme, "https"));
}

static bool is_https(const struct target *t)
{
	return str_eq_text(t->scheme, "https");
}

/* ---- the way ---- */

/* What stands before `rest` in the path that was asked for, up to and with "/proxy". */
static struct str outside_of(struct api_request *r)
{
	struct str path = r->path;
	ssize_t at = str_find(path, STR("/proxy"));

	return at < 0 ? path : str_sub(path, 0, (size_t)at + sizeof("/proxy") - 1);
}

/* A path without anything behind "proxy" is one with a slash, for what it answers to be relative
 * to. */
static bool redirect(struct api_request *r)
{
	bool looks = str_eq_text(r->method, "GET") || str_eq_text(r->method, "HEAD");
	struct http_header location;

	if (r->rest.len || !looks || str_ends(r->path, STR("/")))
		return false;
	location = (struct http_header){
		STR("Location"), arena_print(r->arena, "%.*s/%s%.*s", STRF(r->path),
					 r->query.len ? "?" : "", STRF(r->query))};
	struct http_headers h = respond_headers(r, NULL);
	http_headers_add(r->arena, &h, location.name, location.value);
	r->answered = true;
	r->answer_code = 301;
	op_init(&r->op, &r->x->scope, respond_sent, OP_NO_DEADLINE);
	http_respond(r->x, &r->op, 301, h.items, h.count, STR(""));
	return true;
}

static void pass(struct api_request *r, struct http_client *client, struct str base)
{
	struct passage_options o = {
		.kind = PASSAGE_PROXY, .client = client, .base = base, .outside = outside_of(r)};
	struct str target = r->x->request.target, path, query;
	ssize_t at;

	if (redirect(r))
		return;
	/* As it was escaped, not as we read it. */
	str_cut(target, '?', &path, &query);
	at = str_find(path, STR("/proxy"));
	path = at < 0 ? STR("/") : str_skip(path, (size_t)at + sizeof("/proxy") - 1);
	o.url = arena_print(r->arena, "%.*s%s%.*s%s%.*s", STRF(base),
		str_starts(path, STR("/")) ? "" : "/", STRF(path), query.len ? "?" : "",
		STRF(query));
	passage_start(r, &o);
}

static struct str print_base(struct arena *a, bool https, struct str host, struct str port)
{
	const char *scheme = https ? "https" : "http";
	bool v6 = str_find_char(host, ':') >= 0;

	return port.len ? arena_print(a, v6 ? "%s://[%.*s]:%.*s" : "%s://%.*s:%.*s", scheme,
				  STRF(host), STRF(port))
			: arena_print(a, v6 ? "%s://[%.*s]" : "%s://%.*s", scheme, STRF(host));
}

/* Loopback, link-local and multicast addresses are this machine's own affair. */
static bool is_allowed(struct str host)
{
	struct ip ip;

	if (!ip_parse(host, &ip))
		return false;
	bool link_local = ip.len == 4 ? ip.bytes[0] == 169 && ip.bytes[1] == 254
				      : ip.bytes[0] == 0xfe && (ip.bytes[1] & 0xc0) == 0x80;
	bool multicast =
		ip.len == 4 ? ip.bytes[0] >= 224 && ip.bytes[0] < 240 : ip.bytes[0] == 0xff;
	return !ip_is_loopback(&ip) && !ip_is_unspecified(&ip) && !link_local && !multicast;
}

static struct status *not_allowed(struct api_request *r)
{
	return status_new(r->arena, ERR_BAD_REQUEST, "address not allowed");
}

/* ---- pods ---- */

/* Without a port the first that the pod's containers name. */
static struct str first_port(struct arena *a, const struct cJSON *pod)
{
	json_each (container, json_path(pod, "spec.containers")) {
		json_each (port, json_get(container, STR("ports"))) {
			int64_t number;

			if (json_int(json_get(port, STR("containerPort")), &number))
				return arena_print(a, "%lld", (long long)number);
		}
	}
	return STR("");
}

static void connect_pod_proxy(struct api_request *r)
{
	struct target t;
	struct object *o;

	if (!split_name(r->name, true, &t)) {
		request_fail(r, status_new(r->arena, ERR_BAD_REQUEST, "invalid pod request %.*s",
					STRF(field_quote(r->arena, r->name))));
		return;
	}
	r->name = t.name;
	o = registry_find(r);
	if (!o) {
		request_fail(r, status_not_found(r->arena, r->resource, r->name));
		return;
	}
	struct cJSON *pod = object_tree(r->arena, o);
	struct str host = tree_str(pod, "status.podIP");
	if (!is_allowed(host)) {
		request_fail(r, not_allowed(r));
		return;
	}
	if (!t.port.len)
		t.port = first_port(r->arena, pod);
	pass(r, nodes_anyone(r->server->nodes), print_base(r->arena, is_https(&t), host, t.port));
}

void handle_pod_proxy(struct api_request *r)
{
	registry_admit_connect(r, connect_pod_proxy);
}

/* ---- services ---- */

/* The name of the service's port that is meant; false when it has none such. */
static bool port_name(const struct cJSON *service, const struct target *t, struct str *name)
{
	int64_t wanted = 0, number;
	bool by_number = str_to_i64(t->port, &wanted);

	json_each (port, json_path(service, "spec.ports")) {
		*name = json_str(json_get(port, STR("name")));
		if (!t->port.len || str_eq(*name, t->port) ||
			(by_number && json_int(json_get(port, STR("port")), &number) &&
				number == wanted))
			return true;
	}
	/* A service without ports is asked by the endpoints' names. */
	*name = t->port;
	return false;
}

static bool endpoint_of(struct api_request *r, const struct cJSON *subset, struct str name,
	struct str *host, struct str *port)
{
	const struct cJSON *addresses = json_get(subset, STR("addresses"));
	size_t count = json_count(addresses);
	int64_t number;

	json_each (p, json_get(subset, STR("ports"))) {
		if (!str_eq(json_str(json_get(p, STR("name"))), name) || !count ||
			!json_int(json_get(p, STR("port")), &number))
			continue;
		uint32_t which;
		env_random(r->server->env, &which, sizeof(which));
		*host = json_str(json_get(json_at(addresses, which % count), STR("ip")));
		*port = arena_print(r->arena, "%lld", (long long)number);
		return true;
	}
	return false;
}

/* To a service: one of its ready endpoints, by the name or number of a port. */
static void connect_service_proxy(struct api_request *r)
{
	struct target t;
	struct str name, host, port;

	if (!split_name(r->name, false, &t)) {
		request_fail(
			r, status_new(r->arena, ERR_BAD_REQUEST, "invalid service request %.*s",
				   STRF(field_quote(r->arena, r->name))));
		return;
	}
	r->name = t.name;
	struct object *o = registry_find(r);
	const struct cJSON *endpoints =
		o ? server_read(r->server, r->arena, "", "endpoints", r->namespace, t.name) : NULL;
	if (!endpoints) {
		request_fail(r, status_not_found(r->arena, r->resource, r->name));
		return;
	}
	port_name(object_tree(r->arena, o), &t, &name);
	json_each (subset, json_get(endpoints, STR("subsets"))) {
		if (!endpoint_of(r, subset, name, &host, &port))
			continue;
		if (is_allowed(host))
			pass(r, nodes_anyone(r->server->nodes),
				print_base(r->arena, is_https(&t), host, port));
		else
			request_fail(r, not_allowed(r));
		return;
	}
	request_fail(r,
		status_new(r->arena, ERR_UNAVAILABLE, "no endpoints available for service %.*s",
			STRF(field_quote(r->arena,
				t.scheme.len || t.port.len
					? arena_print(r->arena, "%.*s%s%.*s%s%.*s", STRF(t.scheme),
						  t.scheme.len ? ":" : "", STRF(t.name),
						  t.port.len ? ":" : "", STRF(t.port))
					: t.name))));
}

void handle_service_proxy(struct api_request *r)
{
	registry_admit_connect(r, connect_service_proxy);
}

/* ---- nodes ---- */

/* The kubelet itself gets our certificate; another port of the node does not. */
static void connect_node_proxy(struct api_request *r)
{
	_cleanup_(err_done) struct err err = {0};
	struct http_client *client;
	struct target t;
	struct str base;
	struct status *s = NULL;

	if (!split_name(r->name, true, &t))
		s = status_new(r->arena, ERR_BAD_REQUEST, "invalid node request %.*s",
			STRF(field_quote(r->arena, r->name)));
	if (!s)
		s = nodes_locate(r->server, r->arena, t.name,
			t.port.len && !is_https(&t) ? "http" : "https", t.port, &base);
	if (s) {
		request_fail(r, s);
		return;
	}
	client = t.port.len ? nodes_anyone(r->server->nodes)
			    : nodes_kubelets(r->server->nodes, &err);
	if (client)
		pass(r, client, base);
	else
		request_fail(r, status_internal(r->arena, "%s", err_text(&err)));
}

void handle_node_proxy(struct api_request *r)
{
	registry_admit_connect(r, connect_node_proxy);
}
