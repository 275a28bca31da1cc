#include "api_options.h"
#include "fair_private.h"
#include "metrics.h"
#include "respond.h"

#include <kube/mem.h>
#include <kube/time.h>

#define QUEUE_MAX   50   /* of one user, as upstream's */
#define WAITING_MAX 2000 /* of all */

struct fair *fair_new(struct api_server *s)
{
	struct fair *f = mem_new(sizeof(*f));

	f->server = s;
	f->schemas = flow_schemas_new(s);
	f->seats = (size_t)(s->options->max_in_flight + s->options->max_mutating_in_flight);
	map_init_borrowed(&f->flows);
	return f;
}

void fair_free(struct fair *f)
{
	if (!f)
		return;
	assert(!f->waiting);
	flow_schemas_free(f->schemas);
	map_done(&f->flows);
	mem_free(f);
}

/* ---- queues ---- */

static struct flow *flow_of(struct fair *f, struct str user)
{
	struct flow *flow = map_get(&f->flows, user);

	if (flow)
		return flow;
	flow = mem_new(sizeof(*flow));
	flow->name = str_dup(user);
	list_init(&flow->waiters);
	map_set(&f->flows, str_from(flow->name), flow);
	return flow;
}

static void leave_flow(struct fair *f, struct fair_ticket *t)
{
	struct flow *flow = TAKE(t->flow);

	link_remove(&t->in_flow);
	f->waiting--;
	if (t->numbers.waiting)
		--*t->numbers.waiting;
	if (--flow->count)
		return;
	link_remove(&flow->in_turn);
	map_remove(&f->flows, str_from(flow->name));
	mem_free(flow->name);
	mem_free(flow);
}

static void waiter_cancel(struct op *op)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);

	leave_flow(r->server->fair, r->ticket);
	op_fail_cancelled(op);
}

static const struct op_kind wait_kind = {.name = "wait for a seat", .cancel = waiter_cancel};

static void observe_wait(const struct api_request *r, bool executes)
{
	const struct fair_ticket *t = r->ticket;
	struct str labels = arena_print(
		r->arena, "execute=\"%s\",%.*s", executes ? "true" : "false", STRF(t->labels));

	metrics_observe(
		r->server->metrics, METRIC_FLOW_WAIT, labels, (double)t->waited / (double)SEC);
}

static void count_refusal(const struct api_request *r, const char *why)
{
	const struct fair_ticket *t = r->ticket;
	struct str labels = arena_print(
		r->arena, "%.*s%sreason=\"%s\"", STRF(t->labels), t->labels.len ? "," : "", why);

	++*metrics_number(r->server->metrics, METRIC_FLOW_REJECTED, labels);
}

/* It goes on, after this time. */
static void let_through(struct api_request *r)
{
	struct fair_ticket *t = r->ticket;

	t->waited = loop_now(r->server->env->loop) - t->arrived;
	if (t->numbers.dispatched && !r->long_running) {
		t->counted = true;
		++*t->numbers.dispatched;
		++*t->numbers.executing;
		observe_wait(r, true);
	}
	request_next(r);
}

int64_t fair_waited(const struct api_request *r)
{
	return r->ticket ? r->ticket->waited : 0;
}

static void refuse(struct api_request *r, const char *why)
{
	r->ticket->waited = loop_now(r->server->env->loop) - r->ticket->arrived;
	count_refusal(r, why);
	if (r->ticket->labels.len)
		observe_wait(r, false);
	struct http_headers h = respond_headers(r, "text/plain; charset=utf-8");

	http_headers_add(r->arena, &h, STR("X-Content-Type-Options"), STR("nosniff"));
	http_headers_add(r->arena, &h, STR("Retry-After"), STR("1"));
	r->answered = true;
	r->answer_code = 429;
	op_init(&r->op, &r->x->scope, respond_sent, OP_NO_DEADLINE);
	http_respond(r->x, &r->op, 429, h.items, h.count,
		STR("Too many requests, please try again later.\n"));
}

static void give_up(struct api_request *r, const struct err *err)
{
	count_refusal(r, "cancelled");
	request_fail_err(r, err);
}

static void waited(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);

	if (!err->code)
		let_through(r);
	else if (err->code == ERR_TIMEOUT)
		refuse(r, "time-out");
	else
		give_up(r, err);
}

static void seat_next(struct fair *f)
{
	while (f->taken < f->seats && !list_empty(&f->turn)) {
		struct flow *flow = LIST_ENTRY(list_pop(&f->turn), struct flow, in_turn);
		struct fair_ticket *t =
			LIST_ENTRY(list_first(&flow->waiters), struct fair_ticket, in_flow);

		if (flow->count > 1)
			list_push(&f->turn, &flow->in_turn);
		leave_flow(f, t);
		t->seated = true;
		f->taken++;
		op_finish(&t->request->op, 0);
	}
}

static void enqueue(struct fair *f, struct api_request *r)
{
	struct flow *flow = flow_of(f, r->user->name);
	int64_t wait = r->server->options->request_timeout / 4;

	if (flow->count >= QUEUE_MAX || f->waiting >= WAITING_MAX) {
		if (!flow->count) {
			map_remove(&f->flows, str_from(flow->name));
			mem_free(flow->name);
			mem_free(flow);
		}
		refuse(r, "queue-full");
		return;
	}
	r->ticket->flow = flow;
	if (!flow->count++)
		list_push(&f->turn, &flow->in_turn);
	list_push(&flow->waiters, &r->ticket->in_flow);
	f->waiting++;
	if (r->ticket->numbers.waiting)
		++*r->ticket->numbers.waiting;
	op_init(&r->op, &r->x->scope, waited, loop_in(r->server->env->loop, wait));
	if (!op_begin(&r->op, &wait_kind, NULL))
		leave_flow(f, r->ticket);
}

void stage_throttle(struct api_request *r)
{
	struct fair *f = r->server->fair;
	struct flow_match match = flow_schemas_match(f->schemas, r);
	struct fair_ticket *t = arena_new(r->arena, sizeof(*t));

	t->request = r;
	t->schema_uid = arena_str(r->arena, match.schema_uid);
	t->level_uid = arena_str(r->arena, match.level_uid);
	t->labels = arena_str(r->arena, match.labels);
	t->schema = arena_str(r->arena, match.schema);
	t->level = arena_str(r->arena, match.level);
	t->numbers = match.numbers;
	t->arrived = loop_now(r->server->env->loop);
	r->ticket = t;
	if (r->long_running || match.exempt || user_in_group(r->user, STR("system:masters"))) {
		let_through(r);
		return;
	}
	if (f->taken < f->seats && !f->waiting) {
		t->seated = true;
		f->taken++;
		let_through(r);
		return;
	}
	enqueue(f, r);
}

void fair_leave(struct api_request *r)
{
	struct fair *f = r->server->fair;

	if (r->ticket && r->ticket->counted) {
		r->ticket->counted = false;
		--*r->ticket->numbers.executing;
	}
	if (!r->ticket || !r->ticket->seated)
		return;
	r->ticket->seated = false;
	f->taken--;
	seat_next(f);
}

void fair_add_headers(struct api_request *r, struct http_headers *h)
{
	if (!r->ticket || !r->ticket->schema_uid.len)
		return;
	http_headers_add(r->arena, h, STR("X-Kubernetes-Pf-Flowschema-Uid"), r->ticket->schema_uid);
	http_headers_add(
		r->arena, h, STR("X-Kubernetes-Pf-Prioritylevel-Uid"), r->ticket->level_uid);
}
