/* Seats given back: at once, or when watchers have been told of what was changed. */
#include "fair_private.h"
#include "metrics.h"

#include <kube/mem.h>
#include <kube/time.h>

struct lingering { /* seats on which watchers are told of a change */
	struct fair *fair;
	struct fair_level *level;
	struct fair_waiter waiter;
	int64_t *seats; /* that are counted */
	struct op timer;
};

static void give_back(struct fair *f, struct fair_level *l, struct fair_waiter *w, int64_t *seats)
{
	*seats -= fair_work_seats(&w->work);
	fair_queues_release(&l->queues, w, loop_now(f->server->env->loop));
	if (fair_levels_adjust(f))
		fair_dispatch_all(f);
	else
		fair_dispatch(f, l);
}

static void lingered(struct op *op, struct err *err)
{
	struct lingering *g = CONTAINER_OF(op, struct lingering, timer);

	(void)err;
	give_back(g->fair, g->level, &g->waiter, g->seats);
	mem_free(g);
}

static void linger(struct fair *f, struct fair_ticket *t)
{
	struct lingering *g = mem_new(sizeof(*g));

	*g = (struct lingering){
		.fair = f, .level = t->level, .waiter = t->waiter, .seats = t->numbers.seats};
	op_init(&g->timer, &f->server->scope, lingered, OP_NO_DEADLINE);
	timer_wait(&g->timer, loop_in(f->server->env->loop, t->waiter.work.latency));
}

static void leave_seat(struct fair *f, struct fair_ticket *t)
{
	int64_t ran = loop_now(f->server->env->loop) - t->waiter.started;
	bool watch = str_eq_text(t->request->verb, "watch");

	t->seated = false;
	if (t->counted) {
		--*t->numbers.executing;
		metrics_observe_in(METRIC_FLOW_EXECUTION,
			watch ? t->numbers.ran_watch : t->numbers.ran, (double)ran / (double)SEC);
	} else {
		/* It was given a seat, and gone before it could take it. */
		*t->numbers.seats += fair_work_seats(&t->waiter.work);
	}
	fair_queues_finish(&t->level->queues, &t->waiter, loop_now(f->server->env->loop));
	if (t->counted && t->waiter.work.latency)
		linger(f, t);
	else
		give_back(f, t->level, &t->waiter, t->numbers.seats);
}

/* A watch has a seat until it has begun. */
void fair_watch_begun(struct api_request *r)
{
	if (r->ticket && r->ticket->level && r->ticket->seated)
		leave_seat(r->server->fair, r->ticket);
}

void fair_leave(struct api_request *r)
{
	struct fair *f = r->server->fair;
	struct fair_ticket *t = r->ticket;

	if (!t)
		return;
	if (!t->level) {
		if (t->watcher)
			--*TAKE(t->watcher);
		return;
	}
	if (t->seated)
		leave_seat(f, t);
	fair_watch_uncount(f, t);
}
