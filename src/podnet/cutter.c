/*
 * Taking a link away, the kernel waits for everybody who might still look at it, and that takes
 * tens of milliseconds, for one as for many. So what comes while some are being cut waits, and is
 * cut together.
 */
#include <kube/mem.h>

#include "cable.h"
#include "network.h"

static void cut_next(struct pod_network *n);

void cutter_init(struct pod_network *n)
{
	arena_init(&n->cutter.arena);
}

void cutter_done(struct pod_network *n)
{
	assert(!n->cutter.cutting && list_empty(&n->cutter.waiting));
	arena_done(&n->cutter.arena);
}

static void cut_work(struct work *w)
{
	struct cutter *c = CONTAINER_OF(w, struct cutter, work);
	const struct pod_network *n = CONTAINER_OF(c, struct pod_network, cutter);

	if (cable_cut(c->sandboxes, c->count, &w->err) == 0)
		records_remove(n->env->disk, n->directory, c->ips, c->ip_count, &w->err);
}

static void were_cut(struct op *op, struct err *err)
{
	struct cutter *c = CONTAINER_OF(op, struct cutter, op);
	struct link *k;

	c->cutting = false;
	while ((k = list_pop(&c->served))) {
		struct cut_wait *wait = LIST_ENTRY(k, struct cut_wait, in_cutter);
		struct err copy = {0};

		err_copy(&copy, err);
		if (err->code)
			op_fail(wait->op, &copy);
		else
			op_finish(wait->op, 0);
	}
	if (!list_empty(&c->waiting))
		cut_next(CONTAINER_OF(c, struct pod_network, cutter));
}

static void cut_next(struct pod_network *n)
{
	struct cutter *c = &n->cutter;
	size_t count = 0;
	struct link *k;

	list_each (each, &c->waiting)
		count++;
	arena_reset(&c->arena);
	c->sandboxes = arena_new(&c->arena, (count + 1) * sizeof(*c->sandboxes));
	c->ips = arena_new(&c->arena, (2 * count + 1) * sizeof(*c->ips));
	c->count = c->ip_count = 0;
	while ((k = list_pop(&c->waiting))) {
		struct cut_wait *wait = LIST_ENTRY(k, struct cut_wait, in_cutter);

		wait->served = true;
		list_push(&c->served, k);
		c->sandboxes[c->count++] = arena_str(&c->arena, wait->sandbox);
		for (size_t i = 0; i < wait->ip_count; i++)
			c->ips[c->ip_count++] = wait->ips[i];
	}
	c->cutting = true;
	op_init(&c->op, &n->scope, were_cut, OP_NO_DEADLINE);
	work_start(&c->work, &c->op, WORK_NETLINK, cut_work);
}

/* What is being cut will be: nobody can use half a cable. */
static void wait_cancel(struct op *op)
{
	struct cut_wait *wait = op->ctx;

	if (wait->served)
		return;
	link_remove(&wait->in_cutter);
	op_fail_cancelled(op);
}

void cutter_cut(struct pod_network *n, struct op *op, struct cut_wait *wait)
{
	static const struct op_kind kind = {.name = "cut a cable", .cancel = wait_cancel};

	wait->served = false;
	if (!op_begin(op, &kind, wait))
		return;
	wait->op = op;
	list_push(&n->cutter.waiting, &wait->in_cutter);
	if (!n->cutter.cutting)
		cut_next(n);
}
