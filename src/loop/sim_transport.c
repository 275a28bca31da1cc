/* Connecting, listening and names between the simulator's hosts. */
#include <kube/mem.h>
#include <kube/time.h>

#include "internal.h"
#include "sim_stream.h"

/* Between parted hosts nobody answers; a connect gives up after what Linux's SYNs take. */
#define CONNECT_LIMIT (127 * SEC)
#define CONNECT_RETRY (SEC)

struct sim_listener {
	struct listener base; /* first */
	struct sim_host *host;
	struct link in_host;
	struct list backlog; /* sim_conn.in_backlog */
	int room;
	struct scope *accept_scope;
	struct stream **out;
	struct op life; /* keeps the scope until the listener is closed */
};

static bool address_covers(const struct address *at, const struct address *to)
{
	if (at->path[0] || to->path[0])
		return strcmp(at->path, to->path) == 0;
	return at->port == to->port && (ip_is_unspecified(&at->ip) || ip_eq(&at->ip, &to->ip));
}

static struct sim_listener *find_listener(struct sim_host *host, const struct address *to)
{
	list_each (k, &host->listeners) {
		struct sim_listener *l = LIST_ENTRY(k, struct sim_listener, in_host);
		if (address_covers(&l->base.address, to))
			return l;
	}
	return NULL;
}

/* ---- listening ---- */

static void accept_try(struct sim_listener *l)
{
	struct link *k = l->base.accepting ? list_pop(&l->backlog) : NULL;

	if (!k)
		return;
	struct sim_conn *c = LIST_ENTRY(k, struct sim_conn, in_backlog);
	*l->out = sim_end_new(c, 1, l->accept_scope);
	sim_conn_unref(c);
	op_finish(TAKE(l->base.accepting), 0);
}

static void listener_accept_(
	struct listener *base, struct op *op, struct scope *scope, struct stream **stream)
{
	struct sim_listener *l = (struct sim_listener *)base;

	(void)op;
	l->accept_scope = scope;
	l->out = stream;
	accept_try(l);
}

static void listener_cancel_(struct listener *base, struct op *op)
{
	base->accepting = NULL;
	op_fail_cancelled(op);
}

static void listener_gone(struct op *op, struct err *err)
{
	(void)err;
	mem_free(CONTAINER_OF(op, struct sim_listener, life));
}

static void listener_close_(struct listener *base)
{
	struct sim_listener *l = (struct sim_listener *)base;
	struct link *k;

	link_remove(&l->in_host);
	if (base->accepting)
		op_fail_cancelled(TAKE(base->accepting));
	while ((k = list_pop(&l->backlog))) {
		struct sim_conn *c = LIST_ENTRY(k, struct sim_conn, in_backlog);
		sim_send_reset(c, 0);
		sim_conn_unref(c);
	}
	op_finish(&l->life, 0);
}

static int sim_listen(struct env *env, struct scope *scope, const struct address *at, int backlog,
	struct listener **listener, struct err *err)
{
	static const struct listener_ops ops = {
		.accept = listener_accept_, .cancel = listener_cancel_, .close = listener_close_};
	static const struct op_kind life = {.name = "listener"};
	struct sim_host *host = sim_host_of(env);
	struct address place = *at;

	if (!place.path[0] && place.port == 0)
		place.port = host->next_port++;
	if (find_listener(host, &place))
		return err_set(err, ERR_ADDRESS, "address already in use");
	if (!place.path[0] && !ip_is_unspecified(&place.ip) && !ip_is_loopback(&place.ip) &&
		!ip_eq(&place.ip, &host->ip))
		return err_set(err, ERR_ADDRESS, "cannot assign requested address");
	struct sim_listener *l = mem_new(sizeof(*l));
	l->base = (struct listener){.ops = &ops, .scope = scope, .address = place};
	l->host = host;
	l->room = backlog > 0 ? backlog : 128;
	list_init(&l->backlog);
	list_push(&host->listeners, &l->in_host);
	op_init(&l->life, scope, listener_gone, OP_NO_DEADLINE);
	op_begin_always(&l->life, &life, l);
	*listener = &l->base;
	return 0;
}

/* ---- connecting ---- */

struct sim_connect {
	struct sim_host *from;
	struct scope *scope;
	struct stream **out;
	struct address to;
	int64_t began;
};

static struct sim_host *host_at(struct sim_host *from, const struct address *to)
{
	if (to->path[0] || ip_is_loopback(&to->ip) || ip_is_unspecified(&to->ip))
		return from;
	return sim_find_host(from->sim, &to->ip);
}

static void connect_fail(struct op *op, int code, const char *why)
{
	struct sim_connect *c = op->ctx;
	_cleanup_(buf_done) struct buf where = BUF_INIT(256);

	address_print(&where, &c->to);
	op_fail_with(op, code, "connect %s: %s", buf_text(&where), why);
	mem_free(c);
}

static size_t backlog_length(const struct sim_listener *l)
{
	size_t n = 0;

	list_each (k, &l->backlog)
		n++;
	return n;
}

static void connect_meet(struct op *op, struct sim_host *to, struct sim_listener *l)
{
	struct sim_connect *c = op->ctx;
	struct address local = address_of(c->from->ip, c->from->next_port++);
	struct sim_conn *conn = sim_conn_new(c->from, to, &local, &c->to);

	*c->out = sim_end_new(conn, 0, c->scope);
	list_push(&l->backlog, &conn->in_backlog);
	mem_free(c);
	op_finish(op, 0);
	accept_try(l);
}

static void connect_due(struct op *op)
{
	struct sim_connect *c = op->ctx;
	struct sim *sim = c->from->sim;
	struct sim_host *to = host_at(c->from, &c->to);
	struct sim_listener *l = to ? find_listener(to, &c->to) : NULL;
	bool silent =
		to && (sim_is_parted(c->from, to) || (l && (int)backlog_length(l) >= l->room));

	sim_note(sim, "connect", c->to.port, silent);
	if (scope_closing(c->scope)) {
		mem_free(c);
		op_fail_cancelled(op);
	} else if (!to) {
		connect_fail(op, ERR_UNREACHABLE, "no route to host");
	} else if (silent && loop_now(sim->loop) - c->began > CONNECT_LIMIT) {
		connect_fail(op, ERR_UNREACHABLE, "connection timed out");
	} else if (silent) {
		op_due_at(op, loop_in(sim->loop, CONNECT_RETRY));
	} else if (!l || sim_chance(sim, sim->faults.refuse)) {
		connect_fail(op, ERR_REFUSED, "connection refused");
	} else {
		connect_meet(op, to, l);
	}
}

static void connect_cancel(struct op *op)
{
	mem_free(op->ctx);
	op_fail_cancelled(op);
}

static void sim_connect(struct env *env, struct op *op, struct scope *scope,
	const struct address *to, struct stream **stream)
{
	static const struct op_kind kind = {
		.name = "connect", .cancel = connect_cancel, .due = connect_due};
	struct sim_host *from = sim_host_of(env);
	struct sim_connect *c = mem_new(sizeof(*c));

	*c = (struct sim_connect){
		.from = from, .scope = scope, .out = stream, .to = *to, .began = env->loop->now};
	/* There and back. */
	int64_t at = loop_in(env->loop, sim_delay(from->sim) + sim_delay(from->sim));
	if (!op_begin_at(op, &kind, c, at))
		mem_free(c);
}

/* ---- names ---- */

static bool find_name(struct sim_host *asker, struct str name, struct ip *ip)
{
	if (ip_parse(name, ip))
		return true;
	if (str_eq(name, STR("localhost"))) {
		*ip = ip_v4(127, 0, 0, 1);
		return true;
	}
	list_each (k, &asker->sim->hosts) {
		struct sim_host *h = LIST_ENTRY(k, struct sim_host, in_sim);
		if (str_eq_text(name, h->name)) {
			*ip = h->ip;
			return true;
		}
	}
	return false;
}

static void sim_resolve(struct env *env, struct op *op, struct str host, struct addresses *found)
{
	static const struct op_kind kind = {.name = "resolve"};
	struct ip ip;

	if (!op_begin(op, &kind, NULL))
		return;
	if (!find_name(sim_host_of(env), host, &ip)) {
		op_fail_with(op, ERR_ADDRESS, "lookup %.*s: no such host", (int)MIN(host.len, 64u),
			host.at);
		return;
	}
	found->items = mem_copy(&ip, sizeof(ip));
	found->count = 1;
	op_finish(op, 1);
}

static void sim_own(struct env *env, struct addresses *found)
{
	found->items = mem_new(2 * sizeof(*found->items));
	found->items[0] = ip_v4(127, 0, 0, 1);
	found->items[1] = sim_host_of(env)->ip;
	found->count = 2;
}

const struct transport_ops sim_transport = {
	.connect = sim_connect,
	.listen = sim_listen,
	.resolve = sim_resolve,
	.own = sim_own,
};
