#include "api_options.h"
#include "fair_private.h"
#include "metrics.h"
#include "respond.h"

#include <kube/mem.h>
#include <kube/time.h>

struct fair *fair_new(struct api_server *s)
{
	struct fair *f = mem_new(sizeof(*f));

	f->server = s;
	f->schemas = flow_schemas_new(s, f);
	f->seats = s->options->max_in_flight + s->options->max_mutating_in_flight;
	f->shared_out = loop_now(s->env->loop);
	list_init(&f->levels);
	map_init(&f->watchers);
	return f;
}

void fair_free(struct fair *f)
{
	if (!f)
		return;
	flow_schemas_free(f->schemas);
	fair_levels_free(f);
	map_done(&f->watchers);
	mem_free(f);
}

static int64_t now_of(const struct fair *f)
{
	return loop_now(f->server->env->loop);
}

/* ---- what is counted ---- */

static void observe_wait(const struct fair_ticket *t, struct histogram *h)
{
	metrics_observe_in(METRIC_FLOW_WAIT, h, (double)t->waited / (double)SEC);
}

static void count_refusal(const struct api_request *r, const char *why)
{
	const struct fair_ticket *t = r->ticket;

	++*metrics_number(r->server->metrics, METRIC_FLOW_REJECTED,
		arena_print(r->arena, "%.*s,reason=\"%s\"", STRF(t->labels), why));
}

static void count_waiting(const struct fair_ticket *t, int64_t step)
{
	*t->numbers.waiting += step;
	*t->numbers.waiting_seats += step * fair_work_seats(&t->waiter.work);
}

/* It runs; what it takes is counted until it has given that back. */
static void count_running(struct fair_ticket *t)
{
	t->counted = true;
	++*t->numbers.dispatched;
	++*t->numbers.executing;
	*t->numbers.seats += fair_work_seats(&t->waiter.work);
	observe_wait(t, t->numbers.waited);
}

/* ---- in and out of the queues ---- */

static void let_through(struct api_request *r)
{
	struct fair_ticket *t = r->ticket;

	t->waited = now_of(r->server->fair) - t->arrived;
	count_running(t);
	request_next(r);
}

int64_t fair_waited(const struct api_request *r)
{
	return r->ticket ? r->ticket->waited : 0;
}

void fair_dispatch(struct fair *f, struct fair_level *l)
{
	int64_t blocked = l->queues.blocked;
	struct fair_waiter *w;

	while ((w = fair_queues_next(&l->queues, now_of(f)))) {
		struct fair_ticket *t = CONTAINER_OF(w, struct fair_ticket, waiter);

		count_waiting(t, -1);
		t->seated = true;
		if (t->parked)
			op_finish(&t->request->op, 0);
	}
	if (l->queues.blocked > blocked)
		++*metrics_number(f->server->metrics, METRIC_FLOW_NO_ROOM,
			flow_schemas_labels_of(f->schemas, str_from(l->name)));
	fair_level_note(f, l);
}

void fair_dispatch_all(struct fair *f)
{
	list_each (l, &f->levels)
		fair_dispatch(f, LIST_ENTRY(l, struct fair_level, in_all));
}

/* ---- sharing out, while somebody waits for it ---- */

static bool anybody_waits(const struct fair *f)
{
	list_each (l, &f->levels)
		if (LIST_ENTRY(l, struct fair_level, in_all)->queues.waiting)
			return true;
	return false;
}

static void arm(struct fair *f);

static void period_over(struct op *op, struct err *err)
{
	struct fair *f = CONTAINER_OF(op, struct fair, timer);

	if (err->code)
		return;
	fair_levels_adjust(f);
	fair_dispatch_all(f);
	arm(f);
}

static void arm(struct fair *f)
{
	if (op_active(&f->timer) || !anybody_waits(f))
		return;
	op_init(&f->timer, &f->server->scope, period_over, OP_NO_DEADLINE);
	timer_wait(&f->timer, f->shared_out + FAIR_PERIOD);
}

void fair_levels_changed(struct fair *f)
{
	fair_dispatch_all(f);
}

/* ---- refusals ---- */

static void too_many(struct api_request *r, int64_t retry)
{
	struct http_headers h = respond_headers(r, "text/plain; charset=utf-8");

	http_headers_add(r->arena, &h, STR("X-Content-Type-Options"), STR("nosniff"));
	http_headers_add(
		r->arena, &h, STR("Retry-After"), arena_print(r->arena, "%lld", (long long)retry));
	r->answered = true;
	r->answer_code = 429;
	op_init(&r->op, &r->x->scope, respond_sent, OP_NO_DEADLINE);
	http_respond(r->x, &r->op, 429, h.items, h.count,
		STR("Too many requests, please try again later.\n"));
}

static void refuse(struct api_request *r, const char *why)
{
	struct fair *f = r->server->fair;
	struct fair_ticket *t = r->ticket;

	t->waited = now_of(f) - t->arrived;
	count_refusal(r, why);
	observe_wait(t, t->numbers.refused);
	too_many(r, fair_refuse_for(&t->level->refusals, now_of(f) / SEC));
}

/* ---- waiting ---- */

static void leave_queue(struct fair *f, struct fair_ticket *t)
{
	fair_queues_leave(&t->level->queues, &t->waiter, now_of(f));
	count_waiting(t, -1);
	fair_level_note(f, t->level);
}

static void waiter_cancel(struct op *op)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);

	leave_queue(r->server->fair, r->ticket);
	op_fail_cancelled(op);
}

static const struct op_kind wait_kind = {.name = "wait for a seat", .cancel = waiter_cancel};

static void waited(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);

	r->ticket->parked = false;
	if (!err->code) {
		let_through(r);
	} else if (err->code == ERR_TIMEOUT) {
		refuse(r, "time-out");
	} else {
		count_refusal(r, "cancelled");
		request_fail_err(r, err);
	}
}

static void park(struct api_request *r)
{
	struct fair *f = r->server->fair;
	struct fair_ticket *t = r->ticket;
	int64_t wait = r->server->options->request_timeout / 4;

	t->parked = true;
	op_init(&r->op, &r->x->scope, waited, loop_in(f->server->env->loop, wait));
	if (!op_begin(&r->op, &wait_kind, NULL))
		leave_queue(f, t);
	arm(f);
}

static void start(struct api_request *r, uint64_t flow)
{
	struct fair *f = r->server->fair;
	struct fair_ticket *t = r->ticket;
	struct fair_level *l = t->level;
	enum fair_verdict verdict = fair_queues_start(&l->queues, &t->waiter, flow, now_of(f));

	if (verdict == FAIR_FULL || verdict == FAIR_LIMITED) {
		refuse(r, verdict == FAIR_FULL ? "queue-full" : "concurrency-limit");
		return;
	}
	t->seated = verdict == FAIR_SEATED;
	if (verdict == FAIR_WAITS) {
		count_waiting(t, 1);
		metrics_observe_in(METRIC_FLOW_QUEUE_LENGTH, t->numbers.length,
			(double)t->waiter.queue->count);
	}
	fair_dispatch(f, l);
	if (t->seated)
		let_through(r);
	else
		park(r);
}

/* ---- without levels ---- */

static bool only_looks(const struct api_request *r)
{
	return str_eq_text(r->verb, "get") || str_eq_text(r->verb, "list") ||
	       str_eq_text(r->verb, "watch");
}

/* Two numbers, as before there were levels. */
static void start_without(struct api_request *r)
{
	struct fair *f = r->server->fair;
	const struct api_options *o = r->server->options;
	int64_t *number = only_looks(r) ? &f->reading : &f->writing;
	int64_t most = only_looks(r) ? o->max_in_flight : o->max_mutating_in_flight;

	if (r->long_running || !most) {
		request_next(r);
		return;
	}
	if (*number >= most && !user_in_group(r->user, STR("system:masters"))) {
		too_many(r, 1);
		return;
	}
	if (*number < most) {
		r->ticket = arena_new(r->arena, sizeof(*r->ticket));
		r->ticket->request = r;
		r->ticket->watcher = number;
		++*number;
	}
	request_next(r);
}

/* ---- the stage ---- */

static struct fair_ticket *ticket_new(struct api_request *r, const struct flow_match *match)
{
	struct fair_ticket *t = arena_new(r->arena, sizeof(*t));

	t->request = r;
	t->level = match->of;
	t->schema_uid = arena_str(r->arena, match->schema_uid);
	t->level_uid = arena_str(r->arena, str_from(match->of->uid));
	t->labels = arena_str(r->arena, match->labels);
	t->schema = arena_str(r->arena, match->schema);
	t->flow = match->flow;
	t->numbers = match->numbers;
	t->arrived = now_of(r->server->fair);
	t->waiter.work = fair_estimate(r->server->fair, r, match->of->widest);
	return t;
}

void stage_throttle(struct api_request *r)
{
	struct fair *f = r->server->fair;
	bool watch = str_eq_text(r->verb, "watch");
	struct flow_match match;

	if (!r->server->options->fair_queuing) {
		start_without(r);
		return;
	}
	if (r->long_running && !watch) {
		request_next(r);
		return;
	}
	match = flow_schemas_match(f->schemas, r);
	if (!match.of) { /* before the first objects are written */
		request_next(r);
		return;
	}
	if (fair_levels_adjust(f))
		fair_dispatch_all(f);
	r->ticket = ticket_new(r, &match);
	metrics_observe_in(METRIC_FLOW_ESTIMATED, match.numbers.estimated,
		(double)fair_work_seats(&r->ticket->waiter.work));
	if (watch)
		fair_watch_count(f, r->ticket);
	start(r, match.hash);
}

void fair_add_headers(struct api_request *r, struct http_headers *h)
{
	if (!r->ticket || !r->ticket->schema_uid.len)
		return;
	http_headers_add(r->arena, h, STR("X-Kubernetes-Pf-Flowschema-Uid"), r->ticket->schema_uid);
	http_headers_add(
		r->arena, h, STR("X-Kubernetes-Pf-Prioritylevel-Uid"), r->ticket->level_uid);
}
