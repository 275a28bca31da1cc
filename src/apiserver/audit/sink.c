/*
 *	filling → queued (full, or old enough) → [throttle] → under way → gone
 *
 * A single function moves batches on, go_on; whatever happens calls it: an event, an end of a
 * write, the timer.
 */
#include "sink.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/scope.h>
#include <kube/time.h>

#define BYTES_MAX (64 * MIB) /* that wait or are under way */
#define BATCH_MAX (128 * MIB)

struct audit_sink {
	struct env *env;
	struct scope *scope;
	struct audit_writer *writer;
	const struct audit_writer_kind *kind;
	audit_lost_fn *lost;
	void *ctx;
	/* the mode */
	bool blocks, strict;
	size_t batch_events, queue_events;
	size_t batch_bytes;
	int64_t max_wait;
	/* the throttle: a bucket of so many batches */
	double rate, burst, tokens;
	int64_t counted; /* when the tokens were */
	/* the batches */
	struct audit_batch *filling;
	int64_t filling_since;
	struct list queued, under_way;
	size_t events, bytes; /* that wait, and all there are */
	struct op timer;
	int64_t due;
	/* the end */
	struct op *finisher, patience;
	bool finishing, stopped;
};

struct audit_sink *audit_sink_new(struct env *env, struct scope *scope,
	const struct audit_place_options *o, struct audit_writer *writer, audit_lost_fn *lost,
	void *ctx)
{
	struct audit_sink *s = mem_new(sizeof(*s));

	s->env = env;
	s->scope = scope;
	s->writer = writer;
	s->kind = writer->kind;
	s->lost = lost;
	s->ctx = ctx;
	s->blocks = !audit_mode_is(o, "batch");
	s->strict = audit_mode_is(o, "blocking-strict");
	s->batch_bytes = o->truncate ? (size_t)o->truncate_batch : BYTES_MAX;
	if (s->blocks) {
		s->batch_events = s->kind->alone ? SIZE_MAX : 1;
		s->queue_events = SIZE_MAX;
	} else {
		s->batch_events = (size_t)o->max_size;
		s->queue_events = (size_t)(o->buffer_size + o->max_size);
		s->max_wait = o->max_wait;
		if (o->throttle) {
			s->rate = o->throttle_qps;
			s->burst = s->tokens = (double)o->throttle_burst;
			s->counted = loop_now(env->loop);
		}
	}
	list_init(&s->queued);
	list_init(&s->under_way);
	return s;
}

bool audit_sink_blocks(const struct audit_sink *s)
{
	return s->blocks;
}

void audit_sink_lose(struct audit_sink *s, const char *plugin, size_t events)
{
	if (events)
		s->lost(s->ctx, plugin, events);
}

/* ---- batches ---- */

static void go_on(struct audit_sink *s);

static struct audit_batch *batch_new(struct audit_sink *s)
{
	struct audit_batch *b = mem_new(sizeof(*b));

	b->sink = s;
	buf_init(&b->text, BATCH_MAX);
	buf_add_text(&b->text, s->kind->head);
	list_init(&b->waiters);
	return b;
}

static void tell_waiters(struct audit_batch *b, const struct err *err)
{
	for (struct link *k; (k = list_pop(&b->waiters));) {
		struct op *op = LIST_ENTRY(k, struct audit_wait, in_batch)->op;

		if (err->code && b->sink->strict)
			/* whatever it was: not the waiter's own end */
			op_fail_with(op, ERR_UNAVAILABLE, "%s", err_text(err));
		else
			op_finish(op, 0);
	}
}

static void batch_done(struct op *op, struct err *err)
{
	struct audit_batch *b = CONTAINER_OF(op, struct audit_batch, op);
	struct audit_sink *s = b->sink;

	if (err->code) {
		log_error(err, "audit events could not be written",
			LOG_STR("plugin", str_from(s->kind->plugin)),
			LOG_INT("events", (int64_t)b->lost));
		audit_sink_lose(s, s->kind->plugin, b->lost);
	}
	if (s->kind->written)
		s->kind->written(b);
	tell_waiters(b, err);
	link_remove(&b->in_sink);
	s->bytes -= b->text.len;
	buf_done(&b->text);
	mem_free(b);
	go_on(s);
}

static void send(struct audit_sink *s, struct audit_batch *b)
{
	size_t before = b->text.len;

	buf_add_text(&b->text, s->kind->tail);
	s->bytes += b->text.len - before;
	s->events -= b->count;
	b->lost = b->count;
	list_push(&s->under_way, &b->in_sink);
	op_init(&b->op, s->scope, batch_done, OP_NO_DEADLINE);
	s->kind->write(s->writer, b);
}

/* ---- when ---- */

static void woken(struct op *op, struct err *err)
{
	(void)err; /* or an earlier time was wanted */
	go_on(CONTAINER_OF(op, struct audit_sink, timer));
}

static void wake_at(struct audit_sink *s, int64_t at)
{
	if (op_active(&s->timer)) {
		if (at < s->due)
			op_cancel(&s->timer);
		return;
	}
	s->due = at;
	op_init(&s->timer, s->scope, woken, OP_NO_DEADLINE);
	timer_wait(&s->timer, at);
}

/* May a batch go? Otherwise the time when one may. */
static bool take_token(struct audit_sink *s, int64_t *when)
{
	int64_t now = loop_now(s->env->loop);

	if (s->rate <= 0 || s->finishing)
		return true;
	s->tokens = MIN(s->burst, s->tokens + (double)(now - s->counted) / (double)SEC * s->rate);
	s->counted = now;
	if (s->tokens >= 1) {
		s->tokens--;
		return true;
	}
	*when = now + (int64_t)((1 - s->tokens) / s->rate * (double)SEC) + MSEC;
	return false;
}

static bool writer_is_free(const struct audit_sink *s)
{
	return !s->kind->alone || list_empty(&s->under_way);
}

/* What fills is enough by itself, or has waited for long enough. */
static void queue_filling(struct audit_sink *s)
{
	int64_t due;

	if (!s->filling)
		return;
	due = s->filling_since + s->max_wait;
	if (s->filling->count < s->batch_events && due > loop_now(s->env->loop) && !s->finishing) {
		wake_at(s, due);
		return;
	}
	if (s->blocks && !writer_is_free(s))
		return; /* more may come with it */
	list_push(&s->queued, &s->filling->in_sink);
	s->filling = NULL;
}

static void end_if_idle(struct audit_sink *s)
{
	if (!s->finishing || s->filling || !list_empty(&s->queued) || !list_empty(&s->under_way))
		return;
	if (!s->stopped && s->kind->stop)
		s->kind->stop(s->writer);
	s->stopped = true;
	if (op_active(&s->patience)) {
		op_cancel(&s->patience);
		return;
	}
	if (op_active(&s->timer)) {
		op_cancel(&s->timer);
		return;
	}
	if (s->finisher)
		op_finish(TAKE(s->finisher), 0);
}

static void go_on(struct audit_sink *s)
{
	int64_t when;

	queue_filling(s);
	while (!list_empty(&s->queued) && writer_is_free(s)) {
		if (!take_token(s, &when)) {
			wake_at(s, when);
			break;
		}
		send(s, LIST_ENTRY(list_pop(&s->queued), struct audit_batch, in_sink));
		queue_filling(s);
	}
	end_if_idle(s);
}

/* ---- events come ---- */

static void wait_cancel(struct op *op)
{
	link_remove(&((struct audit_wait *)op->ctx)->in_batch);
	op_fail_cancelled(op);
}

static const struct op_kind wait_kind = {.name = "audit event", .cancel = wait_cancel};

static void add_event(struct audit_sink *s, struct str event)
{
	const struct str kind = STR(AUDIT_EVENT_KIND);
	struct audit_batch *b;
	size_t before;

	if (s->filling && s->filling->count && s->filling->text.len + event.len > s->batch_bytes) {
		list_push(&s->queued, &s->filling->in_sink);
		s->filling = NULL;
	}
	if (!s->filling) {
		s->filling = batch_new(s);
		s->filling_since = loop_now(s->env->loop);
		s->bytes += s->filling->text.len;
	}
	b = s->filling;
	before = b->text.len;
	if (b->count++)
		buf_add_text(&b->text, s->kind->between);
	if (s->kind->bare && str_starts(event, kind)) {
		buf_add_char(&b->text, '{');
		event = str_skip(event, kind.len);
	}
	buf_add_str(&b->text, event);
	s->bytes += b->text.len - before;
	s->events++;
}

void audit_sink_add(struct audit_sink *s, struct str event, struct audit_wait *wait)
{
	const char *why = NULL;

	assert(!s->finishing);
	if (s->events >= s->queue_events || s->bytes + event.len > BYTES_MAX) {
		why = "audit buffer queue blocked";
		audit_sink_lose(s, s->blocks ? s->kind->plugin : "buffered", 1);
	} else {
		add_event(s, event);
	}
	if (wait && op_begin(wait->op, &wait_kind, wait)) {
		if (!why)
			list_push(&s->filling->waiters, &wait->in_batch);
		else if (s->strict)
			op_fail_with(wait->op, ERR_UNAVAILABLE, "%s", why);
		else
			op_finish(wait->op, 0);
	}
	go_on(s);
}

/* ---- the end ---- */

static const struct op_kind finish_kind = {.name = "audit end"};

static void lost_patience(struct op *op, struct err *err)
{
	struct audit_sink *s = CONTAINER_OF(op, struct audit_sink, patience);

	if (!err->code && !s->stopped && s->kind->stop) {
		s->stopped = true;
		s->kind->stop(s->writer);
	}
	end_if_idle(s);
}

void audit_sink_finish(struct audit_sink *s, struct op *op, int64_t patience)
{
	assert(!s->finishing);
	op_begin_always(op, &finish_kind, s);
	s->finisher = op;
	s->finishing = true;
	op_init(&s->patience, s->scope, lost_patience, OP_NO_DEADLINE);
	timer_wait(&s->patience, loop_in(s->env->loop, patience));
	go_on(s);
}

void audit_sink_free(struct audit_sink *s)
{
	if (!s)
		return;
	assert(!s->filling && list_empty(&s->queued) && list_empty(&s->under_way));
	if (!s->stopped && s->kind->stop)
		s->kind->stop(s->writer);
	s->kind->free(s->writer);
	mem_free(s);
}
