#include "http_pool.h"

#include <kube/mem.h>
#include <kube/time.h>

/* More places than this and those that nobody uses are forgotten, TLS sessions included. */
#define POOL_ORIGINS_KEPT 64

/* ---- origins ---- */

static void origin_free(struct origin *o)
{
	link_remove(&o->in_client);
	o->client->origin_count--;
	tls_session_free(o->session);
	mem_free(o->proxy);
	mem_free(o->key);
	mem_free(o);
}

static bool origin_unused(const struct origin *o)
{
	return list_empty(&o->conns) && list_empty(&o->waiting) && !o->dialing;
}

static void forget_unused(struct http_client *client)
{
	if (client->origin_count < POOL_ORIGINS_KEPT)
		return;
	list_each_safe (k, &client->origins) {
		struct origin *o = LIST_ENTRY(k, struct origin, in_client);
		if (origin_unused(o))
			origin_free(o);
	}
}

struct origin *pool_origin(struct http_client *client, struct str scheme, struct str host,
	uint16_t port, struct str proxy, bool http1_only)
{
	char *key = mem_print(
		"%.*s://%.*s/%u %d %.*s", STRF(scheme), STRF(host), port, http1_only, STRF(proxy));

	list_each (k, &client->origins) {
		struct origin *o = LIST_ENTRY(k, struct origin, in_client);
		if (strcmp(o->key, key) == 0) {
			mem_free(key);
			return o;
		}
	}
	forget_unused(client);
	struct origin *o = mem_new(sizeof(*o));
	*o = (struct origin){.client = client, .key = key, .port = port, .http1_only = http1_only};
	o->scheme = str_make(key, scheme.len);
	o->host = str_make(key + scheme.len + 3, host.len);
	o->https = str_eq(scheme, STR("https"));
	o->proxy = proxy.len ? str_dup(proxy) : NULL;
	list_init(&o->conns);
	list_init(&o->waiting);
	list_push(&client->origins, &o->in_client);
	client->origin_count++;
	return o;
}

/* ---- calls and connections meet ---- */

static struct client_conn *free_conn(struct origin *o)
{
	/* The one used last is the likeliest to be alive. */
	for (struct link *k = list_last(&o->conns); k;
		k = k->prev == &o->conns.head ? NULL : k->prev) {
		struct client_conn *c = LIST_ENTRY(k, struct client_conn, in_pool);
		if (!c->broken && c->active < c->max_active)
			return c;
	}
	return NULL;
}

/* How many calls wait; of more than `most` it need not be known how many more. */
static uint32_t waiting_count(const struct origin *o, uint32_t most)
{
	uint32_t n = 0;

	for (struct link *k = list_first(&o->waiting); k && n < most; k = list_next(&o->waiting, k))
		n++;
	return n;
}

/* How many dials may run at once: one until it is known that a connection takes only one call. */
static uint32_t dials_wanted(const struct origin *o)
{
	const struct http_client_options *options = &o->client->options;
	uint32_t most = options->max_per_origin;
	uint32_t room = o->conn_count + o->dialing < most ? most - o->conn_count : 0;
	bool one_is_enough = o->https && !o->http1_only && !options->no_http2 && !o->known_http1;

	return waiting_count(o, one_is_enough ? MIN(room, 1u) : room);
}

void pool_dispatch(struct origin *o)
{
	struct client_conn *conn;

	while (!list_empty(&o->waiting) && (conn = free_conn(o))) {
		struct link *k = list_pop(&o->waiting);
		pool_call_go(LIST_ENTRY(k, struct pool_call, in_waiting), conn);
	}
	while (!list_empty(&o->waiting) && o->dialing < dials_wanted(o)) {
		o->dialing++;
		pool_dial(o);
	}
}

void pool_submit(struct pool_call *p)
{
	list_push(&p->origin->waiting, &p->in_waiting);
	pool_dispatch(p->origin);
}

/*
 * One dial, one answer: whoever waits longest hears of it. All do when nothing else is on its way
 * to them, or each would wait for a failure of its own, one after the other.
 */
static void dial_failed(struct origin *o, const struct err *why)
{
	bool all = !o->dialing && !o->conn_count;
	struct link *k;

	while ((k = list_pop(&o->waiting))) {
		struct err err = {0};
		err_copy(&err, why);
		pool_call_fail(LIST_ENTRY(k, struct pool_call, in_waiting), &err);
		if (!all)
			return;
	}
}

static void pool_keep(struct origin *o);

void pool_dialed(struct origin *o, struct client_conn *conn, struct err *err)
{
	o->dialing--;
	if (conn) {
		conn->origin = o;
		conn->idle_since = loop_now(o->client->env->loop);
		list_push(&o->conns, &conn->in_pool);
		o->conn_count++;
	}
	if (conn && conn->broken)
		err_set(err, ERR_CLOSED, "the server closed the new connection");
	if (err->code)
		dial_failed(o, err);
	if (!o->client->stopping)
		pool_dispatch(o);
	/* Who it was made for may have gone, or got another one. */
	if (conn)
		pool_keep(o);
}

/* ---- idle connections ---- */

static void sweep_arm(struct http_client *client);

static bool idle(const struct client_conn *c)
{
	return c->active == 0;
}

static void close_idle(struct origin *o, int64_t before, uint32_t keep)
{
	uint32_t count = 0;

	list_each (k, &o->conns)
		count += idle(LIST_ENTRY(k, struct client_conn, in_pool));
	/* The oldest stand first. */
	list_each_safe (k, &o->conns) {
		struct client_conn *c = LIST_ENTRY(k, struct client_conn, in_pool);
		if (!idle(c) || (!c->broken && c->idle_since > before && count <= keep))
			continue;
		count--;
		c->ops->close(c);
	}
}

static void sweep_done(struct op *op, struct err *err)
{
	struct http_client *client = CONTAINER_OF(op, struct http_client, sweep);

	if (err->code)
		return; /* the client is stopping */
	int64_t before = loop_now(client->env->loop) - client->limits.idle_timeout;
	list_each (k, &client->origins)
		close_idle(
			LIST_ENTRY(k, struct origin, in_client), before, client->options.max_idle);
	sweep_arm(client);
}

/* One timer for all, set to when the connection that has idled longest is due. */
static void sweep_arm(struct http_client *client)
{
	int64_t oldest = INT64_MAX;

	if (op_active(&client->sweep) || client->stopping)
		return;
	list_each (k, &client->origins) {
		struct origin *o = LIST_ENTRY(k, struct origin, in_client);
		list_each (i, &o->conns) {
			struct client_conn *c = LIST_ENTRY(i, struct client_conn, in_pool);
			if (idle(c))
				oldest = MIN(oldest, c->idle_since);
		}
	}
	if (oldest == INT64_MAX)
		return;
	op_init(&client->sweep, &client->scope, sweep_done, OP_NO_DEADLINE);
	timer_wait(&client->sweep, oldest + client->limits.idle_timeout);
}

/* Ends what idles in too great a number, and sees to it that the rest ends in time. */
static void pool_keep(struct origin *o)
{
	close_idle(o, INT64_MIN, o->client->options.max_idle);
	sweep_arm(o->client);
}

void pool_retire(struct http_client *client)
{
	list_each (k, &client->origins) {
		struct origin *o = LIST_ENTRY(k, struct origin, in_client);
		if (!o->https)
			continue;
		list_each (i, &o->conns)
			LIST_ENTRY(i, struct client_conn, in_pool)->broken = true;
		pool_keep(o);
	}
}

/* ---- what connections tell ---- */

void client_conn_idle(struct client_conn *c)
{
	struct origin *o = c->origin;

	if (!o)
		return; /* not in the pool yet */
	if (idle(c)) {
		c->idle_since = loop_now(c->env->loop);
		link_remove(&c->in_pool);
		list_push(&o->conns, &c->in_pool);
	}
	if (!o->client->stopping)
		pool_dispatch(o);
	pool_keep(o);
}

void client_conn_gone(struct client_conn *c)
{
	struct origin *o = c->origin;

	if (!o)
		return;
	link_remove(&c->in_pool);
	o->conn_count--;
	if (!o->client->stopping)
		pool_dispatch(o);
}

void pool_free(struct http_client *client)
{
	list_each_safe (k, &client->origins)
		origin_free(LIST_ENTRY(k, struct origin, in_client));
}
