/*
 * As soon as something has changed, but not more often than every few milliseconds, what is known
 * of the services concerned is put together, some a turn of the loop. A worker compiles it and
 * sends what differs to the kernel as one batch. When a batch is refused, or the table is gone
 * because somebody has flushed the rules, all of it is put there anew.
 */
#include "compile_parts.h"
#include "proxy_private.h"

#include <kube/conntrack.h>
#include <kube/log.h>
#include <kube/time.h>

#include <netinet/in.h>
#include <stdlib.h>

#define TURN_COUNT  200 /* services, and slices of them, before others get the loop */
#define CHECK_EVERY (5 * SEC)
#define RETRY_FIRST (1 * SEC)
#define RETRY_LONG  (30 * SEC)

/* ---- what is to be done ---- */

static void take_turn(struct op *op, struct err *err);

void proxy_wake(struct proxy *p, int64_t in)
{
	/* While it collects, what is marked is collected, too, or found when it has been sent. */
	if (!p->serving || p->collecting || p->sending || op_active(&p->turn))
		return;
	op_init(&p->turn, &p->scope, take_turn, OP_NO_DEADLINE);
	timer_wait(&p->turn, MAX(loop_in(p->scope.loop, in), p->not_before));
}

void proxy_mark(struct proxy *p, struct str namespace, struct str name)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(KIB);

	buf_print(&key, "%.*s/%.*s", STRF(namespace), STRF(name));
	map_set(&p->dirty, buf_str(&key), p);
	p->metrics.queued = env_wall(p->base.env);
	if (!p->health.pending_since)
		p->health.pending_since = loop_now(p->scope.loop);
	proxy_wake(p, 0);
}

void proxy_mark_all(struct proxy *p)
{
	informer_each(it, informer_all(p->services))
		proxy_mark(p, client_object_namespace(it.object), client_object_name(it.object));
}

/* ---- collecting ---- */

static struct wanted wanted_of(struct proxy *p, struct arena *a, struct str key)
{
	struct wanted w = {.key = key, .service = informer_get_key(p->services, key)};
	size_t room = 0;

	if (!w.service)
		return w;
	informer_each(it, informer_by(p->slices, "service", key)) room++;
	w.slices = arena_alloc(a, (room + 1) * sizeof(*w.slices));
	informer_each(it, informer_by(p->slices, "service", key)) w.slices[w.slice_count++] =
		object_ref(it.object);
	object_ref(w.service);
	return w;
}

static void give_back(struct wanted *w)
{
	object_unref(w->service);
	for (size_t i = 0; i < w->slice_count; i++)
		object_unref(w->slices[i]);
	*w = (struct wanted){0};
}

static void begin_sync(struct proxy *p)
{
	struct sync *s = &p->sync;

	arena_done(&s->arena);
	s->batch = (struct nft_batch){.table = PROXY_TABLE, .arena = &s->arena};
	s->node = p->node;
	memcpy(s->ips, p->ips, sizeof(s->ips));
	s->ip_count = p->ip_count;
	s->node.ips = s->ips;
	s->node.ip_count = s->ip_count;
	s->restart = p->reload;
	s->afresh = p->failing;
	s->ips_changed = p->ips_changed;
	s->began = loop_now(p->scope.loop);
	p->not_before = s->began + p->min_sync;
	s->triggers = arena_copy(&s->arena, p->triggers, p->trigger_count * sizeof(*s->triggers));
	s->trigger_count = p->trigger_count;
	s->services = p->metrics.services_pending;
	s->endpoints = p->metrics.endpoints_pending;
	s->forgetting = 0;
	p->trigger_count = 0;
	p->collecting = true;
	p->reload = p->ips_changed = false;
	if (s->restart)
		proxy_mark_all(p);
	s->wanted = NULL;
	s->count = 0;
}

/* Some of what is to be done; true: more is left. */
static bool collect(struct proxy *p)
{
	struct sync *s = &p->sync;

	for (size_t looked_at = 0; looked_at < TURN_COUNT && p->dirty.count;) {
		struct map_iter it = {0};

		map_next(&p->dirty, &it);
		struct str key = arena_str(&s->arena, it.key);
		map_remove(&p->dirty, key);
		struct wanted *w = LIST_ADD(&s->arena, s->wanted, s->count);
		*w = wanted_of(p, &s->arena, key);
		looked_at += 1 + w->slice_count;
	}
	return p->dirty.count > 0;
}

void proxy_sync_done(struct proxy *p)
{
	for (size_t i = 0; i < p->sync.count; i++)
		give_back(&p->sync.wanted[i]);
	p->sync.count = 0;
}

/* ---- on a worker ---- */

/* Trees last until the service is compiled, what is compiled as long as the batch. */
static void compile_wanted(struct ruleset *r, struct known_slices *known, struct nft_batch *batch,
	const struct proxy_node *node, struct wanted *w)
{
	_cleanup_(arena_done) struct arena trees;
	struct compiled *fresh = NULL;
	const struct slice *const *slices;

	arena_init(&trees);
	slices = known_slices_read(known, &trees, node, w->key, w->slices, w->slice_count);
	if (w->service) {
		fresh = arena_alloc(batch->arena, sizeof(*fresh));
		compile_service(batch->arena, node, object_lean_tree(&trees, w->service), slices,
			w->slice_count, fresh);
	}
	w->health_port = fresh ? fresh->health_port : 0;
	w->local_ready = fresh ? fresh->local_ready : 0;
	ruleset_change(r, batch, w->key, fresh);
}

/* As if it were a service; no service has a name like this. */
static void compile_ips(
	struct ruleset *r, struct nft_batch *batch, const struct ip *ips, size_t count)
{
	struct compiled *fresh = arena_alloc(batch->arena, sizeof(*fresh));

	compile_node(batch->arena, ips, count, fresh);
	ruleset_change(r, batch, STR("the node"), fresh);
}

/* A client that keeps sending datagrams would else never come to where they go now. */
static bool goes_elsewhere(void *ctx, const struct conntrack_flow *flow)
{
	return ruleset_leads_elsewhere(
		ctx, &flow->first.destination, flow->first.destination_port, &flow->answer.source);
}

struct names {
	struct arena *arena;
	struct str *items;
	size_t count;
};

static void note_name(void *ctx, struct str name)
{
	struct names *n = ctx;

	*LIST_ADD(n->arena, n->items, n->count) = arena_str(n->arena, name);
}

/*
 * All of the table anew; who is remembered stays so, as over a restart of the proxy. What has been
 * refused is not built upon.
 */
static void restart_table(struct proxy *p, const struct base_options *table)
{
	struct sync *s = &p->sync;
	struct names chains = {.arena = &s->arena};
	_cleanup_(err_done) struct err err = {0};

	if (!s->afresh && nft_each_chain(PROXY_TABLE, note_name, &chains, &err))
		chains.count = 0;
	ruleset_restart_over(&p->ruleset, &s->batch, table, chains.items, chains.count);
}

static void send_work(struct work *w)
{
	struct proxy *p = CONTAINER_OF(w, struct proxy, sender);
	struct sync *s = &p->sync;

	struct base_options table = p->table;

	table.node = &s->node;
	ruleset_forget_paths(&p->ruleset);
	if (s->restart)
		restart_table(p, &table);
	if (s->restart || s->ips_changed)
		compile_ips(&p->ruleset, &s->batch, s->ips, s->ip_count);
	for (size_t i = 0; i < s->count; i++)
		compile_wanted(&p->ruleset, &p->known_slices, &s->batch, &s->node, &s->wanted[i]);
	ruleset_settle(&p->ruleset, &s->batch);
	if (!s->batch.count || nft_link_send(&p->link, &s->batch, &w->err) ||
		!p->ruleset.paths.count)
		return;
	_cleanup_(err_done) struct err err = {0};
	int64_t start = clock_mono();
	if (conntrack_delete(IPPROTO_UDP, goes_elsewhere, &p->ruleset, &s->flows, &err))
		log_warning(&err, "old ways of datagrams may still be taken");
	s->forgetting = MAX(clock_mono() - start, (int64_t)1);
}

/* ---- sending ---- */

static void refused(struct proxy *p, struct err *err)
{
	bool flushed = err->code == ERR_CONFLICT;

	p->metrics.failures++;
	if (!p->failing)
		log_warning(
			err, "the rules of services were not taken; all of them are sent again");
	p->failing = true;
	p->reload = true;
	proxy_wake(p, flushed && !p->retry_in ? 0 : MAX(p->retry_in, RETRY_FIRST));
	p->retry_in = MIN(MAX(2 * p->retry_in, RETRY_FIRST), RETRY_LONG);
}

/* Ports that are given up first: another service may have got one of them. */
static void tell_balancers(struct proxy *p)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < p->sync.count; i++) {
			const struct wanted *w = &p->sync.wanted[i];
			struct str namespace, name;

			str_cut(w->key, '/', &namespace, &name);
			if (!w->health_port == !pass)
				service_ports_set(
					p->ports, namespace, name, w->health_port, w->local_ready);
		}
}

static void count_sync(struct proxy *p)
{
	struct sync *s = &p->sync;
	struct proxy_metrics *m = &p->metrics;
	bool more = p->dirty.count || p->reload || p->ips_changed;

	p->health.synced = true;
	p->health.pending_since = more ? loop_now(p->scope.loop) : 0;
	p->health.updated = m->synced = env_wall(p->base.env);
	proxy_metrics_synced(m, s->restart, loop_now(p->scope.loop) - s->began);
	for (size_t i = 0; i < s->trigger_count; i++)
		proxy_metrics_programmed(m, m->synced - s->triggers[i]);
	if (s->forgetting)
		proxy_metrics_forgot(m, s->flows, s->forgetting);
	m->services_pending -= s->services;
	m->endpoints_pending -= s->endpoints;
	m->no_local_inside = p->ruleset.no_local_inside;
	m->no_local_outside = p->ruleset.no_local_outside;
}

static void on_sent(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, sent);

	p->sending = false;
	if (!err->code)
		tell_balancers(p);
	proxy_sync_done(p);
	if (err->code == ERR_CANCELLED)
		return;
	if (err->code) {
		refused(p, err);
		return;
	}
	count_sync(p);
	if (p->failing)
		log_info("the rules of services are in place again");
	p->failing = false;
	p->retry_in = 0;
	arena_done(&p->sync.arena);
	if (p->ruleset.let_go) {
		p->ruleset.let_go = p->ruleset.contested = false;
		proxy_mark_all(p);
	}
	if (p->dirty.count || p->reload || p->ips_changed)
		proxy_wake(p, 0);
}

static void take_turn(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, turn);

	if (err->code)
		return;
	assert(!p->sending);
	if (!p->collecting)
		begin_sync(p);
	if (collect(p)) {
		op_init(&p->turn, &p->scope, take_turn, OP_NO_DEADLINE);
		op_yield(&p->turn);
		return;
	}
	p->collecting = false;
	assert(!p->sending);
	p->sending = true;
	op_init(&p->sent, &p->scope, on_sent, OP_NO_DEADLINE);
	work_start(&p->sender, &p->sent, WORK_NETLINK, send_work);
}

/* ---- is it still there? ---- */

static void check_due(struct op *op, struct err *err);

void proxy_watch_table(struct proxy *p)
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
		proxy_wake(p, 0);
	}
	proxy_watch_table(p);
}

static void check_due(struct op *op, struct err *err)
{
	struct proxy *p = CONTAINER_OF(op, struct proxy, check);

	if (err->code)
		return;
	op_init(&p->checked, &p->scope, on_checked, OP_NO_DEADLINE);
	work_start(&p->checker, &p->checked, WORK_NETLINK, check_work);
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
	struct base_options table = p->table;
	struct proxy_node node = p->node;
	node.ips = p->ips;
	node.ip_count = p->ip_count;
	table.node = &node;
	ruleset_restart(&ruleset, &batch, &table);
	compile_ips(&ruleset, &batch, p->ips, p->ip_count);
	for (size_t i = 0; i < count; i++) {
		struct wanted w = wanted_of(p, &a, keys[i]);

		compile_wanted(&ruleset, &p->known_slices, &batch, &node, &w);
		give_back(&w);
	}
	ruleset_settle(&ruleset, &batch);
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
