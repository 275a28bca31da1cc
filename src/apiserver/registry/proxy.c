/*
 * pods/proxy, services/proxy, nodes/proxy: whatever is asked below …/NAME/proxy goes to a port of
 * the pod, to an endpoint of the service, to the kubelet.
 */
#include "backends.h"
#include "nodes.h"
#include "passage.h"
#include "registry.h"

#include <kube/url.h>

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

/* A path without anything behind "proxy" is one with a slash, for what it answers to be relative
 * to. */
static void redirect(struct api_request *r)
{
	struct http_headers h = respond_headers(r, NULL);

	http_headers_add(r->arena, &h, STR("Location"),
		arena_print(r->arena, "%.*s/%s%.*s", STRF(r->path), r->query.len ? "?" : "",
			STRF(r->query)));
	r->answered = true;
	r->answer_code = 301;
	op_init(&r->op, &r->x->scope, respond_sent, OP_NO_DEADLINE);
	http_respond(r->x, &r->op, 301, h.items, h.count, STR(""));
}

/* What is asked for there: decoded, without "//" and "..", as long as its slash at the end. */
static struct str inner_path(struct api_request *r)
{
	struct str path = STR("");

	if (r->rest.len)
		path = url_clean_path(r->arena, arena_print(r->arena, "/%.*s", STRF(r->rest)));
	if (str_ends(r->path, STR("/")) && !str_ends(path, STR("/")))
		path = arena_print(r->arena, "%.*s/", STRF(path));
	return path;
}

static struct str host_and_port(struct arena *a, struct str host, struct str port)
{
	bool v6 = str_find_char(host, ':') >= 0;

	if (v6)
		host = arena_print(a, "[%.*s]", STRF(host));
	return port.len ? arena_print(a, "%.*s:%.*s", STRF(host), STRF(port)) : host;
}

static void pass(struct api_request *r, struct http_client *client, bool https, struct str host,
	struct str port)
{
	struct passage_options o = {.kind = PASSAGE_PROXY, .client = client};
	struct url url = {.scheme = https ? STR("https") : STR("http"),
		.host = host,
		.port = port,
		.path = inner_path(r),
		.raw_query = r->query,
		.has_query = r->query.len};
	_cleanup_(buf_done) struct buf text = BUF_INIT(128 * KIB);
	bool looks = str_eq_text(r->method, "GET") || str_eq_text(r->method, "HEAD");

	if (!url.path.len && looks && !passage_upgrades(r)) {
		redirect(r);
		return;
	}
	o.authority = host_and_port(r->arena, host, port);
	o.outside = str_ends(r->path, url.path) ? str_sub(r->path, 0, r->path.len - url.path.len)
						: r->path;
	url_print(&text, &url);
	o.url = arena_str(r->arena, buf_str(&text));
	if (buf_over(&text))
		request_fail(r, status_new(r->arena, ERR_TOO_LARGE, "the path is too long"));
	else
		passage_start(r, &o);
}

/* Loopback, link-local and multicast addresses are this machine's own affair. */
static bool is_allowed(struct str host)
{
	static const uint8_t everyone[] = {255, 255, 255, 255};
	struct ip ip;

	if (!ip_parse(host, &ip))
		return false;
	if (ip.len == 4 && !memcmp(ip.bytes, everyone, sizeof(everyone)))
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
	pass(r, nodes_anyone(r->server->nodes), is_https(&t), host, t.port);
}

void handle_pod_proxy(struct api_request *r)
{
	registry_admit_connect(r, connect_pod_proxy);
}

/* ---- services ---- */

static struct status *unavailable(struct api_request *r, struct str id)
{
	return status_new(r->arena, ERR_UNAVAILABLE, "no endpoints available for service %.*s",
		STRF(field_quote(r->arena, id)));
}

/* A port's number stands for the name that the service gives it. */
static struct status *name_port(
	struct api_request *r, const struct object *service, struct str *port)
{
	int64_t wanted;

	if (!str_to_i64(*port, &wanted))
		return NULL;
	if (!service)
		return status_not_found(r->arena, r->resource, r->name);
	json_each (p, json_path(object_tree(r->arena, service), "spec.ports")) {
		if (tree_int(p, "port", 0) != wanted)
			continue;
		*port = tree_str(p, "name");
		return NULL;
	}
	return status_new(r->arena, ERR_UNAVAILABLE, "no service port %lld found for service %.*s",
		(long long)wanted, STRF(field_quote(r->arena, r->name)));
}

/* Does the pod that the endpoint names have its address? Whoever writes endpoints could lead us
 * anywhere otherwise. */
static bool is_of_pod(void *ctx, const struct cJSON *endpoint, struct str address)
{
	struct api_request *r = ctx;
	struct cJSON *pod;

	if (!str_eq(tree_str(endpoint, "targetRef.namespace"), r->namespace))
		return false;
	pod = server_read(r->server, r->arena, "", "pods", r->namespace,
		tree_str(endpoint, "targetRef.name"));
	json_each (ip, json_path(pod, "status.podIPs"))
		if (str_eq(tree_str(ip, "ip"), address))
			return true;
	return false;
}

/* To a service: one of its ready endpoints, by the name or number of a port. */
static void connect_service_proxy(struct api_request *r)
{
	struct target t;
	struct status *s = NULL;
	struct endpoint_choice c = {.namespace = r->namespace, .fits = is_of_pod, .ctx = r};
	struct str id = r->name;

	if (!split_name(id, false, &t)) {
		request_fail(
			r, status_new(r->arena, ERR_BAD_REQUEST, "invalid service request %.*s",
				   STRF(field_quote(r->arena, id))));
		return;
	}
	r->name = c.service = t.name;
	c.port_name = t.port;
	s = name_port(r, registry_find(r), &c.port_name);
	if (!s)
		backend_choose(r->server, r->arena, &c);
	if (!s && !c.slices)
		s = status_not_found(r->arena, r->resource, r->name);
	if (!s && !c.seen)
		s = unavailable(r, id);
	if (s)
		request_fail(r, s);
	else
		pass(r, nodes_anyone(r->server->nodes), is_https(&t), c.address,
			arena_print(r->arena, "%lld", (long long)c.port));
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
	struct node_place place;
	struct target t;
	struct status *s = NULL;

	if (!split_name(r->name, false, &t))
		s = status_new(r->arena, ERR_BAD_REQUEST, "invalid node request %.*s",
			STRF(field_quote(r->arena, r->name)));
	if (!s)
		s = nodes_find(r->server, r->arena, t.name, &place);
	bool kubelet = !t.port.len || (!s && str_eq(t.port, place.port));
	if (!s && !kubelet && !is_allowed(place.host))
		s = not_allowed(r);
	if (s) {
		request_fail(r, s);
		return;
	}
	client = kubelet ? nodes_kubelets(r->server->nodes, &err) : nodes_anyone(r->server->nodes);
	if (client)
		pass(r, client, kubelet || is_https(&t), place.host, kubelet ? place.port : t.port);
	else
		request_fail(r, status_internal(r->arena, "%s", err_text(&err)));
}

void handle_node_proxy(struct api_request *r)
{
	registry_admit_connect(r, connect_node_proxy);
}
