#include "run.h"

#include <kube/log.h>

#include <signal.h>

void run_init(struct run *r)
{
	struct loop *loop = loop_new();
	_cleanup_(err_done) struct err err = {0};

	r->root = loop_root(loop);
	r->env = env_new(loop);
	if (loop_dump_on_signal(loop, SIGUSR1, 2, &err))
		log_warning(&err, "SIGUSR1 will not be heard");
}

void run_ask(struct run *r)
{
	if (r->stopping)
		return;
	r->stopping = true;
	r->asked(r->ctx);
}

static void terminated(struct op *op, struct err *err)
{
	if (!err->code)
		run_ask(CONTAINER_OF(op, struct run, term));
}

static void interrupted(struct op *op, struct err *err)
{
	if (!err->code)
		run_ask(CONTAINER_OF(op, struct run, interrupt));
}

void run_hear_signals(struct run *r, void (*asked)(void *ctx), void *ctx)
{
	r->asked = asked;
	r->ctx = ctx;
	op_init(&r->term, r->root, terminated, OP_NO_DEADLINE);
	signal_wait(r->env->loop, &r->term, SIGTERM);
	op_init(&r->interrupt, r->root, interrupted, OP_NO_DEADLINE);
	signal_wait(r->env->loop, &r->interrupt, SIGINT);
}

int run_loop(struct run *r)
{
	_cleanup_(err_done) struct err err = {0};

	if (loop_run(r->env->loop, &err))
		r->status = 1;
	return r->status;
}

void run_done(struct run *r)
{
	struct loop *loop = r->env->loop;

	env_free(r->env);
	loop_free(loop);
}
