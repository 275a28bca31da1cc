#include <kube/workqueue.h>

#include "rate.h"

#include <kube/map.h>
#include <kube/mem.h>
#include <kube/time.h>

#define KEY_MAX KIB

/* Known while it waits, is worked on, rests, or has failed. */
struct item {
	struct link in_ready;
	struct str key; /* heap */
	bool working, again;
	bool idle; /* delayed only to be forgotten: nobody has asked for it */
	int failures;
	int64_t rests_until;
	struct str delayed; /* its key among the delayed; empty: it is not */
};

struct taker {
	struct link in_queue;
	struct op *op;
	struct str *key;
};

struct workqueue {
	struct loop *loop;
	struct scope scope;
	struct workqueue_options options;
	struct rate rate;
	struct map items;
	struct omap delayed; /* when, as 16 hexadecimal digits, then the key → item */
	struct list ready, takers;
	size_t ready_count;
	struct op alarm;
	int64_t alarm_at;
	bool stopped;
};

/* ---- items ---- */

static struct item *item_of(struct workqueue *q, struct str key)
{
	struct item *item = map_get(&q->items, key);

	assert(key.len <= KEY_MAX);
	if (item)
		return item;
	item = mem_new(sizeof(*item));
	item->key = str_make(str_dup(key), key.len);
	map_set(&q->items, item->key, item);
	return item;
}

static void item_free(struct item *item)
{
	link_remove(&item->in_ready);
	mem_free((char *)(uintptr_t)item->delayed.at);
	mem_free((char *)(uintptr_t)item->key.at);
	mem_free(item);
}

/* Nobody needs to know it any more. */
static void item_settle(struct workqueue *q, struct item *item)
{
	if (item->working || item->failures || item->delayed.len || link_linked(&item->in_ready))
		return;
	map_remove(&q->items, item->key);
	item_free(item);
}

/* ---- taking ---- */

static void hand_out(struct workqueue *q)
{
	while (!list_empty(&q->ready) && !list_empty(&q->takers)) {
		struct item *item = LIST_ENTRY(list_pop(&q->ready), struct item, in_ready);
		struct taker *taker = LIST_ENTRY(list_pop(&q->takers), struct taker, in_queue);

		q->ready_count--;
		item->working = true;
		*taker->key = item->key;
		op_finish(taker->op, 0);
		mem_free(taker);
	}
}

static void taker_cancel(struct op *op)
{
	struct taker *taker = op->ctx;

	link_remove(&taker->in_queue);
	mem_free(taker);
	op_fail_cancelled(op);
}

void workqueue_take(struct workqueue *q, struct op *op, struct str *key)
{
	static const struct op_kind kind = {.name = "workqueue take", .cancel = taker_cancel};
	struct taker *taker = mem_new(sizeof(*taker));

	*taker = (struct taker){.op = op, .key = key};
	if (!op_begin(op, &kind, taker)) {
		mem_free(taker);
		return;
	}
	if (q->stopped) {
		op_fail_with(op, ERR_CLOSED, "the queue has ended");
		mem_free(taker);
		return;
	}
	list_push(&q->takers, &taker->in_queue);
	hand_out(q);
}

/* ---- adding ---- */

static void item_delay(struct workqueue *q, struct item *item, int64_t ns);

static void item_add(struct workqueue *q, struct item *item)
{
	if (item->working) {
		item->again = true;
		return;
	}
	if (link_linked(&item->in_ready))
		return;
	if (item->rests_until > loop_now(q->loop)) {
		item_delay(q, item, 0);
		return;
	}
	list_push(&q->ready, &item->in_ready);
	q->ready_count++;
	hand_out(q);
}

void workqueue_add(struct workqueue *q, struct str key)
{
	if (!q->stopped)
		item_add(q, item_of(q, key));
}

/* ---- delays ---- */

static int64_t due_of(struct str delayed)
{
	uint64_t due = 0;

	for (size_t i = 0; i < 16; i++) {
		char c = delayed.at[i];

		due = due << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return (int64_t)due;
}

static void undelay(struct workqueue *q, struct item *item)
{
	omap_remove(&q->delayed, item->delayed);
	mem_free((char *)(uintptr_t)item->delayed.at);
	item->delayed = (struct str){0};
	item->idle = false;
}

static int64_t soonest(const struct workqueue *q)
{
	omap_each (it, &q->delayed)
		return due_of(it.key);
	return INT64_MAX;
}

static struct item *first_due(const struct workqueue *q, int64_t now)
{
	omap_each (it, &q->delayed)
		return due_of(it.key) <= now ? it.value : NULL;
	return NULL;
}

static void set_alarm(struct workqueue *q);

static void rang(struct op *op, struct err *err)
{
	struct workqueue *q = CONTAINER_OF(op, struct workqueue, alarm);
	struct item *item;

	(void)err; /* cancelled for the sake of an earlier one, or at the end */
	if (q->stopped || scope_closing(&q->scope))
		return;
	while ((item = first_due(q, loop_now(q->loop)))) {
		bool idle = item->idle;

		undelay(q, item);
		if (idle)
			item_settle(q, item);
		else
			item_add(q, item);
	}
	set_alarm(q);
}

static void set_alarm(struct workqueue *q)
{
	int64_t at = soonest(q);

	if (at == INT64_MAX)
		return;
	if (op_active(&q->alarm)) {
		if (at < q->alarm_at)
			op_cancel(&q->alarm);
		return;
	}
	q->alarm_at = at;
	op_init(&q->alarm, &q->scope, rang, OP_NO_DEADLINE);
	timer_wait(&q->alarm, at);
}

static void item_delay(struct workqueue *q, struct item *item, int64_t ns)
{
	int64_t due = MAX(loop_in(q->loop, ns), item->rests_until);

	if (item->delayed.len && !item->idle && due_of(item->delayed) <= due)
		return;
	if (item->delayed.len)
		undelay(q, item);
	item->delayed =
		str_from(mem_print("%016llx%.*s", (unsigned long long)due, STRF(item->key)));
	omap_set(&q->delayed, item->delayed, item);
	set_alarm(q);
}

void workqueue_add_after(struct workqueue *q, struct str key, int64_t ns)
{
	if (q->stopped)
		return;
	if (ns <= 0)
		item_add(q, item_of(q, key));
	else
		item_delay(q, item_of(q, key), ns);
}

void workqueue_add_failed(struct workqueue *q, struct str key)
{
	const struct workqueue_options *o = &q->options;

	if (q->stopped)
		return;
	struct item *item = item_of(q, key);
	int64_t delay = o->base_delay, turn = rate_reserve(&q->rate, loop_now(q->loop));
	for (int i = 0; i < item->failures && delay < o->max_delay; i++)
		delay *= 2;
	item->failures++;
	item_delay(q, item, MAX(MIN(delay, o->max_delay), turn));
}

void workqueue_forget(struct workqueue *q, struct str key)
{
	struct item *item = map_get(&q->items, key);

	if (!item)
		return;
	item->failures = 0;
	item_settle(q, item);
}

int workqueue_failures(const struct workqueue *q, struct str key)
{
	const struct item *item = map_get(&q->items, key);

	return item ? item->failures : 0;
}

/* ---- done with a key ---- */

void workqueue_done_resting(struct workqueue *q, struct str key, int64_t ns)
{
	struct item *item = map_get(&q->items, key);

	assert(item && item->working);
	item->working = false;
	item->rests_until = ns > 0 ? loop_in(q->loop, ns) : 0;
	if (item->again && !q->stopped) {
		item->again = false;
		item_add(q, item);
		return;
	}
	if (ns > 0 && !item->delayed.len && !q->stopped) {
		item_delay(q, item, ns);
		item->idle = true;
	}
	item_settle(q, item);
}

void workqueue_done(struct workqueue *q, struct str key)
{
	workqueue_done_resting(q, key, 0);
}

/* ---- life ---- */

struct workqueue *workqueue_new(
	struct loop *loop, struct scope *parent, const struct workqueue_options *options)
{
	struct workqueue *q = mem_new(sizeof(*q));
	struct workqueue_options *o = &q->options;

	*o = *options;
	o->base_delay = o->base_delay ? o->base_delay : 5 * MSEC;
	o->max_delay = o->max_delay ? o->max_delay : 1000 * SEC;
	q->loop = loop;
	rate_init(&q->rate, o->qps > 0 ? o->qps : 10, o->burst ? o->burst : 100, loop_now(loop));
	map_init(&q->items);
	omap_init(&q->delayed);
	list_init(&q->ready);
	list_init(&q->takers);
	scope_init(&q->scope, parent, o->name ? o->name : "workqueue", NULL);
	return q;
}

void workqueue_stop(struct workqueue *q, struct op *op)
{
	struct link *k;

	q->stopped = true;
	while ((k = list_pop(&q->takers))) {
		struct taker *taker = LIST_ENTRY(k, struct taker, in_queue);

		op_fail_with(taker->op, ERR_CLOSED, "the queue has ended");
		mem_free(taker);
	}
	scope_close(&q->scope, op);
}

void workqueue_free(struct workqueue *q)
{
	if (!q)
		return;
	map_each (it, &q->items)
		item_free(it.value);
	map_done(&q->items);
	omap_done(&q->delayed);
	mem_free(q);
}

size_t workqueue_length(const struct workqueue *q)
{
	return q->ready_count;
}

size_t workqueue_delayed(const struct workqueue *q)
{
	return q->delayed.count;
}
