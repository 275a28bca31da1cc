/*
 * The part: informers say which services are to be looked at again; a few milliseconds later they
 * are compiled, a handful a turn of the loop, and what differs goes to the kernel as one batch, on
 * a worker thread. When a batch is refused, or the table is gone because somebody has flushed the
 * rules, all of it is put there anew.
 */
#include "ruleset.h"

#include <kube/conntrack.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/object.h>
#include <kube/proxy.h>
#include <kube/time.h>
#include <kube/work.h>

#include <netinet/in.h>
#include <stdlib.h>

#define MIN_SYNC     (20 * MSEC)
#define TURN_COUNT   50 /* services compiled before others get the loop */
#define CHECK_EVERY  (5 * SEC)
#define RETRY_FIRST  (1 * SEC)
#define RETRY_LONG   (30 * SEC)
#define SLICES_MAX   4096
#define SERVICE_NAME "kubernetes.io/service-name"

struct proxy {
	struct part part; /* first */
	struct component_base base;
	struct arena arena; /* of the options */
	struct proxy_node node;
	struct base_options table;
	int64_t min_sync, retry_in;

	struct scope scope;
	struct informer *services, *slices, *nodes;
	struct informer_handler on_service, on_slice, on_node;
	struct op synced, turn, sent, check, checked, closed, *stopping;
	bool known, serving, print_only; /* known: the first lists have come */

	struct map dirty; /* "namespace/name": is to be compiled */
	struct ruleset ruleset;
	bool reload, collecting, sending, failing;
	struct arena batch_arena;
	struct nft_batch batch;
	struct work sender, checker;
};

/* ---- what is to be done ---- */

static void take_turn(struct op *op, struct err *err);

static void wake(struct proxy *p, int64_t in)
{
	if (!p->serving || p->sending || op_active(&p->turn))
		return;
	op_init(&p->turn, &p->scope, take_turn, OP_NO_DEADLINE);
	timer_wait(&p->turn, loop_in(p->scope.loop, in));
}

static void mark(struct proxy *p, struct str namespace, struct str name)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(KIB);

	buf_print(&key, "%.*s/%.*s", STRF(namespace), STRF(name));
	map_set(&p->dirty, buf_str(&key), p);
	wake(p, p->min_sync);
}

static void mark_all(struct proxy *p)
{
	informer_each(it, informer_all(p->services))
		mark(p, client_object_namespace(it.object), client_object_name(it.object));
}

static void service_changed(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct object *o = fresh ? fresh : old;

	(void)initial;
	mark(h->ctx, client_object_namespace(o), client_object_name(o));
}

static void mark_slice(struct proxy *p, const struct object *o)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	struct str name = json_str(
		json_get(json_path(object_lean_tree(&a, o), "metadata.labels"), STR(SERVICE_NAME)));
	if (name.len)
		mark(p, client_object_namespace(o), name);
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
	mark_all(p);
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

/* ---- compiling ---- */

static struct compiled *compile_key(struct proxy *p, struct arena *a, struct str key)
{
	struct object *service = informer_get_key(p->services, key);
	struct compiled *fresh;
	size_t count = 0, room = 0;

	if (!service)
		return NULL;
	informer_each(it, informer_by(p->slices, "service", key)) room++;
	room = MIN(room, (size_t)SLICES_MAX);
	const struct cJSON **slices = arena_alloc(a, (room + 1) * sizeof(const struct cJSON *));
	informer_each(it, informer_by(p->slices, "service", key)) if (count < room)
		slices[count++] = object_lean_tree(a, it.object);
	fresh = arena_alloc(a, sizeof(*fresh));
	compile_service(a, &p->node, object_lean_tree(a, service), slices, count, fresh);
	return fresh;
}

static void begin_batch(struct proxy *p)
{
	arena_done(&p->batch_arena);
	p->batch = (struct nft_batch){.table = PROXY_TABLE, .arena = &p->batch_arena};
	p->collecting = true;
	p->ruleset.paths = NULL;
	p->ruleset.path_count = 0;
	if (!p->reload)
		return;
	p->reload = false;
	ruleset_restart(&p->ruleset, &p->batch, &p->table);
	mark_all(p);
}

/* Some of what is to be done; true: more is left. */
static bool collect(struct proxy *p)
{
	for (int i = 0; i < TURN_COUNT && p->dirty.count; i++) {
		struct map_iter it = {0};

		map_next(&p->dirty, &it);
		struct str key = arena_str(&p->batch_arena, it.key);
		map_remove(&p->dirty, key);
		ruleset_change(&p->ruleset, &p->batch, key, compile_key(p, &p->batch_arena, key));
		if (p->ruleset.let_go) {
			p->ruleset.let_go = p->ruleset.contested = false;
			mark_all(p);
		}
	}
	return p->dirty.count > 0;
}

/* ---- sending ---- */

/* A client that keeps sending datagrams would else never come to where they go now. */
static bool goes_elsewhere(void *ctx, const struct conntrack_flow *flow)
{
	const struct ruleset *r = ctx;

	for (size_t i = 0; i < r->path_count; i++) {
		const struct datagram_path *path = &r->paths[i];
		bool fits = false;

		if (path->port != flow->first.destination_port ||
			(path->ip.len && !ip_eq(&path->ip, &flow->first.destination)))
			continue;
		for (size_t k = 0; k < path->endpoint_count && !fits; k++)
			fits = ip_eq(&path->endpoints[k], &flow->answer.source);
		if (!fits)
			return true;
	}
	return false;
}

static void send_work(struct work *w)
{
	struct proxy *p = CONTAINER_OF(w, struct proxy, sender);
	size_t count = 0;

	if (nft_send(&p->batch, &w->err) || !p->ruleset.path_count)
		return;
	_cleanup_(err_done) struct err err = {0};
	if (conntrack_delete(IPPROTO_UDP, goes_elsewhere, &p->ruleset, &count, &err))
		log_warning(&err, "old ways of datagrams may still be taken");
}

static void refused(struct proxy *p, struct err *err)
{
	bool flushed = err->code == ERR_CONFLICT;

	if (!p->failing)
		log_warning(
			err, "the rules of services were not taken; all of them are sent again");
	p->failing = true;
	p->reload = true;
	wake(p, flushed && !p->retry_in ? 0 : MAX(p->retry_in, RETRY_FIRST));
	p->retry_in = MIN(MAX(2 * p->retry_in, RETRY_FIRST), RETRY_LONG);
}

static void on_sent(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, sent);

	p->sending = false;
	if (err->code == ERR_CANCELLED)
		return;
	if (err->code) {
		refused(p, err);
		return;
	}
	if (p->failing)
		log_info("the rules of services are in place again");
	p->failing = false;
	p->retry_in = 0;
	arena_done(&p->batch_arena);
	if (p->dirty.count || p->reload)
		wake(p, p->min_sync);
}

static void take_turn(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, turn);

	if (err->code)
		return;
	if (!p->collecting)
		begin_batch(p);
	if (collect(p)) {
		op_init(&p->turn, &p->scope, take_turn, OP_NO_DEADLINE);
		op_yield(&p->turn);
		return;
	}
	p->collecting = false;
	if (!p->batch.count)
		return;
	p->sending = true;
	op_init(&p->sent, &p->scope, on_sent, OP_NO_DEADLINE);
	work_start(&p->sender, &p->sent, WORK_NETLINK, send_work);
}

/* ---- is it still there? ---- */

static void check_due(struct op *op, struct err *err);

static void check_later(struct proxy *p)
{
	op_init(&p->check, &p->scope, check_due, OP_NO_DEADLINE);
	timer_wait(&p->check, loop_in(p->scope.loop, CHECK_EVERY));
}

static void check_work(struct work *w)
{
	bool exists = true;

	nft_table_exists(PROXY_TABLE, &exists, &w->err);
	w->n = exists;
}

static void on_checked(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, checked);

	if (err->code == ERR_CANCELLED)
		return;
	if (!err->code && !op->n && !p->sending && !p->collecting && !p->failing) {
		log_warning(
			NULL, "somebody has flushed the rules of services; they are sent again");
		p->reload = true;
		wake(p, 0);
	}
	check_later(p);
}

static void check_due(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, check);

	if (err->code)
		return;
	op_init(&p->checked, &p->scope, on_checked, OP_NO_DEADLINE);
	work_start(&p->checker, &p->checked, WORK_NETLINK, check_work);
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
	wake(p, 0);
	check_later(p);
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
	arena_done(&p->batch_arena);
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
	arena_init(&p->batch_arena);
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

/* ---- without a kernel ---- */

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void proxy_print(struct part *part, struct buf *out)
{
	struct proxy *p = CONTAINER_OF(part, struct proxy, part);
	_cleanup_(arena_done) struct arena a;
	struct ruleset ruleset;

	arena_init(&a);
	ruleset_init(&ruleset);
	struct nft_batch batch = {.table = PROXY_TABLE, .arena = &a};
	struct str *keys = arena_alloc(&a, (informer_count(p->services) + 1) * sizeof(*keys));
	size_t count = 0;
	informer_each(it, informer_all(p->services)) keys[count++] = arena_print(&a, "%.*s/%.*s",
		STRF(client_object_namespace(it.object)), STRF(client_object_name(it.object)));
	if (count)
		qsort(keys, count, sizeof(*keys), by_text);
	ruleset_restart(&ruleset, &batch, &p->table);
	for (size_t i = 0; i < count; i++)
		ruleset_change(&ruleset, &batch, keys[i], compile_key(p, &a, keys[i]));
	nft_print(&batch, out);
	ruleset_done(&ruleset);
}

int proxy_clean_up(struct err *err)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	struct nft_batch batch = {.table = PROXY_TABLE, .arena = &a};
	nft_batch_add(&batch, (struct nft_change){.kind = NFT_ADD_TABLE});
	nft_batch_add(&batch, (struct nft_change){.kind = NFT_DELETE_TABLE});
	return nft_send(&batch, err);
}
