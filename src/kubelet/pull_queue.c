#include "pull_queue.h"

#include <kube/loop.h>
#include <kube/mem.h>
#include <kube/metric.h>
#include <kube/scope.h>
#include <kube/time.h>

#include <stdio.h>

static const double limits[] = {1, 5, 10, 20, 30, 60, 180, 300, 600, 900, 1200, 1800, 2700, 3600};
static const struct metric_bounds bounds = {limits, ARRAY_LEN(limits)};

/* What images are told apart by in the figures: the smallest of each class. */
static const struct {
	int64_t least;
	const char *name;
} classes[] = {
	{0, "0-10MB"},
	{10 * (int64_t)MIB, "10MB-100MB"},
	{100 * (int64_t)MIB, "100MB-500MB"},
	{500 * (int64_t)MIB, "500MB-1GB"},
	{1024 * (int64_t)MIB, "1GB-10GB"},
	{10240 * (int64_t)MIB, "10GB-50GB"},
	{51200 * (int64_t)MIB, "50GB-100GB"},
	{102400 * (int64_t)MIB, "GT100GB"},
};

struct pull_queue {
	struct runtime *runtime;
	struct list waiting;
	int64_t width, running;
	struct histogram *figures[ARRAY_LEN(classes)]; /* NULL: none of the class yet */
};

int64_t pull_queue_width(const struct kubelet_configuration *c)
{
	return c->serialize_pulls ? 1 : c->parallel_pulls;
}

struct pull_queue *pull_queue_new(struct runtime *runtime, int64_t width)
{
	struct pull_queue *q = mem_new(sizeof(*q));

	q->runtime = runtime;
	q->width = width;
	list_init(&q->waiting);
	return q;
}

void pull_queue_free(struct pull_queue *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		mem_free(q->figures[i]);
	mem_free(q);
}

/* ---- figures ---- */

static size_t class_of(int64_t size)
{
	size_t i = ARRAY_LEN(classes);

	while (--i && size < classes[i].least)
		;
	return i;
}

static void note(struct pull_queue *q, const struct queued_pull *p)
{
	const struct image *image = q->runtime->ops->image(q->runtime, p->pull.reference);
	struct histogram **h = &q->figures[class_of(image ? image->size : 0)];

	if (!*h)
		*h = mem_new(histogram_size(&bounds));
	histogram_observe(*h, &bounds, (double)p->lasted / (double)SEC);
}

void pull_queue_print(const struct pull_queue *q, struct buf *out)
{
	static const char name[] = "kubelet_image_pull_duration_seconds";

	metric_head(out, name, "histogram", "[ALPHA] Duration in seconds to pull an image.");
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		char label[64];

		snprintf(label, sizeof(label), "image_size_in_bytes=\"%s\"", classes[i].name);
		if (q->figures[i])
			metric_print_histogram(out, name, str_from(label), &bounds, q->figures[i]);
	}
}

/* ---- turns ---- */

static void turn_ended(struct op *op, struct err *err);

static void take_turn(struct pull_queue *q, struct queued_pull *p)
{
	q->running++;
	op_init(&p->turn, p->op->scope, turn_ended, OP_NO_DEADLINE);
	p->began = loop_now(op_loop(p->op));
	q->runtime->ops->pull(q->runtime, &p->turn, &p->pull);
}

static void next(struct pull_queue *q)
{
	while (!list_empty(&q->waiting) && (!q->width || q->running < q->width)) {
		struct link *first = list_pop(&q->waiting);

		take_turn(q, CONTAINER_OF(first, struct queued_pull, in_queue));
	}
}

static void turn_ended(struct op *op, struct err *err)
{
	struct queued_pull *p = CONTAINER_OF(op, struct queued_pull, turn);
	struct pull_queue *q = p->queue;

	q->running--;
	p->lasted = loop_now(op_loop(p->op)) - p->began;
	if (err->code) {
		op_fail(p->op, err);
	} else {
		note(q, p);
		op_finish(p->op, 0);
	}
	next(q);
}

static void cancel(struct op *op)
{
	struct queued_pull *p = op->ctx;

	if (!link_linked(&p->in_queue)) {
		op_cancel(&p->turn);
		return;
	}
	link_remove(&p->in_queue);
	op_fail_cancelled(op);
}

void pull_queue_start(struct pull_queue *q, struct op *op, struct queued_pull *p)
{
	static const struct op_kind kind = {.name = "image's turn", .cancel = cancel};

	if (!op_begin(op, &kind, p))
		return;
	p->queue = q;
	p->op = op;
	p->in_queue = (struct link){0};
	list_push(&q->waiting, &p->in_queue);
	next(q);
}
