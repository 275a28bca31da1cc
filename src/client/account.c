/*
 * Calls as a service account: through another transport, with a token. It is asked for with the
 * first call, again when most of its time is over or the server no longer takes it.
 *
 *	call ──> a token? ──> wait for it ──> send ──> head
 *	             └──> ask ──> there is no such account ──> make it ──> ask
 */
#include <kube/api_codec.h>
#include <kube/client.h>
#include <kube/client_transport.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>

#define LIFETIME  3600 /* s, of a token that is asked for */
#define USED_OF_5 4    /* fifths of it that are used */
#define PATIENCE  (30 * SEC)
#define TOKEN_MAX (16 * KIB)

enum fetch_step { FETCH_ASK, FETCH_ASKED, FETCH_MADE };
static const char *const fetch_steps[] = {"ask", "asked", "made"};

struct account_transport {
	struct client_transport base;
	struct client_transport *below;
	struct client *asker;
	struct scope scope;
	struct arena arena;
	struct str namespace, name;
	struct buf token;
	uint64_t serial; /* of the token; 0: there is none */
	int64_t due;     /* when another one is wanted */
	struct list waiting;
	/* the asking */
	struct op fetching;
	struct task task;
	struct client_request request;
	bool requesting, made;
	int64_t asked;
};

enum call_step { CALL_BEGIN, CALL_TOKEN, CALL_HEAD };
static const char *const call_steps[] = {"begin", "token", "head"};

struct account_call {
	struct task task;
	struct account_transport *transport;
	struct client_call *c;
	struct client_call below;
	struct arena arena;
	struct link in_waiting;
	struct op *waiting;
	uint64_t shown; /* the serial */
	bool begun;
};

static struct account_transport *transport_of(struct client_transport *base)
{
	return CONTAINER_OF(base, struct account_transport, base);
}

static struct loop *loop_of(const struct account_transport *t)
{
	return client_env(t->asker)->loop;
}

/* ---- the token ---- */

static void ask(struct account_transport *t, const char *subresource, int step)
{
	struct client_request *q = &t->request;
	struct arena *a = &q->arena;
	bool token = *subresource;

	client_request_init(q, CLIENT_CREATE,
		resource_find(STR(""), STR("v1"), STR("serviceaccounts")), t->namespace, t->name);
	struct cJSON *body = json_new(a, JSON_OBJECT);
	tree_set_str(a, body, "apiVersion", token ? STR("authentication.k8s.io/v1") : STR("v1"));
	tree_set_str(a, body, "kind", token ? STR("TokenRequest") : STR("ServiceAccount"));
	tree_set_str(a, body, "metadata.name", t->name);
	tree_set_str(a, body, "metadata.namespace", t->namespace);
	if (token)
		tree_set_int(a, body, "spec.expirationSeconds", LIFETIME);
	q->subresource = str_from(subresource);
	q->body = body;
	t->requesting = true;
	t->asked = loop_now(loop_of(t));
	client_send(t->asker, task_await(&t->task, step, loop_in(loop_of(t), PATIENCE)), q);
}

static void request_over(struct account_transport *t)
{
	if (t->requesting)
		client_request_done(&t->request);
	t->requesting = false;
}

/* The server says how long it lasts; its clock and ours may disagree about the date. */
static int take_token(struct account_transport *t, struct err *err)
{
	const struct cJSON *answer = t->request.object;
	struct str token = tree_str(answer, "status.token");
	int64_t seconds = tree_int(answer, "spec.expirationSeconds", LIFETIME);

	if (!token.len || token.len > TOKEN_MAX || seconds < 1)
		return err_set(err, ERR_SYNTAX, "the answer has no token that can be used");
	buf_clear(&t->token);
	buf_add_str(&t->token, token);
	t->serial++;
	t->due = t->asked + MIN(seconds, LIFETIME * 24) * SEC / 5 * USED_OF_5;
	return 0;
}

static bool is_missing(const struct err *err, const struct client_request *q)
{
	return err->code == ERR_NOT_FOUND && q->status;
}

static void fetch_fail(struct account_transport *t, struct err *err)
{
	request_over(t);
	err_wrap(err, err->code, "getting a token of service account %.*s/%.*s", STRF(t->namespace),
		STRF(t->name));
	task_fail(&t->task, err);
}

static void fetch_run(struct task *task, struct err *err)
{
	struct account_transport *t = CONTAINER_OF(task, struct account_transport, task);
	bool missing = task->step == FETCH_ASKED && is_missing(err, &t->request) && !t->made;
	/* Another one of us may have been faster. */
	bool exists = task->step == FETCH_MADE && err->code == ERR_ALREADY_EXISTS;

	if (err->code && !missing && !exists)
		return fetch_fail(t, err);
	switch ((enum fetch_step)task->step) {
	case FETCH_ASK:
		t->made = false;
		ask(t, "token", FETCH_ASKED);
		return;
	case FETCH_ASKED:
		if (!missing && take_token(t, err))
			return fetch_fail(t, err);
		request_over(t);
		t->made = missing;
		if (missing)
			ask(t, "", FETCH_MADE);
		else
			task_finish(task, 0);
		return;
	case FETCH_MADE:
		request_over(t);
		ask(t, "token", FETCH_ASKED);
		return;
	}
}

/* A token that is still taken is better than none. */
static void fetched(struct op *op, struct err *err)
{
	struct account_transport *t = CONTAINER_OF(op, struct account_transport, fetching);

	for (struct link *k; (k = list_pop(&t->waiting));) {
		struct op *waiting = TAKE(LIST_ENTRY(k, struct account_call, in_waiting)->waiting);
		struct err own = {0};

		if (err->code && !t->token.len)
			err_copy(&own, err);
		if (own.code)
			op_fail(waiting, &own);
		else
			op_finish(waiting, 0);
	}
}

static void wait_cancel(struct op *op)
{
	struct account_call *h = op->ctx;

	link_remove(&h->in_waiting);
	h->waiting = NULL;
	op_fail_cancelled(op);
}

static void await_token(struct account_call *h, struct op *op)
{
	static const struct task_kind fetch_kind =
		TASK_KIND("account token", fetch_steps, fetch_run);
	static const struct op_kind kind = {.name = "account", .cancel = wait_cancel};
	struct account_transport *t = h->transport;

	if (!op_begin(op, &kind, h))
		return;
	if (t->token.len && loop_now(loop_of(t)) < t->due) {
		op_finish(op, 0);
		return;
	}
	h->waiting = op;
	list_push(&t->waiting, &h->in_waiting);
	if (op_active(&t->fetching))
		return;
	op_init(&t->fetching, &t->scope, fetched, OP_NO_DEADLINE);
	task_start(&t->task, &fetch_kind, &t->fetching);
}

/* ---- one call ---- */

static void send_call(struct account_call *h)
{
	struct client_call *c = h->c, *below = &h->below;
	struct account_transport *t = h->transport;

	h->begun = true;
	h->shown = t->serial;
	*below = (struct client_call){
		.method = c->method, .target = c->target, .body = c->body, .transport = t->below};
	for (size_t i = 0; i < c->headers.count; i++)
		http_headers_add(&h->arena, &below->headers, c->headers.items[i].name,
			c->headers.items[i].value);
	http_headers_add(&h->arena, &below->headers, STR("Authorization"),
		arena_print(&h->arena, "Bearer %.*s", STRF(buf_str(&t->token))));
	t->below->ops->start(below, task_await(&h->task, CALL_HEAD, OP_NO_DEADLINE));
}

/* Refused for its token, which the next call will not show again. */
static void call_answered(struct account_call *h)
{
	struct account_transport *t = h->transport;

	if (h->below.status == 401 && h->shown == t->serial)
		buf_clear(&t->token);
	h->c->status = h->below.status;
	h->c->response = h->below.response;
	task_finish(&h->task, 0);
}

static void call_run(struct task *t, struct err *err)
{
	struct account_call *h = CONTAINER_OF(t, struct account_call, task);

	if (err->code)
		return task_fail(t, err);
	switch ((enum call_step)t->step) {
	case CALL_BEGIN:
		await_token(h, task_await(t, CALL_TOKEN, OP_NO_DEADLINE));
		return;
	case CALL_TOKEN:
		send_call(h);
		return;
	case CALL_HEAD:
		call_answered(h);
		return;
	}
}

static void transport_start(struct client_call *c, struct op *op)
{
	static const struct task_kind kind = TASK_KIND("account call", call_steps, call_run);
	struct account_call *h = mem_new(sizeof(*h));

	h->transport = transport_of(c->transport);
	h->c = c;
	arena_init(&h->arena);
	c->state = h;
	task_start(&h->task, &kind, op);
}

static void transport_read(struct client_call *c, struct op *op, struct buf *into, size_t max)
{
	struct account_call *h = c->state;

	h->below.transport->ops->read(&h->below, op, into, max);
}

static void transport_end(struct client_call *c)
{
	struct account_call *h = TAKE(c->state);

	if (!h)
		return;
	if (h->begun)
		h->below.transport->ops->end(&h->below);
	arena_done(&h->arena);
	mem_free(h);
}

/* ---- the transport ---- */

static void transport_stop(struct client_transport *base, struct op *op)
{
	scope_close(&transport_of(base)->scope, op);
}

static void transport_free(struct client_transport *base)
{
	struct account_transport *t = transport_of(base);

	buf_done(&t->token);
	arena_done(&t->arena);
	mem_free(t);
}

static const struct client_transport_ops transport_ops = {
	.start = transport_start,
	.read = transport_read,
	.end = transport_end,
	.stop = transport_stop,
	.free = transport_free,
};

struct client_transport *client_transport_account(struct scope *parent, struct client *asker,
	struct client_transport *below, struct str namespace, struct str name)
{
	struct account_transport *t = mem_new(sizeof(*t));

	t->base.ops = &transport_ops;
	t->asker = asker;
	t->below = below;
	arena_init(&t->arena);
	scope_init(&t->scope, parent, "account transport", NULL);
	list_init(&t->waiting);
	buf_init(&t->token, TOKEN_MAX);
	t->namespace = arena_str(&t->arena, namespace);
	t->name = arena_str(&t->arena, name);
	return &t->base;
}
