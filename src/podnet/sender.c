/*
 * Rules go to the kernel as a whole, one table after another: while one is on its way, what is
 * wished meanwhile waits and goes together with the next.
 *
 *	wish → waiting ─┬─ nothing is on its way: compile, send → served → told
 *	                └─ something is: wait for its end
 */
#include <kube/conntrack.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/route.h>

#include <netinet/in.h>
#include <stdlib.h>

#include "network.h"

#define PORTS_MAX (MIB)

static void send_next(struct pod_network *n);

void rules_sender_init(struct pod_network *n)
{
	struct rules_sender *s = &n->sender;

	arena_init(&s->arena);
	s->ports = BUF_INIT(PORTS_MAX);
	s->sweep = BUF_INIT(PORTS_MAX);
}

void rules_sender_done(struct pod_network *n)
{
	struct rules_sender *s = &n->sender;

	assert(!s->sending && list_empty(&s->waiting));
	arena_done(&s->arena);
	buf_done(&s->ports);
	buf_done(&s->sweep);
	nft_link_close(&n->sender.link);
}

/* ---- what is wished ---- */

static int newest_first(const void *a, const void *b)
{
	const struct pod *const *x = a, *const *y = b;

	return (*x)->order < (*y)->order ? 1 : -1;
}

static void add_pod(struct pod_network *n, const struct pod *pod, struct rules_pod *to)
{
	struct arena *a = &n->sender.arena;

	*to = (struct rules_pod){
		.ports = {.count = pod->port_count,
			.items = arena_copy(a, pod->ports, pod->port_count * sizeof(*pod->ports))}};
	pod_ips(n, pod, to->ips, &to->ip_count);
}

/* A copy of the state: the worker sees nothing of the loop's. */
static void compile(struct pod_network *n)
{
	struct rules_sender *s = &n->sender;
	struct rules_pod *pods;
	const struct pod **order;
	size_t count = 0;

	arena_reset(&s->arena);
	order = arena_alloc(&s->arena, (n->pods.count + 1) * sizeof(*order));
	map_each (it, &n->pods) {
		const struct pod *pod = it.value;

		if (pod->port_count && !pod->leaving)
			order[count++] = pod;
	}
	qsort(order, count, sizeof(*order), newest_first);
	pods = arena_new(&s->arena, (count + 1) * sizeof(*pods));
	for (size_t i = 0; i < count; i++)
		add_pod(n, order[i], &pods[i]);
	s->input = (struct rules_input){.pods = pods, .pod_count = count};
	for (size_t i = 0; i < n->range_count; i++)
		s->input.pod_cidrs[s->input.pod_cidr_count++] = n->ranges[i].cidr;
	s->input.cluster_cidr_count = n->cluster_cidr_count;
	memcpy(s->input.cluster_cidrs, n->cluster_cidrs, sizeof(n->cluster_cidrs));
	s->batch = (struct nft_batch){.table = POD_NETWORK_TABLE, .arena = &s->arena};
	rules_compile(&s->input, &s->batch);
}

void rules_note_ports(struct pod_network *n, const struct pod *pod)
{
	for (size_t i = 0; i < pod->port_count; i++)
		if (pod->ports[i].protocol == IPPROTO_UDP)
			buf_add(&n->sender.ports, &pod->ports[i].host_port, sizeof(uint16_t));
}

/* ---- on a worker ---- */

struct sweeping {
	const struct rules_sender *sender;
	const struct cidr *own;
	size_t own_count;
};

static bool is_own(const struct sweeping *s, const struct ip *ip)
{
	for (size_t i = 0; i < s->own_count; i++)
		if (ip_eq(&s->own[i].ip, ip))
			return true;
	return ip_is_loopback(ip);
}

static bool port_changed(const struct buf *ports, uint16_t port)
{
	for (size_t at = 0; at < ports->len; at += sizeof(port))
		if (memcmp(ports->at + at, &port, sizeof(port)) == 0)
			return true;
	return false;
}

static bool has_ip(const struct rules_pod *pod, const struct ip *ip)
{
	for (size_t i = 0; i < pod->ip_count; i++)
		if (ip_eq(&pod->ips[i], ip))
			return true;
	return false;
}

/* Goes to somebody else than it would as a new one. */
static bool is_stale(void *ctx, const struct conntrack_flow *flow)
{
	const struct sweeping *s = ctx;
	const struct ip *to = &flow->first.destination;
	const struct runtime_port *port;

	if (!port_changed(&s->sender->sweep, flow->first.destination_port) || !is_own(s, to))
		return false;
	const struct rules_pod *pod =
		rules_find(&s->sender->input, IPPROTO_UDP, to, flow->first.destination_port, &port);
	if (!pod)
		return !ip_eq(&flow->answer.source, to);
	return !has_ip(pod, &flow->answer.source) ||
	       flow->answer.source_port != port->container_port;
}

static int sweep(const struct rules_sender *s, struct err *err)
{
	_cleanup_(arena_done) struct arena a;
	struct sweeping sweeping = {.sender = s};
	struct cidr *own;
	struct route *r;
	size_t count;

	arena_init(&a);
	int code = route_open(&r, -1, err);
	if (code)
		return code;
	code = route_list_addresses(r, 0, &a, &own, &sweeping.own_count, err);
	route_close(r);
	if (code)
		return code;
	sweeping.own = own;
	return conntrack_delete(IPPROTO_UDP, is_stale, &sweeping, &count, err);
}

static void send_work(struct work *w)
{
	struct rules_sender *s = CONTAINER_OF(w, struct rules_sender, work);

	if (nft_link_send(&s->link, &s->batch, &w->err) == 0 && s->sweep.len)
		sweep(s, &w->err);
}

/* ---- one after another ---- */

static void rules_sent(struct op *op, struct err *err)
{
	struct rules_sender *s = CONTAINER_OF(op, struct rules_sender, op);
	struct pod_network *n = CONTAINER_OF(s, struct pod_network, sender);
	struct link *k;

	s->sending = false;
	s->stale = err->code != 0;
	s->sent = s->sent || !err->code;
	if (s->stale)
		buf_add(&s->ports, s->sweep.at, s->sweep.len);
	buf_clear(&s->sweep);
	while ((k = list_pop(&s->served))) {
		struct rules_wait *wait = LIST_ENTRY(k, struct rules_wait, in_sender);
		struct err copy = {0};

		err_copy(&copy, err);
		if (err->code)
			op_fail(wait->op, &copy);
		else
			op_finish(wait->op, 0);
	}
	if (s->again || !list_empty(&s->waiting))
		send_next(n);
}

static void send_next(struct pod_network *n)
{
	struct rules_sender *s = &n->sender;
	struct link *k;

	s->sending = true;
	s->again = false;
	while ((k = list_pop(&s->waiting)))
		list_push(&s->served, k);
	buf_add(&s->sweep, s->ports.at, s->ports.len);
	buf_clear(&s->ports);
	compile(n);
	op_init(&s->op, &n->scope, rules_sent, OP_NO_DEADLINE);
	work_start(&s->work, &s->op, WORK_NETLINK, send_work);
}

static void wait_cancel(struct op *op)
{
	struct rules_wait *wait = op->ctx;

	link_remove(&wait->in_sender);
	op_fail_cancelled(op);
}

void rules_send(struct pod_network *n, struct op *op, struct rules_wait *wait)
{
	static const struct op_kind kind = {.name = "pod rules", .cancel = wait_cancel};

	if (!op_begin(op, &kind, wait))
		return;
	wait->op = op;
	list_push(&n->sender.waiting, &wait->in_sender);
	if (!n->sender.sending)
		send_next(n);
}

void rules_touch(struct pod_network *n)
{
	n->sender.again = true;
	if (!n->sender.sending && !scope_closing(&n->scope))
		send_next(n);
}

/* ---- somebody flushes it ---- */

static void watch_on(struct pod_network *n);

static void check_work(struct work *w)
{
	struct rules_sender *s = CONTAINER_OF(w, struct rules_sender, check_work);
	bool exists = true;

	nft_table_exists(POD_NETWORK_TABLE, &exists, &w->err);
	s->missing = !exists;
}

static void checked(struct op *op, struct err *err)
{
	struct rules_sender *s = CONTAINER_OF(op, struct rules_sender, check);
	struct pod_network *n = CONTAINER_OF(s, struct pod_network, sender);

	if (scope_closing(&n->scope))
		return;
	s->missing = s->missing && s->sent;
	if (!err->code && s->missing)
		log_warning(NULL, "the rules of the pod network are gone: they are set up again");
	if (!err->code && (s->missing || s->stale))
		rules_touch(n);
	watch_on(n);
}

static void time_to_check(struct op *op, struct err *err)
{
	struct rules_sender *s = CONTAINER_OF(op, struct rules_sender, check);
	struct pod_network *n = CONTAINER_OF(s, struct pod_network, sender);

	if (err->code)
		return;
	op_init(&s->check, &n->scope, checked, OP_NO_DEADLINE);
	work_start(&s->check_work, &s->check, WORK_NETLINK, check_work);
}

static void watch_on(struct pod_network *n)
{
	struct rules_sender *s = &n->sender;

	op_init(&s->check, &n->scope, time_to_check, OP_NO_DEADLINE);
	timer_wait(&s->check, loop_in(n->env->loop, n->check_every));
}

void rules_watch(struct pod_network *n)
{
	if (!op_active(&n->sender.check))
		watch_on(n);
}
