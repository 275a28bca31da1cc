/* The part: informers say which services are to be looked at again; sync.c does it. */
#include "proxy_private.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <stdlib.h>

#define MIN_SYNC     (20 * MSEC)
#define SERVICE_NAME "kubernetes.io/service-name"

/* ---- what changes ---- */

static void service_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct object *o = fresh ? fresh : old;

	(void)initial;
	proxy_mark(h->ctx, client_object_namespace(o), client_object_name(o));
}

/* Only its labels are read: a slice may be large, and many may come in one turn of the loop. */
static void mark_slice(struct proxy *p, const struct object *o)
{
	_cleanup_(arena_done) struct arena a;
	struct cJSON *labels = NULL;

	arena_init(&a);
	if (!object_labels(o).len || json_parse(&a, object_labels(o), NULL, &labels, NULL))
		return;
	struct str name = json_str(json_get(labels, STR(SERVICE_NAME)));
	if (name.len)
		proxy_mark(p, client_object_namespace(o), name);
}

static void slice_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	(void)initial;
	if (old)
		mark_slice(h->ctx, old);
	if (fresh)
		mark_slice(h->ctx, fresh);
}

static void node_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	_cleanup_(arena_done) struct arena a;
	struct proxy *p = h->ctx;
	struct str zone = STR("");

	(void)old;
	(void)initial;
	arena_init(&a);
	if (fresh)
		zone = json_str(json_get(json_path(object_lean_tree(&a, fresh), "metadata.labels"),
			STR("topology.kubernetes.io/zone")));
	if (str_eq(zone, p->node.zone))
		return;
	p->node.zone = arena_str(&p->arena, zone);
	proxy_mark_all(p);
}

/* "namespace/service" of a slice */
static void service_of_slice(const struct informer_index *index, const struct cJSON *slice,
	informer_emit_fn *emit, void *ctx)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(KIB);
	const struct cJSON *meta = json_get(slice, STR("metadata"));
	struct str name = json_str(json_get(json_get(meta, STR("labels")), STR(SERVICE_NAME)));

	(void)index;
	buf_print(&key, "%.*s/%.*s", STRF(json_str(json_get(meta, STR("namespace")))), STRF(name));
	if (name.len)
		emit(ctx, buf_str(&key));
}

/* ---- life ---- */

static void on_synced(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, synced);

	if (err->code)
		return;
	p->known = true;
	if (p->print_only)
		return;
	p->serving = true;
	p->reload = true;
	proxy_wake(p, 0);
	proxy_watch_table(p);
}

static void all_closed(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, closed);

	(void)err;
	op_finish(p->stopping, 0);
}

static void proxy_stop(struct part *part, struct op *op)
{
	static const struct op_kind kind = {.name = "proxy stop"};
	struct proxy *p = CONTAINER_OF(part, struct proxy, part);

	op_begin_always(op, &kind, p);
	p->stopping = op;
	p->serving = false;
	informer_remove_handler(p->services, &p->on_service);
	informer_remove_handler(p->slices, &p->on_slice);
	if (p->nodes)
		informer_remove_handler(p->nodes, &p->on_node);
	op_init(&p->closed, p->base.scope, all_closed, OP_NO_DEADLINE);
	scope_close(&p->scope, &p->closed);
}

static void proxy_free(struct part *part)
{
	struct proxy *p = CONTAINER_OF(part, struct proxy, part);

	map_done(&p->dirty);
	ruleset_done(&p->ruleset);
	proxy_sync_done(p);
	arena_done(&p->sync.arena);
	arena_done(&p->arena);
	mem_free(p);
}

static struct informer *follow(struct proxy *p, const struct informer_options *options,
	const char *group, const char *resource, struct informer_handler *h,
	informer_changed_fn *changed)
{
	struct informer_options o = *options;

	o.client = p->base.client;
	o.resource = resource_find(str_from(group), STR("v1"), str_from(resource));
	struct informer *i = informers_get(p->base.informers, &o);
	*h = (struct informer_handler){.changed = changed, .ctx = p};
	informer_add_handler(i, h);
	return i;
}

static void copy_options(struct proxy *p, const struct proxy_options *o)
{
	struct arena *a = &p->arena;

	p->print_only = o->print_only;
	p->min_sync = o->min_sync ? o->min_sync : MIN_SYNC;
	p->node = (struct proxy_node){.name = arena_str(a, o->node_name),
		.pod_cidrs = arena_copy(a, o->pod_cidrs, o->pod_cidr_count * sizeof(*o->pod_cidrs)),
		.pod_cidr_count = o->pod_cidr_count,
		.masquerade_all = o->masquerade_all};
	p->table = (struct base_options){
		.nodeport_addresses = arena_copy(a, o->nodeport_addresses,
			o->nodeport_address_count * sizeof(*o->nodeport_addresses)),
		.nodeport_address_count = o->nodeport_address_count};
}

struct part *proxy_new(const struct component_base *base, const struct proxy_options *o)
{
	static const struct part_ops ops = {
		.name = "proxy", .stop = proxy_stop, .free = proxy_free};
	static const struct informer_index by_service = {
		.name = "service", .keys = service_of_slice};
	struct proxy *p = mem_new(sizeof(*p));

	p->part.ops = &ops;
	p->base = *base;
	arena_init(&p->arena);
	arena_init(&p->sync.arena);
	map_init(&p->dirty);
	ruleset_init(&p->ruleset);
	copy_options(p, o);
	scope_init(&p->scope, base->scope, "proxy", NULL);
	p->services = follow(
		p, &(struct informer_options){0}, "", "services", &p->on_service, service_changed);
	p->slices = follow(p, &(struct informer_options){.indexes = &by_service, .index_count = 1},
		"discovery.k8s.io", "endpointslices", &p->on_slice, slice_changed);
	if (p->node.name.len)
		p->nodes = follow(p,
			&(struct informer_options){
				.fields = arena_print(
					&p->arena, "metadata.name=%.*s", STRF(p->node.name))},
			"", "nodes", &p->on_node, node_changed);
	op_init(&p->synced, &p->scope, on_synced, OP_NO_DEADLINE);
	informers_wait_synced(base->informers, &p->synced);
	return &p->part;
}

bool proxy_synced(const struct part *part)
{
	const struct proxy *p = CONTAINER_OF((struct part *)(uintptr_t)part, struct proxy, part);

	if (p->print_only)
		return p->known;
	return p->serving && !p->reload && !p->dirty.count && !p->sending && !p->collecting &&
	       !p->failing;
}
