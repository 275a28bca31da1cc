#include "tls_stream.h"

#include <kube/mem.h>

/*
 *	ADVANCE ──► (a worker, or here) ──► WORKED ──► SENT ─┬─ want input: READ ──► ADVANCE
 *	                                                     ├─ done: the stream is given
 *	                                                     └─ failed: closed, the op fails
 */
enum shake_step { SHAKE_ADVANCE, SHAKE_WORKED, SHAKE_SENT, SHAKE_READ };

static const char *const shake_steps[] = {
	[SHAKE_ADVANCE] = "advance",
	[SHAKE_WORKED] = "worked",
	[SHAKE_SENT] = "sent",
	[SHAKE_READ] = "read",
};

/*
 * Light steps cost some 30 µs each. When hundreds of clients arrive in one turn of the loop, those
 * above this number go to the workers as well, so that the turn does not get long.
 */
#define LIGHT_STEPS_A_TURN 24

/*
 * Room for what a worker appends is made on the loop: memory that it takes is freed into its own
 * heap arena later, and the loop would wait for that lock while the worker is descheduled.
 */
#define FLIGHT_ROOM (8 * KIB)

static bool too_many_this_turn(const struct loop *loop)
{
	static _Thread_local int64_t turn;
	static _Thread_local int steps;
	if (turn != loop_now(loop)) {
		turn = loop_now(loop);
		steps = 0;
	}
	return ++steps > LIGHT_STEPS_A_TURN;
}

/* What comes before public-key work is sent together with its result. */
static void shake_work(struct work *w)
{
	struct tls_stream *t = CONTAINER_OF(w, struct tls_stream, work);
	do {
		t->want = tls_engine_handshake(t->engine, &t->in, &t->next, &t->failure);
	} while (t->want == TLS_WANT_WORK);
}

static void shake_fail(struct tls_stream *t, struct err *err)
{
	struct op *op = t->task.op;
	struct err why = {0};
	err_move(&why, err);
	stream_close(TAKE(t->below));
	tls_stream_free(t);
	op_fail(op, &why);
}

static void shake_succeed(struct tls_stream *t)
{
	struct op *op = t->task.op;
	buf_done(&t->out);
	tls_stream_open(t, t->base.scope);
	*t->result = &t->base;
	op_finish(op, 0);
}

/* What the engine made has been sent: on to what it wants. */
static void shake_continue(struct tls_stream *t)
{
	switch (t->want) {
	case TLS_FAILED:
		shake_fail(t, &t->failure);
		return;
	case TLS_DONE:
		shake_succeed(t);
		return;
	case TLS_WANT_READ:
		stream_read(t->below, task_await(&t->task, SHAKE_READ, OP_NO_DEADLINE), &t->in,
			t->read_size);
		return;
	case TLS_WANT_WORK:
		assert(!"a worker goes on until there is no more work");
	}
}

static void shake_send(struct tls_stream *t)
{
	if (!t->next.len) {
		shake_continue(t);
		return;
	}
	buf_done(&t->out);
	t->out = t->next;
	t->next = BUF_INIT(TLS_NEXT_MAX);
	t->out_part = buf_str(&t->out);
	stream_write(t->below, task_await(&t->task, SHAKE_SENT, OP_NO_DEADLINE), &t->out_part, 1);
}

static void shake_advance(struct tls_stream *t)
{
	struct task *task = &t->task;
	t->want = TLS_WANT_WORK;
	if (!tls_engine_handshake_is_heavy(t->engine, &t->in) &&
		!too_many_this_turn(op_loop(task->op)))
		t->want = tls_engine_handshake(t->engine, &t->in, &t->next, &t->failure);
	if (t->want != TLS_WANT_WORK) {
		shake_send(t);
		return;
	}
	buf_reserve(&t->next, FLIGHT_ROOM);
	work_start(
		&t->work, task_await(task, SHAKE_WORKED, OP_NO_DEADLINE), WORK_CRYPTO, shake_work);
}

static void shake_run(struct task *task, struct err *err)
{
	struct tls_stream *t = CONTAINER_OF(task, struct tls_stream, task);
	switch ((enum shake_step)task->step) {
	case SHAKE_ADVANCE:
		*t->begun = true;
		shake_advance(t);
		return;
	case SHAKE_WORKED:
		if (err->code)
			return shake_fail(t, err);
		shake_send(t);
		return;
	case SHAKE_SENT:
		/* An alert that could not be sent hides nothing: the handshake's failure counts. */
		if (err->code && t->want != TLS_FAILED)
			return shake_fail(t, err);
		shake_continue(t);
		return;
	case SHAKE_READ:
		if (!err->code && task->wait.n == 0)
			err_set(err, ERR_CLOSED, "tls: the peer closed during the handshake: EOF");
		if (err->code)
			return shake_fail(t, err);
		shake_advance(t);
		return;
	}
}

static const struct task_kind accept_kind = TASK_KIND("tls accept", shake_steps, shake_run);
static const struct task_kind connect_kind = TASK_KIND("tls connect", shake_steps, shake_run);

static void shake_start(const struct task_kind *kind, struct op *op, struct scope *scope,
	struct stream *below, struct tls_engine *engine, struct stream **tls)
{
	bool begun = false;
	struct tls_stream *t = mem_new(sizeof(*t));
	t->below = below;
	t->engine = engine;
	t->result = tls;
	t->begun = &begun;
	t->read_size = TLS_READ_MIN;
	buf_init(&t->in, TLS_IN_MAX);
	buf_init(&t->next, TLS_NEXT_MAX);
	buf_init(&t->out, TLS_NEXT_MAX);
	t->base.scope = scope;
	task_start(&t->task, kind, op);
	if (begun)
		return;
	/* Refused: the op has failed already, the stream below is still ours to close. */
	stream_close(TAKE(t->below));
	tls_stream_free(t);
}

void tls_accept(struct env *env, struct op *op, struct scope *scope, struct stream *below,
	struct tls_config *config, struct stream **tls)
{
	struct tls_engine *e = tls_engine_new(config, (struct str){0}, NULL, env_wall(env));
	shake_start(&accept_kind, op, scope, below, e, tls);
}

void tls_connect(struct env *env, struct op *op, struct scope *scope, struct stream *below,
	struct tls_config *config, struct str host, const struct tls_session *resume,
	struct stream **tls)
{
	struct tls_engine *e = tls_engine_new(config, host, resume, env_wall(env));
	shake_start(&connect_kind, op, scope, below, e, tls);
}
