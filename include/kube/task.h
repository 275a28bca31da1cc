/*
 * task: a sequence of awaits, written as one switch over named steps. A task is the
 * implementation of the op it was started with: whoever awaits that op awaits the task.
 *
 *	enum fetch_step { FETCH_CONNECT, FETCH_SEND, FETCH_ANSWER };
 *
 *	static void fetch_run(struct task *t, struct err *err)
 *	{
 *		struct fetch *f = CONTAINER_OF(t, struct fetch, task);
 *		switch ((enum fetch_step)t->step) {
 *		case FETCH_CONNECT:
 *			transport_connect(f->env, task_await(t, FETCH_SEND, f->deadline), …);
 *			return;
 *		case FETCH_SEND:
 *			if (err->code)
 *				return task_fail(t, err);
 *			…
 *
 * Each step is entered from the run queue with the result of what was awaited (err, t->wait.n);
 * the first is entered inside task_start. A step either awaits one thing and returns, or ends
 * the task by task_finish or task_fail, after which the task's memory may be gone.
 *
 * Cancelling the task's op cancels what it awaits; the step that follows sees ERR_CANCELLED and
 * cleans up. A cancel that finds nothing to cancel hits the next await instead: no request is
 * lost, and one request ends one await.
 */
#ifndef KUBE_TASK_H
#define KUBE_TASK_H

#include <kube/scope.h>

struct task;

struct task_kind {
	struct op_kind op;        /* .name; the rest is filled by TASK_KIND */
	const char *const *steps; /* names, in the enum's order */
	void (*run)(struct task *t, struct err *err);
};

#define TASK_KIND(task_name, step_names, run_fn)                                                   \
	{                                                                                          \
		.op = {.name = (task_name), .cancel = task_cancel_, .describe = task_describe_},   \
		.steps = (step_names), .run = (run_fn)                                             \
	}

struct task {
	struct op *op;  /* the one this task implements */
	struct op wait; /* the one it awaits */
	const struct task_kind *kind;
	int32_t step;
	bool cancel_pending;
};

/* The task's op must have been prepared. Runs step 0 at once, unless the op was refused. */
void task_start(struct task *t, const struct task_kind *kind, struct op *op);
/* Prepares the next await: its result enters `step`. In the scope of the task's op. */
struct op *task_await(struct task *t, int step, int64_t deadline);
void task_finish(struct task *t, int64_t n);
void task_fail(struct task *t, struct err *err); /* moves *err away */

void task_cancel_(struct op *op);
void task_describe_(const struct op *op, struct buf *out);

#endif
