/* One command in a container, to its end, with what it says. */
#include "native.h"

#include <kube/mem.h>
#include <kube/time.h>

/* Who inherited its output may keep it; it is not waited for longer than this. */
#define DRAIN_TIME (2 * SEC)
#define PIECE      (64 * KIB)

struct exec_pipe {
	struct exec *exec;
	struct stream **stream;
	struct buf *into, thrown;
	struct op op;
	bool open;
};

struct exec {
	struct task task;
	struct native *native;
	struct runtime_exec *asked;
	struct runtime_session session;
	struct scope scope; /* of its streams and reads */
	struct op closed;
	struct exec_pipe out, err;
	struct op *drained;
	struct err failed;
};

enum exec_step { EXEC_START, EXEC_STARTED, EXEC_ENDED, EXEC_DRAINED };
static const char *const exec_steps[] = {"start", "started", "ended", "drained"};

/* ---- output ---- */

static void read_more(struct exec_pipe *p);

static void pipe_over(struct exec_pipe *p)
{
	p->open = false;
	if (p->exec->drained && !p->exec->out.open && !p->exec->err.open)
		op_finish(TAKE(p->exec->drained), 0);
}

static void have_read(struct op *op, struct err *err)
{
	struct exec_pipe *p = CONTAINER_OF(op, struct exec_pipe, op);

	if (err->code == ERR_LIMIT) {
		/* What does not fit is thrown away, but taken: the command is not held up. */
		p->into = &p->thrown;
		read_more(p);
	} else if (err->code || op->n == 0) {
		pipe_over(p);
	} else {
		if (p->into == &p->thrown)
			buf_clear(&p->thrown);
		read_more(p);
	}
}

static void read_more(struct exec_pipe *p)
{
	op_init(&p->op, &p->exec->scope, have_read, OP_NO_DEADLINE);
	stream_read(*p->stream, &p->op, p->into, PIECE);
}

static void pipe_begin(
	struct exec *x, struct exec_pipe *p, struct stream **stream, struct buf *into)
{
	*p = (struct exec_pipe){.exec = x, .stream = stream};
	buf_init(&p->thrown, PIECE);
	p->into = into ? into : &p->thrown;
	p->open = *stream != NULL;
	if (p->open)
		read_more(p);
}

static void drain_cancelled(struct op *op)
{
	struct exec *x = op->ctx;

	x->drained = NULL;
	op_fail_cancelled(op);
}

static void await_drained(struct exec *x)
{
	static const struct op_kind kind = {.name = "output's end", .cancel = drain_cancelled};
	struct op *op =
		task_await(&x->task, EXEC_DRAINED, loop_in(x->native->env->loop, DRAIN_TIME));

	if (!op_begin(op, &kind, x))
		return;
	if (x->out.open || x->err.open)
		x->drained = op;
	else
		op_finish(op, 0);
}

/* ---- the steps ---- */

static void exec_free(struct exec *x)
{
	struct native *n = x->native;

	buf_done(&x->out.thrown);
	buf_done(&x->err.thrown);
	err_done(&x->failed);
	mem_free(x);
	native_leave(n);
}

static void exec_closed(struct op *op, struct err *err)
{
	struct exec *x = CONTAINER_OF(op, struct exec, closed);

	(void)err;
	if (x->failed.code)
		task_fail(&x->task, &x->failed);
	else
		task_finish(&x->task, x->asked->exit_code);
	exec_free(x);
}

static void exec_close(struct exec *x, struct err *err)
{
	if (err->code && !x->failed.code)
		err_move(&x->failed, err);
	stream_close(TAKE(x->session.in));
	stream_close(TAKE(x->session.out));
	stream_close(TAKE(x->session.err));
	op_init(&x->closed, x->task.op->scope, exec_closed, OP_NO_DEADLINE);
	scope_close(&x->scope, &x->closed);
}

static void exec_run(struct task *t, struct err *err)
{
	struct exec *x = CONTAINER_OF(t, struct exec, task);
	struct runtime *r = &x->native->runtime;

	switch ((enum exec_step)t->step) {
	case EXEC_START:
		scope_init(&x->scope, t->op->scope, "exec", NULL);
		native_session_start(
			r, task_await(t, EXEC_STARTED, OP_NO_DEADLINE), &x->scope, &x->session);
		return;
	case EXEC_STARTED:
		if (err->code)
			break;
		pipe_begin(x, &x->out, &x->session.out, x->asked->out);
		pipe_begin(x, &x->err, &x->session.err, x->asked->err);
		native_session_wait(r, task_await(t, EXEC_ENDED, OP_NO_DEADLINE), &x->session);
		return;
	case EXEC_ENDED:
		if (err->code)
			break;
		x->asked->exit_code = x->session.exit_code;
		await_drained(x);
		return;
	case EXEC_DRAINED:
		if (err->code == ERR_TIMEOUT)
			err_done(err);
		break;
	}
	exec_close(x, err);
}

void native_exec(struct runtime *r, struct op *op, struct runtime_exec *exec)
{
	static const struct task_kind kind = TASK_KIND("exec", exec_steps, exec_run);
	struct exec *x = mem_new(sizeof(*x));

	*x = (struct exec){.native = native_of(r),
		.asked = exec,
		.session = {.container = exec->container,
			.command = exec->command,
			.command_count = exec->command_count,
			.stdout = true,
			.stderr = true}};
	native_enter(x->native);
	task_start(&x->task, &kind, op);
	if (!native_begun(&x->task))
		exec_free(x);
}
