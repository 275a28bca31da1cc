#include "network.h"

static void job_cancel(struct op *op)
{
	struct job *job = op->ctx;

	op_cancel(&job->inner);
}

static void job_over(struct op *op, struct err *err)
{
	struct job *job = CONTAINER_OF(op, struct job, inner);
	struct op *outer = job->outer;

	job->forget(job);
	if (err->code)
		op_fail(outer, err);
	else
		op_finish(outer, 0);
}

void job_start(struct job *job, struct pod_network *n, struct op *op, const struct task_kind *kind,
	void (*forget)(struct job *job))
{
	static const struct op_kind waiting = {.name = "pod network", .cancel = job_cancel};

	job->network = n;
	job->outer = op;
	job->forget = forget;
	if (!op_begin(op, &waiting, job)) {
		forget(job);
		return;
	}
	op_init(&job->inner, &n->scope, job_over, OP_NO_DEADLINE);
	task_start(&job->task, kind, &job->inner);
}

void job_end(struct job *job, struct err *err)
{
	if (err->code)
		task_fail(&job->task, err);
	else
		task_finish(&job->task, 0);
}
