/*
 * A port for each service that sends outside traffic to a node's own endpoints only. A balancer
 * asks there whether the node has any: 200, and how many; 503 when it has none, or when the rules
 * are not what they should be.
 */
#include "health.h"

#include <kube/http_server.h>
#include <kube/log.h>
#include <kube/map.h>
#include <kube/mem.h>

struct service_port {
	struct service_ports *all;
	struct str namespace, name; /* heap */
	uint16_t port;
	size_t endpoints;
	struct http_server *http; /* NULL: it could not listen */
	struct op stopped;
};

struct service_ports {
	const struct component_base *base;
	struct scope *scope;
	const struct proxy_health *health;
	struct event_recorder *recorder;
	struct str node_name;
	struct map services; /* "namespace/name" → struct service_port */
	struct ip *addresses;
	size_t address_count;
};

/* ---- answers ---- */

static void answered(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void handle(void *ctx, struct http_exchange *x)
{
	const struct service_port *s = ctx;
	struct arena *a = &x->arena;
	bool good = proxy_health_good(s->all->health, loop_now(s->all->base->env->loop));
	struct http_header *headers = arena_alloc(a, 3 * sizeof(*headers));
	struct str body = arena_print(a,
		"{\n\t\"service\": {\n\t\t\"namespace\": \"%.*s\",\n\t\t\"name\": \"%.*s\"\n\t},\n"
		"\t\"localEndpoints\": %zu,\n\t\"serviceProxyHealthy\": %s\n}",
		STRF(s->namespace), STRF(s->name), s->endpoints, good ? "true" : "false");

	headers[0] = (struct http_header){STR("Content-Type"), STR("application/json")};
	headers[1] = (struct http_header){STR("X-Content-Type-Options"), STR("nosniff")};
	headers[2] = (struct http_header){
		STR("X-Load-Balancing-Endpoint-Weight"), arena_print(a, "%zu", s->endpoints)};
	op_init(&x->op, &x->scope, answered, OP_NO_DEADLINE);
	http_respond(x, &x->op, s->endpoints && good ? 200 : 503, headers, 3, body);
}

/* ---- listening ---- */

static int listen_everywhere(struct service_port *s, struct err *err)
{
	struct service_ports *p = s->all;
	struct address at = {.ip.len = 16, .port = s->port};
	int code = 0;

	for (size_t i = 0; i < p->address_count && !code; i++) {
		at.ip = p->addresses[i];
		code = http_server_listen(s->http, &at, NULL, err);
	}
	if (p->address_count || !http_server_listen(s->http, &at, NULL, NULL))
		return code;
	at.ip.len = 4; /* a machine without IPv6 */
	return http_server_listen(s->http, &at, NULL, err);
}

static void complain(struct service_port *s, struct err *err)
{
	struct service_ports *p = s->all;
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	struct str key = arena_print(&a, "%.*s/%.*s", STRF(s->namespace), STRF(s->name));
	const struct event_about about = {.kind = STR("Service"),
		.api_version = STR("v1"),
		.namespace = s->namespace,
		.name = s->name,
		.uid = key};
	struct str message =
		arena_print(&a, "node %.*s failed to start healthcheck \"%.*s\" on port %u: %s",
			STRF(p->node_name), STRF(key), s->port, err_text(err));

	log_warning(err, "a service's health cannot be asked", LOG_STR("service", key));
	event_record(p->recorder, &about, STR("Warning"), STR("FailedToStartServiceHealthcheck"),
		message);
}

static void open_port(struct service_port *s)
{
	const struct http_server_options options = {.handler = handle,
		.ctx = s,
		.name = "service health",
		.limits = {.max_connections = 100}};
	_cleanup_(err_done) struct err err = {0};

	s->http = http_server_new(s->all->base->env, s->all->scope, &options);
	if (listen_everywhere(s, &err))
		complain(s, &err);
}

static void port_free(struct service_port *s)
{
	http_server_free(s->http);
	mem_free((char *)(uintptr_t)s->namespace.at);
	mem_free((char *)(uintptr_t)s->name.at);
	mem_free(s);
}

static void port_stopped(struct op *op, struct err *err)
{
	(void)err;
	port_free(CONTAINER_OF(op, struct service_port, stopped));
}

static void close_port(struct service_port *s)
{
	op_init(&s->stopped, s->all->scope, port_stopped, OP_NO_DEADLINE);
	http_server_stop(s->http, &s->stopped, 0);
}

/* ---- what is wanted ---- */

static struct service_port *port_new(
	struct service_ports *p, struct str namespace, struct str name, uint16_t port)
{
	struct service_port *s = mem_new(sizeof(*s));

	s->all = p;
	s->namespace = str_make(str_dup(namespace), namespace.len);
	s->name = str_make(str_dup(name), name.len);
	s->port = port;
	return s;
}

void service_ports_set(struct service_ports *p, struct str namespace, struct str name,
	uint16_t port, size_t endpoints)
{
	_cleanup_(arena_done) struct arena a;
	struct service_port *s;

	arena_init(&a);
	struct str key = arena_print(&a, "%.*s/%.*s", STRF(namespace), STRF(name));
	s = map_get(&p->services, key);
	if (s && s->port != port) {
		map_remove(&p->services, key);
		close_port(TAKE(s));
	}
	if (!s && port) {
		s = port_new(p, namespace, name, port);
		map_set(&p->services, key, s);
		open_port(s);
	}
	if (s)
		s->endpoints = endpoints;
}

void service_ports_set_addresses(struct service_ports *p, const struct ip *ips, size_t count)
{
	mem_free(p->addresses);
	p->addresses = count ? mem_copy(ips, count * sizeof(*ips)) : NULL;
	p->address_count = count;
	map_each (it, &p->services) {
		struct service_port *old = it.value,
				    *s = port_new(p, old->namespace, old->name, old->port);

		s->endpoints = old->endpoints;
		close_port(old);
		map_set(&p->services, it.key, s);
		open_port(s);
	}
}

struct service_ports *service_ports_new(const struct component_base *base, struct scope *scope,
	const struct proxy_health *health, struct event_recorder *recorder, struct str node_name)
{
	struct service_ports *p = mem_new(sizeof(*p));

	p->base = base;
	p->scope = scope;
	p->health = health;
	p->node_name = node_name;
	p->recorder = recorder;
	map_init(&p->services);
	return p;
}

void service_ports_free(struct service_ports *p)
{
	if (!p)
		return;
	map_each (it, &p->services)
		port_free(it.value);
	map_done(&p->services);
	mem_free(p->addresses);
	mem_free(p);
}
