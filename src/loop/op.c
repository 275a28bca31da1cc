#include "internal.h"

#include <kube/mem.h>
#include <kube/task.h>

#include <stdarg.h>
#include <stdio.h>

void op_init(struct op *op, struct scope *scope, op_done_fn *done, int64_t deadline)
{
	*op = (struct op){.scope = scope, .done = done, .deadline = deadline};
}

struct loop *op_loop(const struct op *op)
{
	return op->scope->loop;
}

const char *op_name(const struct op *op)
{
	if (op->done != task_resume)
		return op->kind->name;
	return CONTAINER_OF((struct op *)op, struct task, wait)->kind->op.name;
}

/* ---- beginning ---- */

static void op_enlist(struct op *op, const struct op_kind *kind, void *ctx)
{
	assert(op->state == OP_IDLE && op->done && op->scope);
	op->kind = kind;
	op->ctx = ctx;
	op->state = OP_STARTED;
	list_push(&op->scope->ops, &op->in_scope);
	op->scope->loop->in_flight++;
}

/* Counts begins while torture is on; true when this one was refused. */
static bool op_tortured(struct op *op)
{
	struct loop *loop = op->scope->loop;
	if (--loop->torture_left > 0)
		return false;
	loop->torture_hit = true;
	if (loop->torture_code == ERR_CANCELLED) {
		loop->torture_victim = op;
		return false;
	}
	op_fail_with(op, loop->torture_code, "torture: %s refused", op->kind->name);
	return true;
}

static void op_set_moment(struct op *op, int64_t at)
{
	int64_t when = MIN(at, op->deadline);
	if (op->kind->due)
		op->n = at;
	if (when != OP_NO_DEADLINE)
		timers_add(&op->scope->loop->timers, op, when);
}

bool op_begin_at(struct op *op, const struct op_kind *kind, void *ctx, int64_t at)
{
	struct loop *loop = op->scope->loop;
	op_enlist(op, kind, ctx);
	if (op->scope->closing || op->cancel_asked) {
		op_fail_cancelled(op);
		return false;
	}
	if (op->deadline <= loop->now && op->deadline < at) {
		op->expired = true;
		op_fail_cancelled(op);
		return false;
	}
	if (loop->torture_left && op_tortured(op))
		return false;
	op_set_moment(op, at);
	return true;
}

void op_due_at(struct op *op, int64_t at)
{
	assert(op->state == OP_STARTED && op->kind->due);
	timers_remove(&op->scope->loop->timers, op);
	op_set_moment(op, at);
}

bool op_begin(struct op *op, const struct op_kind *kind, void *ctx)
{
	return op_begin_at(op, kind, ctx, OP_NO_DEADLINE);
}

void op_begin_always(struct op *op, const struct op_kind *kind, void *ctx)
{
	op_enlist(op, kind, ctx);
}

/* ---- ending ---- */

static void op_post(struct op *op)
{
	assert(op->state == OP_STARTED);
	struct loop *loop = op->scope->loop;
	op->state = OP_POSTED;
	timers_remove(&loop->timers, op);
	if (loop->torture_victim == op)
		loop->torture_victim = NULL;
	list_push(&loop->run, &op->in_run);
}

void op_finish(struct op *op, int64_t n)
{
	op->n = n;
	op_post(op);
}

/* Takes the text. */
static void op_post_failure(struct op *op, int code, char *text)
{
	assert(code < 0);
	if (code == ERR_CANCELLED && op->expired) {
		mem_free(text);
		code = ERR_TIMEOUT;
		text = mem_print("timed out: %s", op->kind->name);
	}
	op->n = 0;
	op->err_code = code;
	op->err_text = text;
	op_post(op);
}

void op_fail(struct op *op, struct err *err)
{
	struct err taken = TAKE(*err);
	op_post_failure(op, taken.code, taken.text);
}

void op_fail_copy(struct op *op, const struct err *err)
{
	struct err copy = {0};

	err_copy(&copy, err);
	op_fail(op, &copy);
}

void op_fail_with(struct op *op, int code, const char *format, ...)
{
	char text[KIB];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	op_post_failure(op, code, mem_copy_text(text));
}

void op_fail_cancelled(struct op *op)
{
	op_post_failure(op, ERR_CANCELLED, NULL);
}

/* ---- stopping early ---- */

void op_cancel(struct op *op)
{
	if (op->state != OP_STARTED || op->cancel_asked)
		return;
	op->cancel_asked = true;
	/* What has a moment of its own and cannot be hurried still needs it. */
	if (op->kind->due && !op->kind->cancel)
		return;
	/* What comes now answers the cancel: a deadline has nothing to add. */
	timers_remove(&op->scope->loop->timers, op);
	if (op->kind->cancel)
		op->kind->cancel(op);
}

void op_expire(struct op *op)
{
	op->expired = true;
	op_cancel(op);
}

void op_yield(struct op *op)
{
	static const struct op_kind kind = {.name = "yield"};
	if (op_begin(op, &kind, NULL))
		op_finish(op, 0);
}
