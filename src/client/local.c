/*
 * Calls into a server of the same process: an exchange whose other end is the caller. What the
 * handler writes stays where it is until the caller has read it; that is the back-pressure.
 *
 * A call outlives its `end` until the handler has ended the exchange, too.
 */
#include <kube/client_transport.h>
#include <kube/mem.h>

struct local_transport {
	struct client_transport base;
	struct env *env;
	struct scope scope;
	http_handler_fn *handler;
	client_find_fn *find;
	void *ctx;
};

struct local_call {
	struct http_exchange x;
	struct local_transport *transport;
	struct client_call *call; /* NULL: the caller has left */
	struct op *starting;      /* the caller's, until there is a head */
	struct op *reading;       /* the caller's, until there are bytes */
	struct buf *into;
	size_t max;
	struct str body;      /* of the request, what is left of it */
	struct op *answering; /* the handler's, until its parts are read */
	struct str parts[STREAM_PARTS_MAX];
	size_t part_count, part; /* the first that is not read */
	bool last;               /* no more will follow these parts */
	bool ended;              /* the answer is complete and read */
	bool done;               /* the handler is through */
	bool broken;             /* … before its answer was complete */
	bool closed;
	struct op closing;
	struct arena head; /* the answer's, lives with the caller's call */
};

static const struct http_exchange_ops exchange_ops;

static struct local_call *call_of(struct http_exchange *x)
{
	return CONTAINER_OF(x, struct local_call, x);
}

/* ---- the end ---- */

static void try_free(struct local_call *l)
{
	if (l->call || !l->done || !l->closed)
		return;
	arena_done(&l->x.arena);
	arena_done(&l->head);
	mem_free(l);
}

static void scope_closed(struct op *op, struct err *err)
{
	struct local_call *l = CONTAINER_OF(op, struct local_call, closing);

	(void)err;
	l->closed = true;
	try_free(l);
}

/* Tells the handler, by its ops coming back cancelled. */
static void close_scope(struct local_call *l)
{
	if (l->closed || op_active(&l->closing))
		return;
	op_init(&l->closing, &l->transport->scope, scope_closed, OP_NO_DEADLINE);
	scope_close(&l->x.scope, &l->closing);
}

/* ---- bytes from the handler to the caller ---- */

static void answer_consumed(struct local_call *l)
{
	l->ended = l->last;
	if (l->answering)
		op_finish(TAKE(l->answering), 0);
}

/* Gives the reader what there is. */
static void move_bytes(struct local_call *l)
{
	size_t moved = 0;

	if (!l->reading)
		return;
	if (!l->ended && !l->broken && l->into->max <= l->into->len) {
		op_fail_with(TAKE(l->reading), ERR_LIMIT, "no room to read into");
		return;
	}
	while (l->part < l->part_count && moved < l->max) {
		struct str *part = &l->parts[l->part];
		size_t n = MIN(part->len, stream_room(l->into, l->max - moved));

		if (part->len && !n)
			break;
		buf_add(l->into, part->at, n);
		*part = str_skip(*part, n);
		moved += n;
		if (!part->len)
			l->part++;
	}
	l->x.sent += (int64_t)moved;
	bool consumed = l->part == l->part_count;
	if (moved || (consumed && l->last && !l->broken))
		op_finish(TAKE(l->reading), (int64_t)moved);
	else if (l->broken)
		op_fail_with(TAKE(l->reading), ERR_CLOSED, "unexpected EOF");
	if (consumed)
		answer_consumed(l);
}

static void take_parts(struct local_call *l, struct op *op, const struct str *parts, size_t count)
{
	assert(count <= STREAM_PARTS_MAX && !l->answering);
	if (count)
		memcpy(l->parts, parts, count * sizeof(*parts));
	l->part_count = count;
	l->part = 0;
	l->answering = op;
	if (!l->call) { /* nobody reads: as if a connection were gone */
		l->answering = NULL;
		op_fail_with(op, ERR_CLOSED, "the caller has left");
		return;
	}
	while (l->part < l->part_count && !l->parts[l->part].len)
		l->part++;
	if (l->part == l->part_count && !l->reading) {
		answer_consumed(l);
		return;
	}
	move_bytes(l);
}

/* ---- the handler's side ---- */

static void give_head(struct local_call *l, int status, const struct http_header *h, size_t count)
{
	struct client_call *c = l->call;

	if (!c)
		return;
	for (size_t i = 0; i < count; i++)
		http_headers_add(&l->head, &c->response, arena_str(&l->head, h[i].name),
			arena_str(&l->head, h[i].value));
	c->status = status;
	if (l->starting)
		op_finish(TAKE(l->starting), 0);
}

static bool has_body(const struct local_call *l, int status)
{
	return !str_eq(l->x.request.method, STR("HEAD")) && status != 204 && status != 304;
}

static void local_read(struct http_exchange *x, struct op *op, struct buf *into, size_t max)
{
	struct local_call *l = call_of(x);
	size_t n = stream_room(into, MIN(max, l->body.len));

	if (!l->call) {
		op_fail_with(op, ERR_CLOSED, "the caller has left");
		return;
	}
	if (l->body.len && !n) {
		op_fail_with(op, ERR_LIMIT, "no room to read into");
		return;
	}
	buf_add(into, l->body.at, n);
	l->body = str_skip(l->body, n);
	op_finish(op, (int64_t)n);
}

static void local_respond(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t count, struct str body)
{
	struct local_call *l = call_of(x);

	give_head(l, status, headers, count);
	l->last = true;
	take_parts(l, op, &body, has_body(l, status) ? 1 : 0);
}

static void local_start(struct http_exchange *x, struct op *op, int status,
	const struct http_header *headers, size_t count, int64_t length)
{
	(void)length;
	give_head(call_of(x), status, headers, count);
	op_finish(op, 0);
}

static void local_write(
	struct http_exchange *x, struct op *op, const struct str *parts, size_t count)
{
	struct local_call *l = call_of(x);

	take_parts(l, op, parts, has_body(l, x->status) ? count : 0);
}

static void local_end(struct http_exchange *x, struct op *op, const struct http_headers *trailers)
{
	struct local_call *l = call_of(x);

	(void)trailers;
	l->last = true;
	take_parts(l, op, NULL, 0);
}

static void local_upgrade(struct http_exchange *x, struct op *op, const struct http_header *headers,
	size_t count, struct stream **stream, struct buf *early)
{
	(void)x;
	(void)headers;
	(void)count;
	(void)stream;
	(void)early;
	op_fail_with(op, ERR_UNSUPPORTED, "calls inside a process have no stream to hand over");
}

static void local_done(struct http_exchange *x)
{
	struct local_call *l = call_of(x);

	assert(!l->done);
	l->done = true;
	l->broken = !l->ended;
	if (l->call && l->starting)
		op_fail_with(TAKE(l->starting), ERR_CLOSED, "the server closed the connection");
	else if (l->call && l->broken)
		move_bytes(l);
	close_scope(l);
	try_free(l);
}

static void handler_cancel(struct http_exchange *x, struct op *op)
{
	struct local_call *l = call_of(x);

	if (l->answering != op)
		return;
	l->answering = NULL;
	l->part_count = l->part = 0;
	if (!l->done)
		l->last = false;
	op_fail_cancelled(op);
}

static const struct http_exchange_ops exchange_ops = {
	.read = local_read,
	.respond = local_respond,
	.start = local_start,
	.write = local_write,
	.end = local_end,
	.upgrade = local_upgrade,
	.done = local_done,
	.cancel = handler_cancel,
};

/* ---- the caller's side ---- */

static void start_cancel(struct op *op)
{
	struct local_call *l = op->ctx;

	l->starting = NULL;
	op_fail_cancelled(op);
}

static void begin_exchange(struct local_call *l, struct client_call *c)
{
	struct http_exchange *x = &l->x;

	x->ops = &exchange_ops;
	x->env = l->transport->env;
	x->started = loop_now(x->env->loop);
	x->request = (struct http_request){.version = HTTP_1_1,
		.method = arena_str(&x->arena, c->method),
		.target = arena_str(&x->arena, c->target),
		.authority = STR("localhost"),
		.length = (int64_t)c->body.len};
	for (size_t i = 0; i < c->headers.count; i++)
		http_headers_add(&x->arena, &x->request.headers,
			arena_str(&x->arena, c->headers.items[i].name),
			arena_str(&x->arena, c->headers.items[i].value));
	l->body = arena_str(&x->arena, c->body);
	l->transport->handler(l->transport->ctx, x);
}

static void transport_start(struct client_call *c, struct op *op)
{
	static const struct op_kind kind = {.name = "local call", .cancel = start_cancel};
	struct local_transport *t = CONTAINER_OF(c->transport, struct local_transport, base);
	struct local_call *l = mem_new(sizeof(*l));

	c->state = NULL;
	l->transport = t;
	if (!op_begin(op, &kind, l)) {
		mem_free(l);
		return;
	}
	arena_init_sized(&l->x.arena, HTTP_EXCHANGE_ARENA);
	arena_init(&l->head);
	scope_init(&l->x.scope, &t->scope, "local exchange", NULL);
	l->call = c;
	l->starting = op;
	c->state = l;
	begin_exchange(l, c);
}

static void read_cancel(struct op *op)
{
	struct local_call *l = op->ctx;

	l->reading = NULL;
	op_fail_cancelled(op);
}

static void transport_read(struct client_call *c, struct op *op, struct buf *into, size_t max)
{
	static const struct op_kind kind = {.name = "local read", .cancel = read_cancel};
	struct local_call *l = c->state;

	if (!op_begin(op, &kind, l))
		return;
	l->reading = op;
	l->into = into;
	l->max = max;
	move_bytes(l);
}

static void transport_end(struct client_call *c)
{
	struct local_call *l = TAKE(c->state);

	if (!l)
		return;
	assert(!l->reading && !l->starting);
	l->call = NULL;
	if (l->answering)
		op_fail_with(TAKE(l->answering), ERR_CLOSED, "the caller has left");
	l->part_count = l->part = 0;
	close_scope(l);
	try_free(l);
}

static void transport_stop(struct client_transport *base, struct op *op)
{
	struct local_transport *t = CONTAINER_OF(base, struct local_transport, base);

	scope_close(&t->scope, op);
}

static void transport_free(struct client_transport *base)
{
	mem_free(CONTAINER_OF(base, struct local_transport, base));
}

static struct object *transport_find(struct client_transport *base, const struct resource *r,
	struct str namespace, struct str name, int64_t revision)
{
	struct local_transport *t = CONTAINER_OF(base, struct local_transport, base);

	return t->find ? t->find(t->ctx, r, namespace, name, revision) : NULL;
}

void client_transport_local_share(struct client_transport *local, client_find_fn *find)
{
	CONTAINER_OF(local, struct local_transport, base)->find = find;
}

static const struct client_transport_ops transport_ops = {
	.start = transport_start,
	.read = transport_read,
	.end = transport_end,
	.stop = transport_stop,
	.free = transport_free,
	.find = transport_find,
};

struct client_transport *client_transport_local(
	struct env *env, struct scope *parent, http_handler_fn *handler, void *ctx)
{
	struct local_transport *t = mem_new(sizeof(*t));

	t->base.ops = &transport_ops;
	t->env = env;
	t->handler = handler;
	t->ctx = ctx;
	scope_init(&t->scope, parent, "local transport", NULL);
	return &t->base;
}
