#include <kube/task.h>

#include "internal.h"

void task_start(struct task *t, const struct task_kind *kind, struct op *op)
{
	*t = (struct task){.op = op, .kind = kind};
	if (!op_begin(op, &kind->op, t))
		return;
	struct err err = {0};
	kind->run(t, &err);
	err_done(&err);
}

struct op *task_await(struct task *t, int step, int64_t deadline)
{
	assert(t->op->state == OP_STARTED && t->wait.state == OP_IDLE);
	t->step = step;
	op_init(&t->wait, t->op->scope, task_resume, deadline);
	/* op_begin refuses an op that has been asked to stop before it started. */
	t->wait.cancel_asked = t->cancel_pending;
	return &t->wait;
}

void task_resume(struct op *op, struct err *err)
{
	struct task *t = CONTAINER_OF(op, struct task, wait);
	/* An await that ended well has not answered it, nor one that had failed before it came. */
	if (err->code && op->cancel_asked && !op->expired)
		t->cancel_pending = false;
	t->kind->run(t, err);
}

void task_finish(struct task *t, int64_t n)
{
	assert(t->wait.state == OP_IDLE);
	op_finish(t->op, n);
}

void task_fail(struct task *t, struct err *err)
{
	assert(t->wait.state == OP_IDLE);
	op_fail(t->op, err);
}

void task_cancel_(struct op *op)
{
	struct task *t = op->ctx;
	t->cancel_pending = true;
	op_cancel(&t->wait);
}

void task_describe_(const struct op *op, struct buf *out)
{
	const struct task *t = op->ctx;
	buf_print(out, "at %s", t->kind->steps[t->step]);
	if (op_active(&t->wait))
		buf_print(out, ", awaits %s", t->wait.kind->name);
}
