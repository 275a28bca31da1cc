#include "internal.h"

#include <kube/time.h>

/*
 * After this much the kernel is asked again, so that a busy queue cannot starve the descriptors.
 * The clock is read every few completions only: reading it costs as much as delivering one.
 */
#define TURN_OPS   1024
#define TURN_NS    (1 * MSEC)
#define CLOCK_EACH 16

static void run_told(struct loop *loop, const char *name, int64_t *last)
{
	int64_t now = clock_mono(), ns = now - *last;
	*last = now;
	if (ns > loop->lag_worst) {
		loop->lag_worst = ns;
		loop->lag_name = name;
	}
}

/*
 * Delivers one completion; gives its name when somebody watches for lag. Everything that concerns
 * the op and its scope comes before done, which may free the first, and close the second. The scope
 * itself cannot go before its closer is told, and that is a delivery of its own.
 */
static const char *run_one(struct loop *loop, struct op *op)
{
	link_remove(&op->in_run);
	if (op->kind == &scope_close_kind && !scope_end(op->ctx, op))
		return NULL;
	const char *name = loop->lag_told ? op_name(op) : NULL;
	struct scope *scope = op->scope;
	struct err err = {.code = op->err_code, .text = op->err_text};
	op->err_code = 0;
	op->err_text = NULL;
	op->state = OP_IDLE;
	link_remove(&op->in_scope);
	loop->in_flight--;
	loop->stats.ops++;
	if (scope->closer)
		scope_check(scope);
	op->done(op, &err);
	if (err.text)
		err_done(&err);
	return name;
}

void run_drain(struct loop *loop)
{
	int64_t last = loop->lag_told ? clock_mono() : loop->turn_start;
	for (unsigned count = 1; count <= TURN_OPS; count++) {
		if (loop->torture_victim)
			op_cancel(TAKE(loop->torture_victim));
		struct link *k = list_first(&loop->run);
		if (!k)
			return;
		const char *name = run_one(loop, LIST_ENTRY(k, struct op, in_run));
		if (name)
			run_told(loop, name, &last);
		if (loop->until && *loop->until)
			return;
		if (count % CLOCK_EACH == 0 && loop->driver &&
			clock_mono() - loop->turn_start >= TURN_NS)
			return;
	}
}
