/* The part: informers fill the zone, the server answers from it. */
#include "server.h"

#include <kube/dns.h>
#include <kube/mem.h>

#define PORT_TRIES 64

struct dns {
	struct part part; /* first */
	struct component_base base;
	struct dns_server server;
	struct informer *services, *slices, *namespaces;
	struct informer_handler on_service, on_slice, on_namespace;
	struct address *upstreams, *listening;
	size_t listening_count;
	struct op closed, *stopping;
};

/* ---- the zone follows ---- */

typedef void put_fn(struct zone *z, const struct cJSON *tree);

static void put(struct dns *d, struct object *o, put_fn *fn)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	fn(&d->server.zone, object_lean_tree(&a, o));
}

static void service_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct dns *d = h->ctx;

	(void)initial;
	if (fresh)
		put(d, fresh, zone_put_service);
	else
		zone_drop_service(
			&d->server.zone, client_object_namespace(old), client_object_name(old));
}

static void slice_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct dns *d = h->ctx;

	(void)initial;
	if (fresh)
		put(d, fresh, zone_put_slice);
	else
		zone_drop_slice(
			&d->server.zone, client_object_namespace(old), client_object_name(old));
}

static void namespace_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct dns *d = h->ctx;

	(void)initial;
	if (fresh)
		zone_put_namespace(&d->server.zone, client_object_name(fresh));
	else
		zone_drop_namespace(&d->server.zone, client_object_name(old));
}

static struct informer *follow(struct dns *d, const char *group, const char *resource,
	struct informer_handler *h, informer_changed_fn *changed)
{
	struct informer *i = informers_get(d->base.informers,
		&(struct informer_options){.client = d->base.client,
			.resource = resource_find(str_from(group), STR("v1"), str_from(resource))});

	*h = (struct informer_handler){.changed = changed, .ctx = d};
	informer_add_handler(i, h);
	return i;
}

static bool is_ready(void *ctx)
{
	struct dns *d = ctx;

	return informer_synced(d->services) && informer_synced(d->slices) &&
	       informer_synced(d->namespaces);
}

/* ---- life ---- */

static void all_closed(struct op *op, struct err *err)
{
	struct dns *d = CONTAINER_OF(op, struct dns, closed);
	struct op *waiter = d->stopping;

	(void)err;
	op_finish(waiter, 0);
}

static void dns_stop(struct part *p, struct op *op)
{
	static const struct op_kind kind = {.name = "dns stop"};
	struct dns *d = CONTAINER_OF(p, struct dns, part);

	op_begin_always(op, &kind, d);
	d->stopping = op;
	informer_remove_handler(d->services, &d->on_service);
	informer_remove_handler(d->slices, &d->on_slice);
	informer_remove_handler(d->namespaces, &d->on_namespace);
	ports_close(&d->server);
	op_init(&d->closed, d->base.scope, all_closed, OP_NO_DEADLINE);
	scope_close(&d->server.scope, &d->closed);
}

static void dns_free(struct part *p)
{
	struct dns *d = CONTAINER_OF(p, struct dns, part);

	ports_free(&d->server);
	forwarder_done(&d->server.forwarder);
	zone_done(&d->server.zone);
	mem_free(d->upstreams);
	mem_free(d->listening);
	mem_free(d);
}

static const struct part_ops dns_ops = {.name = "dns", .stop = dns_stop, .free = dns_free};

/*
 * When any port is asked for, it is one that is free over UDP; over TCP somebody else may have it,
 * and then it is another.
 */
static int listen_at(
	struct dns_server *s, const struct address *at, struct address *taken, struct err *err)
{
	for (int tries = at->port ? 1 : PORT_TRIES;; tries--) {
		_cleanup_(err_done) struct err why = {0};
		int code = udp_listen(s, at, taken, err);

		if (code || !(code = tcp_listen(s, taken, &why)))
			return code;
		if (code != ERR_ADDRESS || tries == 1)
			return err_move(err, &why);
		udp_unlisten(s);
	}
}

static int listen_everywhere(struct dns *d, const struct dns_options *o, struct err *err)
{
	int code = 0;

	d->listening = mem_new((o->listen_count + 1) * sizeof(*d->listening));
	for (size_t i = 0; i < o->listen_count && !code; i++) {
		code = listen_at(&d->server, &o->listen[i], &d->listening[i], err);
		d->listening_count++;
	}
	return code;
}

static void never_began(struct op *op, struct err *err)
{
	struct dns *d = CONTAINER_OF(op, struct dns, closed);

	(void)err;
	dns_free(&d->part);
}

int dns_new(const struct component_base *base, const struct dns_options *o, struct part **part,
	struct err *err)
{
	struct dns *d = mem_new(sizeof(*d));
	struct dns_server *s = &d->server;

	d->part.ops = &dns_ops;
	d->base = *base;
	s->env = base->env;
	s->ready = is_ready;
	s->ctx = d;
	list_init(&s->udp_ports);
	list_init(&s->tcp_ports);
	scope_init(&s->scope, base->scope, "dns", NULL);
	d->upstreams = mem_alloc((o->upstream_count + 1) * sizeof(*d->upstreams));
	if (o->upstream_count)
		memcpy(d->upstreams, o->upstreams, o->upstream_count * sizeof(*d->upstreams));
	forwarder_init(&s->forwarder, base->env, &s->scope, d->upstreams, o->upstream_count);
	zone_init(&s->zone, o->domain.len ? o->domain : STR("cluster.local"), o->ttl ? o->ttl : 5);
	int code = listen_everywhere(d, o, err);
	if (code) {
		ports_close(s);
		op_init(&d->closed, base->scope, never_began, OP_NO_DEADLINE);
		scope_close(&s->scope, &d->closed);
		return code;
	}
	d->services = follow(d, "", "services", &d->on_service, service_changed);
	d->slices = follow(d, "discovery.k8s.io", "endpointslices", &d->on_slice, slice_changed);
	d->namespaces = follow(d, "", "namespaces", &d->on_namespace, namespace_changed);
	*part = &d->part;
	return 0;
}

struct address dns_listening(const struct part *part, size_t i)
{
	const struct dns *d = CONTAINER_OF((struct part *)(uintptr_t)part, struct dns, part);

	assert(i < d->listening_count);
	return d->listening[i];
}
