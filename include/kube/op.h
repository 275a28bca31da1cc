/*
 * op: one awaited thing. The only way asynchronous code is written here.
 *
 * The waiter embeds a `struct op` in its own memory, prepares it with op_init (who is told, by
 * when, which scope owns the wait) and hands it to a start function:
 *
 *	op_init(&c->op, &c->scope, on_read, deadline);
 *	stream_read(c->stream, &c->op, &c->in, 16 * KIB);
 *
 * Starting returns void. Whatever happens, refusals included, arrives in `done` exactly once,
 * from the loop's run queue, never inside start or cancel. Until then the op's memory must stay;
 * from inside done it may be freed or prepared again.
 *
 * Cancelling is a request: done still comes, with ERR_CANCELLED or with the result that won the
 * race. A deadline cancels in the same way and turns ERR_CANCELLED into ERR_TIMEOUT.
 *
 * All of it happens on the loop's thread.
 */
#ifndef KUBE_OP_H
#define KUBE_OP_H

#include <kube/buf.h>
#include <kube/err.h>
#include <kube/list.h>

struct op;
struct scope;
struct loop;

/* err->code is 0 on success; the text may be moved out with err_move. The result is in op->n. */
typedef void op_done_fn(struct op *op, struct err *err);

/* What sort of thing is awaited: one static constant for each start function. */
struct op_kind {
	const char *name;
	/*
	 * Asks the implementation (op->ctx) to stop. It answers with op_finish or op_fail, now or
	 * later. NULL: cannot be hurried.
	 */
	void (*cancel)(struct op *op);
	/* Adds what a dump should say about it; may be NULL. */
	void (*describe)(const struct op *op, struct buf *out);
	/* Only inside loop/: the moment the op was begun for has come. Without `cancel` it comes
	 * after a cancel, too. */
	void (*due)(struct op *op);
};

#define OP_NO_DEADLINE INT64_MAX

enum op_state { OP_IDLE, OP_STARTED, OP_POSTED };

struct op {
	struct link in_run;   /* the run queue */
	struct link in_scope; /* the scope's list while in flight */
	struct scope *scope;
	const struct op_kind *kind;
	op_done_fn *done;
	void *ctx; /* the implementation's */
	int64_t n; /* the result: a count, an index, whatever the start function says */
	char *err_text;
	int32_t err_code;
	uint32_t timer_index; /* place in the loop's timer heap + 1; 0: none */
	int64_t deadline;     /* absolute, on the loop's monotonic clock */
	uint8_t state;        /* enum op_state */
	bool cancel_asked;
	bool expired;
};

/* ---- the waiter's side ---- */
void op_init(struct op *op, struct scope *scope, op_done_fn *done, int64_t deadline);
/* Nothing happens unless it is in flight and was not asked before. */
void op_cancel(struct op *op);
static inline bool op_active(const struct op *op)
{
	return op->state != OP_IDLE;
}
struct loop *op_loop(const struct op *op);

/* ---- the implementation's side ---- */
/*
 * First call of every start function. false: the op has already been finished (its scope is
 * closing, its deadline has passed, or the torture harness wants it to fail): do nothing.
 */
KUBE_MUST_USE bool op_begin(struct op *op, const struct op_kind *kind, void *ctx);
/*
 * As op_begin, but never refused, and without its deadline: for ends (closing, stopping) that
 * must happen whatever state the waiter is in, and for what keeps a scope from ending.
 */
void op_begin_always(struct op *op, const struct op_kind *kind, void *ctx);
/* Exactly one of these, once, at any time after op_begin, also inside start or cancel. */
void op_finish(struct op *op, int64_t n);
void op_fail(struct op *op, struct err *err);            /* moves *err away */
void op_fail_copy(struct op *op, const struct err *err); /* *err stays */
void op_fail_with(struct op *op, int code, const char *format, ...) KUBE_PRINTF(3, 4);
void op_fail_cancelled(struct op *op);

/* An op that finishes when `at` has come: a timer. Cancelling ends it with ERR_CANCELLED. */
void timer_wait(struct op *op, int64_t at);
/* An op that finishes at once, from the run queue: a yield. */
void op_yield(struct op *op);

#endif
