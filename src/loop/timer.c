#include "internal.h"

#include <kube/mem.h>

/*
 * Four children a node: the heap is half as deep as a binary one, and the four are neighbours in
 * memory. Deadlines are set and removed far more often than they fire.
 */
#define FAN 4

static bool sooner(const struct timer_slot *a, const struct timer_slot *b)
{
	return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static void place(struct timers *t, uint32_t i, struct timer_slot slot)
{
	t->slots[i] = slot;
	slot.op->timer_index = i + 1;
}

static uint32_t rise(struct timers *t, uint32_t i, const struct timer_slot *slot)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / FAN;
		if (!sooner(slot, &t->slots[parent]))
			break;
		place(t, i, t->slots[parent]);
		i = parent;
	}
	return i;
}

static uint32_t sink(struct timers *t, uint32_t i, const struct timer_slot *slot)
{
	for (;;) {
		uint32_t first = i * FAN + 1, best = first;
		if (first >= t->count)
			return i;
		uint32_t end = MIN(first + FAN, t->count);
		for (uint32_t c = first + 1; c < end; c++)
			if (sooner(&t->slots[c], &t->slots[best]))
				best = c;
		if (!sooner(&t->slots[best], slot))
			return i;
		place(t, i, t->slots[best]);
		i = best;
	}
}

void timers_add(struct timers *t, struct op *op, int64_t when)
{
	assert(!op->timer_index);
	if (t->count == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->slots = mem_resize(t->slots, t->cap * sizeof(*t->slots));
	}
	struct timer_slot slot = {.when = when, .order = t->order++, .op = op};
	uint32_t i = t->count++;
	place(t, rise(t, i, &slot), slot);
}

void timers_remove(struct timers *t, struct op *op)
{
	if (!op->timer_index)
		return;
	uint32_t i = op->timer_index - 1;
	op->timer_index = 0;
	struct timer_slot last = t->slots[--t->count];
	if (last.op == op)
		return;
	uint32_t up = rise(t, i, &last);
	place(t, up == i ? sink(t, i, &last) : up, last);
}

void timers_done(struct timers *t)
{
	assert(t->count == 0);
	mem_free(t->slots);
	*t = (struct timers){0};
}

void timers_fire(struct loop *loop)
{
	while (timers_next(&loop->timers) <= loop->now) {
		struct op *op = loop->timers.slots[0].op;
		timers_remove(&loop->timers, op);
		if (op->kind->due && op->n <= op->deadline)
			op->kind->due(op);
		else
			op_expire(op);
	}
}

static void timer_due(struct op *op)
{
	op_finish(op, 0);
}

static void timer_cancel(struct op *op)
{
	op_fail_cancelled(op);
}

void timer_wait(struct op *op, int64_t at)
{
	static const struct op_kind kind = {
		.name = "timer", .cancel = timer_cancel, .due = timer_due};
	if (!op_begin_at(op, &kind, NULL, at))
		return; /* refused: already finished */
}
