/*
 * Making a connection for the pool:
 *
 *	resolve → connect (address after address) ─┬──────────────────────────→ [TLS] → ready
 *	                                           └ [TLS to proxy] → CONNECT ──┘
 *
 * A plain-HTTP request through a proxy needs no CONNECT: its target is the whole URL.
 */
#include "http_pool.h"

#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>
#include <kube/url.h>

#define CONNECT_LEAST (2 * SEC)

enum dial_step {
	DIAL_RESOLVE,
	DIAL_CONNECT,
	DIAL_CONNECTED,
	DIAL_TUNNEL,
	DIAL_TUNNELLED,
	DIAL_READY
};

static const char *const dial_steps[] = {
	"resolve", "connect", "connected", "tunnel", "tunnelled", "ready"};

struct dial {
	struct task task;
	struct op op;
	struct origin *origin;
	struct http_client *client;
	int64_t deadline;
	struct str host; /* what is dialled: the origin or its proxy */
	uint16_t port;
	bool proxy_tls;
	struct addresses found;
	size_t next;
	struct address at;
	struct stream *stream;
	/* the proxy's answer to CONNECT */
	struct http_call tunnel;
	struct http_call_state tunnel_state;
	struct client_conn *tunnel_conn;
	bool tunnel_begun;
	struct arena arena;
	struct client_conn *conn;
};

/* ---- the proxy ---- */

static int proxy_read(struct dial *d, struct url *url, struct err *err)
{
	struct str text = str_from(d->origin->proxy);

	if (str_find(text, STR("://")) < 0)
		text = arena_print(&d->arena, "http://%.*s", STRF(text));
	int r = url_parse(&d->arena, text, url, err);
	if (r)
		return err_wrap(err, r, "proxy");
	bool known = str_eq(url->scheme, STR("http")) || str_eq(url->scheme, STR("https"));
	if (!known || !url->host.len || !url_port(url))
		return err_set(err, ERR_UNSUPPORTED, "proxy \"%.*s\" is not supported", STRF(text));
	return 0;
}

static void tunnel_prepare(struct dial *d)
{
	struct origin *o = d->origin;
	struct http_call *c = &d->tunnel;
	bool v6 = str_find_char(o->host, ':') >= 0;
	struct str place =
		arena_print(&d->arena, v6 ? "[%.*s]:%u" : "%.*s:%u", STRF(o->host), o->port);

	http_call_init(c, d->client, STR("CONNECT"), place);
	c->upgrade = true;
	d->tunnel_begun = true;
	d->tunnel_state = (struct http_call_state){
		.scheme = STR("http"), .authority = place, .target = place};
	c->state = &d->tunnel_state;
	http_add_proxy_auth(&c->arena, &c->headers, str_from(o->proxy));
}

static void tunnel_op_cancel(struct op *op)
{
	struct dial *d = op->ctx;

	d->tunnel_conn->ops->cancel(d->tunnel_conn, &d->tunnel, op);
}

static const struct op_kind tunnel_kind = {.name = "CONNECT", .cancel = tunnel_op_cancel};

static struct client_conn *conn_make(struct dial *d, struct client_conn *c)
{
	c->env = d->client->env;
	c->limits = &d->client->limits;
	c->stream = TAKE(d->stream);
	scope_init(&c->scope, &d->client->scope, "client connection", NULL);
	return c;
}

static void tunnel_start(struct dial *d)
{
	struct op *op = task_await(&d->task, DIAL_TUNNELLED, d->deadline);

	if (!op_begin(op, &tunnel_kind, d))
		return;
	tunnel_prepare(d);
	d->tunnel_conn = conn_make(d, http1_client_conn_new());
	http1_client_conn_run(d->tunnel_conn);
	d->tunnel_state.conn = d->tunnel_conn;
	d->tunnel_conn->ops->start(d->tunnel_conn, &d->tunnel, op);
}

/* The stream is ours again, or *err says why not. The connection that carried CONNECT ends. */
static void tunnel_end(struct dial *d, struct err *err)
{
	struct buf early = BUF_INIT(64 * KIB);

	if (!d->tunnel_conn)
		return; /* it was too late to ask */
	if (!err->code && d->tunnel.status == 200)
		d->stream = d->tunnel_conn->ops->take_stream(d->tunnel_conn, &d->tunnel, &early);
	else if (!err->code)
		err_set(err, ERR_REFUSED, "proxy answered %d %s to CONNECT", d->tunnel.status,
			http_status_text(d->tunnel.status));
	/* TLS servers wait for the client: bytes that come first are nobody's. */
	if (early.len)
		err_set(err, ERR_PROTOCOL, "proxy sent data before the tunnel was used");
	buf_done(&early);
	d->tunnel_conn->ops->done(d->tunnel_conn, &d->tunnel);
	d->tunnel_conn = NULL;
}

/* ---- steps ---- */

static void dial_end(struct op *op, struct err *err)
{
	struct dial *d = CONTAINER_OF(op, struct dial, op);

	stream_close(d->stream);
	if (d->tunnel_begun)
		arena_done(&d->tunnel.arena);
	mem_free(d->found.items);
	arena_done(&d->arena);
	pool_dialed(d->origin, d->conn, err);
	mem_free(d);
}

static int choose_place(struct dial *d, struct err *err)
{
	struct url proxy;

	if (!d->origin->proxy) {
		d->host = d->origin->host;
		d->port = d->origin->port;
		return 0;
	}
	int r = proxy_read(d, &proxy, err);
	if (r)
		return r;
	d->host = proxy.host;
	d->port = url_port(&proxy);
	d->proxy_tls = str_eq(proxy.scheme, STR("https"));
	return 0;
}

/* One address that is silent leaves time for the others; how much is Go's partialDeadline. */
static int64_t connect_deadline(const struct dial *d)
{
	int64_t now = loop_now(d->client->env->loop), left = d->deadline - now;
	size_t others = d->found.count - MIN(d->next, d->found.count);

	return others > 1 ? now + MIN(MAX(left / (int64_t)others, CONNECT_LEAST), left)
			  : d->deadline;
}

static void connect_next(struct dial *d)
{
	struct http_client *client = d->client;
	int64_t deadline = connect_deadline(d);

	if (client->options.dial)
		d->at = client->dial;
	else
		d->at = address_of(d->found.items[d->next], d->port);
	d->next++;
	net_connect(client->env, task_await(&d->task, DIAL_CONNECTED, deadline), &client->scope,
		&d->at, &d->stream);
}

static void tls_start(struct dial *d, int step, struct str host)
{
	struct http_client *client = d->client;
	struct origin *o = d->origin;
	/* A proxy is spoken to in HTTP/1.1. */
	bool http1 = o->http1_only || step == DIAL_TUNNEL;
	struct tls_config *config = http1 && client->tls_http1 ? client->tls_http1 : client->tls;

	if (step == DIAL_READY && client->options.server_name.len)
		host = client->options.server_name;
	/* A plain request through a proxy that wants TLS, or http_client_set_tls in between. */
	if (!config) {
		op_fail_with(&d->op, ERR_UNSUPPORTED, "https is not configured");
		return;
	}
	struct op *op = task_await(&d->task, step, d->deadline);
	tls_connect(client->env, op, &client->scope, TAKE(d->stream), config, host,
		step == DIAL_READY ? o->session : NULL, &d->stream);
}

static void remember_session(struct dial *d)
{
	struct tls_session *fresh = tls_stream_take_session(d->stream);

	if (!fresh)
		return;
	tls_session_free(d->origin->session);
	d->origin->session = fresh;
}

static void ready(struct dial *d)
{
	struct origin *o = d->origin;
	bool http2 = d->client->options.plain_http2;

	if (o->https) {
		struct tls_info info;
		tls_stream_info(d->stream, &info);
		http2 = str_eq(info.alpn, STR("h2"));
		o->known_http1 = !http2;
		remember_session(d);
	}
	struct client_conn *c = http2 ? http2_client_conn_new() : http1_client_conn_new();
	d->conn = conn_make(d, c);
	http2 ? http2_client_conn_run(c) : http1_client_conn_run(c);
	task_finish(&d->task, 0);
}

static void look_up(struct dial *d)
{
	struct http_client *client = d->client;
	struct err err = {0};

	if (choose_place(d, &err))
		task_fail(&d->task, &err);
	else if (client->options.dial)
		connect_next(d);
	else
		net_resolve(client->env, task_await(&d->task, DIAL_CONNECT, d->deadline), d->host,
			&d->found);
}

static void dial_run(struct task *t, struct err *err)
{
	struct dial *d = CONTAINER_OF(t, struct dial, task);
	bool tunnel = d->origin->proxy && d->origin->https;

	/* One address that does not answer is no reason to give up the others. */
	bool more = t->step == DIAL_CONNECTED && err->code != ERR_CANCELLED &&
		    d->next < d->found.count && loop_now(d->client->env->loop) < d->deadline;
	if (err->code && more) {
		connect_next(d);
		return;
	}
	if (t->step == DIAL_TUNNELLED)
		tunnel_end(d, err);
	if (err->code) {
		task_fail(t, err);
		return;
	}
	switch ((enum dial_step)t->step) {
	case DIAL_RESOLVE:
		look_up(d);
		return;
	case DIAL_CONNECT:
		if (!d->found.count) {
			err_set(err, ERR_ADDRESS, "lookup %.*s: no such host", STRF(d->host));
			task_fail(t, err);
			return;
		}
		connect_next(d);
		return;
	case DIAL_CONNECTED:
		if (d->proxy_tls) {
			tls_start(d, DIAL_TUNNEL, d->host);
			return;
		}
		/* fall through */
	case DIAL_TUNNEL:
		if (tunnel) {
			tunnel_start(d);
			return;
		}
		/* fall through */
	case DIAL_TUNNELLED:
		if (d->origin->https) {
			tls_start(d, DIAL_READY, d->origin->host);
			return;
		}
		/* fall through */
	case DIAL_READY:
		ready(d);
		return;
	}
}

static const struct task_kind dial_kind = TASK_KIND("dial", dial_steps, dial_run);

void pool_dial(struct origin *o)
{
	struct dial *d = mem_new(sizeof(*d));
	struct http_client *client = o->client;

	d->origin = o;
	d->client = client;
	d->deadline = loop_in(client->env->loop, client->options.connect_timeout);
	arena_init(&d->arena);
	op_init(&d->op, &client->scope, dial_end, OP_NO_DEADLINE);
	task_start(&d->task, &dial_kind, &d->op);
}
