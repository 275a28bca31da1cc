/* One call of a client: its connection, its request, the answer, and whether it may go again. */
#include "http_pool.h"
#include "read_all.h"

#include <kube/codec.h>
#include <kube/url.h>

/* A server that closes idle connections may do so just as we use one: more often is no accident. */
#define CLIENT_ATTEMPTS 3

/* ---- starting ---- */

void http_call_init(
	struct http_call *c, struct http_client *client, struct str method, struct str url)
{
	*c = (struct http_call){
		.client = client, .method = method, .url = url, .body_length = HTTP_BODY_GIVEN};
	arena_init(&c->arena);
}

static struct str http_basic(struct arena *a, struct str user, struct str password)
{
	_cleanup_(buf_done) struct buf value = BUF_INIT(16 * KIB);
	struct str pair = arena_print(a, "%.*s:%.*s", STRF(user), STRF(password));

	buf_add_str(&value, STR("Basic "));
	base64_encode(&value, pair);
	return arena_str(a, buf_str(&value));
}

void http_add_proxy_auth(struct arena *a, struct http_headers *headers, struct str proxy)
{
	struct url url;

	if (str_find(proxy, STR("://")) < 0)
		proxy = arena_print(a, "http://%.*s", STRF(proxy));
	if (url_parse(a, proxy, &url, NULL) == 0 && url.has_user)
		http_headers_add(a, headers, STR("Proxy-Authorization"),
			http_basic(a, url.user, url.password));
}

/* `Get "https://host/path": …`, the password left out. */
static void name_call(struct http_call *c, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(512);
	struct url url;
	struct arena a;

	for (size_t i = 0; i < c->method.len; i++) {
		char byte = c->method.at[i];
		buf_add_char(&text, i && byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte);
	}
	buf_add_text(&text, " \"");
	arena_init(&a);
	if (url_parse(&a, c->url, &url, NULL)) {
		buf_add_str(&text, str_sub(c->url, 0, 256));
	} else {
		if (url.has_password)
			url.password = STR("xxxxx");
		_cleanup_(buf_done) struct buf printed = BUF_INIT(64 * KIB);
		url_print(&printed, &url);
		buf_add_str(&text, str_sub(buf_str(&printed), 0, 384));
	}
	arena_done(&a);
	buf_add_char(&text, '"');
	err_wrap(err, err->code, "%s", buf_text(&text));
}

static struct str host_and_port(struct arena *a, const struct url *url)
{
	bool v6 = str_find_char(url->host, ':') >= 0;
	struct url bare = {.scheme = url->scheme};
	bool own_port = url->port.len && url_port(url) != url_port(&bare);
	struct str host = v6 ? arena_print(a, "[%.*s]", STRF(url->host)) : url->host;

	return own_port ? arena_print(a, "%.*s:%.*s", STRF(host), STRF(url->port)) : host;
}

static struct str print_target(struct arena *a, const struct url *url, bool whole)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(256 * KIB);
	struct url target = *url;

	if (!whole) {
		target = (struct url){.path = url->path,
			.raw_path = url->raw_path,
			.raw_query = url->raw_query,
			.has_query = url->has_query};
		if (!url->path.len)
			buf_add_char(&out, '/');
	}
	target.has_user = false;
	target.fragment = (struct str){0};
	url_print(&out, &target);
	return arena_str(a, buf_str(&out));
}

/* What connections need to know, worked out once. */
static int call_prepare(struct http_call *c, struct pool_call *p, struct err *err)
{
	struct http_client *client = c->client;
	struct url url;
	int r = url_parse(&c->arena, c->url, &url, err);

	if (r)
		return r;
	bool https = str_eq(url.scheme, STR("https"));
	if (!https && !str_eq(url.scheme, STR("http")))
		return err_set(err, ERR_UNSUPPORTED, "unsupported protocol scheme \"%.*s\"",
			STRF(url.scheme));
	if (!url.host.len)
		return err_set(err, ERR_BAD_REQUEST, "http: no Host in request URL");
	uint16_t port = url_port(&url);
	if (!port)
		return err_set(err, ERR_BAD_REQUEST, "invalid port \"%.*s\"", STRF(url.port));
	if (https && !client->tls)
		return err_set(err, ERR_UNSUPPORTED, "https is not configured");

	struct str proxy = client->options.dial
				   ? (struct str){0}
				   : http_proxy_for(&client->options, https, url.host, port);
	p->base.scheme = https ? STR("https") : STR("http");
	/* Who sets Host wants to be understood so over HTTP/2, too. */
	struct str host = http_headers_get(&c->headers, STR("Host"));
	p->base.authority = host.len ? host : host_and_port(&c->arena, &url);
	p->base.target = print_target(&c->arena, &url, proxy.len && !https);
	if (url.has_user && !http_headers_has(&c->headers, STR("Authorization")))
		http_headers_add(&c->arena, &c->headers, STR("Authorization"),
			http_basic(&c->arena, url.user, url.password));
	if (proxy.len && !https)
		http_add_proxy_auth(&c->arena, &c->headers, proxy);
	p->origin = pool_origin(client, p->base.scheme, url.host, port, proxy,
		c->upgrade || client->options.no_http2);
	return 0;
}

static void call_cancel(struct op *op)
{
	struct pool_call *p = op->ctx;
	struct err err = {0};

	if (link_linked(&p->in_waiting)) {
		link_remove(&p->in_waiting);
		err.code = ERR_CANCELLED;
		pool_call_fail(p, &err);
	} else {
		op_cancel(&p->attempt);
	}
}

static void call_describe(const struct op *op, struct buf *out)
{
	const struct pool_call *p = op->ctx;

	buf_print(out, "%.*s %.*s%s", STRF(p->call->method), STRF(p->call->url),
		link_linked(&p->in_waiting) ? ", waits for a connection" : "");
}

static const struct op_kind call_kind = {
	.name = "http call", .cancel = call_cancel, .describe = call_describe};

void http_call_start(struct http_call *c, struct op *op)
{
	struct pool_call *p = arena_new(&c->arena, sizeof(*p));
	struct err err = {0};

	c->state = &p->base;
	p->call = c;
	if (!op_begin(op, &call_kind, p))
		return;
	p->op = op;
	if (c->client->stopping)
		err_set(&err, ERR_CLOSED, "http client is closed");
	if (err.code || call_prepare(c, p, &err)) {
		pool_call_fail(p, &err);
		return;
	}
	pool_submit(p);
}

void pool_call_fail(struct pool_call *p, struct err *err)
{
	struct op *early = TAKE(p->early_write);

	/* Go's words: who reads them has learnt them from its clients. */
	if (err->code == ERR_CANCELLED && p->op->expired)
		err_set(err, ERR_TIMEOUT, "context deadline exceeded");
	else if (err->code == ERR_CANCELLED)
		err_set(err, ERR_CANCELLED, "context canceled");
	name_call(p->call, err);
	if (early)
		op_fail_with(early, ERR_CLOSED, "the request was not sent");
	op_fail(TAKE(p->op), err);
}

/* ---- on a connection ---- */

static bool is_repeatable(const struct http_call *c)
{
	static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};

	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (str_eq_text(c->method, methods[i]))
			return true;
	return false;
}

/* Did the connection die under a request that may simply be sent again? */
static bool may_retry(const struct pool_call *p, const struct err *err)
{
	const struct http_call *c = p->call;

	if (p->attempts >= CLIENT_ATTEMPTS || c->status || c->client->stopping ||
		c->body_length != HTTP_BODY_GIVEN)
		return false;
	return c->unprocessed || (c->reused && err->code == ERR_CLOSED && is_repeatable(c));
}

static void call_release(struct http_call *c)
{
	struct client_conn *conn = c->state ? TAKE(c->state->conn) : NULL;

	if (conn)
		conn->ops->done(conn, c);
}

static void attempt_done(struct op *op, struct err *err)
{
	struct pool_call *p = CONTAINER_OF(op, struct pool_call, attempt);
	struct http_call *c = p->call;

	if (!err->code) {
		op_finish(TAKE(p->op), op->n);
		return;
	}
	call_release(c);
	if (may_retry(p, err) && !p->op->cancel_asked) {
		c->unprocessed = false;
		pool_submit(p);
		return;
	}
	pool_call_fail(p, err);
}

static void attempt_cancel(struct op *op)
{
	struct pool_call *p = op->ctx;
	struct client_conn *conn = p->base.conn;

	conn->ops->cancel(conn, p->call, op);
}

void pool_call_go(struct pool_call *p, struct client_conn *conn)
{
	static const struct op_kind kind = {.name = "request", .cancel = attempt_cancel};

	p->attempts++;
	p->call->reused = conn->used > 0;
	op_init(&p->attempt, p->op->scope, attempt_done, OP_NO_DEADLINE);
	if (!op_begin(&p->attempt, &kind, p))
		return;
	p->base.conn = conn;
	conn->ops->start(conn, p->call, &p->attempt);
	struct op *early = TAKE(p->early_write);
	if (!early)
		return;
	if (p->early_end)
		conn->ops->end(conn, p->call, early);
	else
		conn->ops->write(conn, p->call, early, p->early_parts, p->early_count);
}

static void part_cancel(struct op *op)
{
	struct http_call *c = op->ctx;

	if (!c)
		return; /* the call is over, its connection ends, and the op with it */
	struct pool_call *p = pool_call_of(c);
	if (p->early_write == op) {
		p->early_write = NULL;
		op_fail_cancelled(op);
	} else {
		p->base.conn->ops->cancel(p->base.conn, c, op);
	}
}

static bool part_begin(
	struct http_call *c, struct op *op, const struct op_kind *kind, bool may_wait)
{
	struct pool_call *p = pool_call_of(c);

	assert(p);
	if (!op_begin(op, kind, c))
		return false;
	if (p->base.conn || (may_wait && p->op))
		return true;
	op_fail_with(op, ERR_CLOSED, "the call is over");
	return false;
}

static void send_part(
	struct http_call *c, struct op *op, const struct str *parts, size_t count, bool end)
{
	static const struct op_kind kind = {.name = "request body", .cancel = part_cancel};
	struct pool_call *p = pool_call_of(c);

	if (!part_begin(c, op, &kind, true))
		return;
	if (!p->base.conn) {
		assert(!p->early_write);
		p->early_write = op;
		p->early_parts = parts;
		p->early_count = count;
		p->early_end = end;
	} else if (end) {
		p->base.conn->ops->end(p->base.conn, c, op);
	} else {
		p->base.conn->ops->write(p->base.conn, c, op, parts, count);
	}
}

void http_call_write(struct http_call *c, struct op *op, const struct str *parts, size_t count)
{
	send_part(c, op, parts, count, false);
}

void http_call_end(struct http_call *c, struct op *op)
{
	send_part(c, op, NULL, 0, true);
}

void http_call_read(struct http_call *c, struct op *op, struct buf *into, size_t max)
{
	static const struct op_kind kind = {.name = "response body", .cancel = part_cancel};

	if (part_begin(c, op, &kind, false))
		c->state->conn->ops->read(c->state->conn, c, op, into, max);
}

struct stream *http_call_take_stream(struct http_call *c, struct buf *early)
{
	struct client_conn *conn = c->state->conn;

	return conn ? conn->ops->take_stream(conn, c, early) : NULL;
}

static void read_piece(void *ctx, struct op *op, struct buf *into, size_t max)
{
	http_call_read(ctx, op, into, max);
}

/* What the head says of a body's length; an answer to HEAD, and a 304, say it of another one. */
static int64_t body_length(const struct http_call *c)
{
	bool none = str_eq(c->method, STR("HEAD")) || c->status == 204 || c->status == 304;

	return none ? 0 : c->length;
}

void http_call_read_all(struct http_call *c, struct op *op, struct buf *into, size_t max)
{
	http_read_to_end(&c->arena, op, into, max, body_length(c), "response", read_piece, c);
}

void http_call_done(struct http_call *c)
{
	assert(!c->state || !pool_call_of(c)->op);
	call_release(c);
	arena_done(&c->arena);
	c->state = NULL;
}
