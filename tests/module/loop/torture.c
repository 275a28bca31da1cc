/*
 * A whole client and server under torture: listen, connect, a few requests echoed, the end. Each
 * await of both sides fails and is cancelled once.
 */
#include <kube/env.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>

#include "loop_torture.h"

#define ROUNDS 3

struct echo;

/* ---- the server: one connection, everything sent back until its end ---- */

enum serve_step { SERVE_ACCEPT, SERVE_READ, SERVE_WRITE, SERVE_SENT, SERVE_FINISHED };
static const char *const serve_steps[] = {"accept", "read", "write", "sent", "finished"};

/* ---- the client ---- */

enum ask_step { ASK_CONNECT, ASK_SEND, ASK_RECEIVE, ASK_CHECK, ASK_END };
static const char *const ask_steps[] = {"connect", "send", "receive", "check", "end"};

struct echo {
	struct loop_test *t;
	struct scope scope;
	struct listener *listener;
	struct stream *client, *server;
	struct task serve, ask;
	struct op served, asked, closed;
	struct buf in, back;
	struct str out;
	int rounds, ended;
	int result; /* the client's code */
	bool all_closed;
};

static void serve_run(struct task *t, struct err *err)
{
	struct echo *e = CONTAINER_OF(t, struct echo, serve);
	if (err->code) {
		task_fail(t, err);
		return;
	}
	switch ((enum serve_step)t->step) {
	case SERVE_ACCEPT:
		listener_accept(e->listener, task_await(t, SERVE_READ, OP_NO_DEADLINE), &e->scope,
			&e->server);
		return;
	case SERVE_SENT:
		buf_clear(&e->back);
		/* fall through */
	case SERVE_READ:
		stream_read(e->server, task_await(t, SERVE_WRITE, OP_NO_DEADLINE), &e->back, KIB);
		return;
	case SERVE_WRITE:
		if (t->wait.n == 0) {
			stream_finish(e->server, task_await(t, SERVE_FINISHED, OP_NO_DEADLINE));
			return;
		}
		e->out = buf_str(&e->back);
		stream_write(e->server, task_await(t, SERVE_SENT, OP_NO_DEADLINE), &e->out, 1);
		return;
	case SERVE_FINISHED:
		task_finish(t, 0);
		return;
	}
}

static void ask_run(struct task *t, struct err *err)
{
	static const struct str question = STR_INIT("how are you?");
	struct echo *e = CONTAINER_OF(t, struct echo, ask);
	if (err->code) {
		task_fail(t, err);
		return;
	}
	switch ((enum ask_step)t->step) {
	case ASK_CONNECT:
		net_connect(e->t->env, task_await(t, ASK_SEND, OP_NO_DEADLINE), &e->scope,
			&e->listener->address, &e->client);
		return;
	case ASK_SEND:
		stream_write(e->client, task_await(t, ASK_RECEIVE, OP_NO_DEADLINE), &question, 1);
		return;
	case ASK_RECEIVE:
		stream_read(e->client, task_await(t, ASK_CHECK, loop_in(op_loop(t->op), 10 * SEC)),
			&e->in, KIB);
		return;
	case ASK_CHECK:
		EXPECT_STR(buf_str(&e->in), "how are you?");
		buf_clear(&e->in);
		t->step = ASK_SEND;
		if (++e->rounds < ROUNDS)
			ask_run(t, err);
		else
			stream_finish(e->client, task_await(t, ASK_END, OP_NO_DEADLINE));
		return;
	case ASK_END:
		task_finish(t, 0);
		return;
	}
}

/* ---- the end: whoever ends first takes the other along ---- */

static void echo_closed(struct op *op, struct err *err)
{
	(void)err;
	CONTAINER_OF(op, struct echo, closed)->all_closed = true;
}

static void echo_half(struct echo *e, bool failed)
{
	if (failed) {
		op_cancel(&e->served);
		op_cancel(&e->asked);
	}
	if (++e->ended < 2)
		return;
	stream_close(e->client);
	stream_close(e->server);
	listener_close(e->listener);
	buf_done(&e->in);
	buf_done(&e->back);
	op_init(&e->closed, e->scope.parent, echo_closed, OP_NO_DEADLINE);
	scope_close(&e->scope, &e->closed);
}

static void on_served(struct op *op, struct err *err)
{
	echo_half(CONTAINER_OF(op, struct echo, served), err->code);
}

static void on_asked(struct op *op, struct err *err)
{
	struct echo *e = CONTAINER_OF(op, struct echo, asked);
	e->result = err->code;
	echo_half(e, err->code);
}

static void echo_start(struct loop_test *t, void *ctx)
{
	static const struct task_kind serve = TASK_KIND("serve", serve_steps, serve_run);
	static const struct task_kind ask = TASK_KIND("ask", ask_steps, ask_run);
	struct echo *e = ctx;
	struct err err = {0};
	const struct address tcp = {.ip = {.len = 4, .bytes = {127, 0, 0, 1}}};
	*e = (struct echo){.t = t, .in = BUF_INIT(4 * KIB), .back = BUF_INIT(4 * KIB)};
	scope_init(&e->scope, t->root, "echo", NULL);
	EXPECT_OK(net_listen(t->env, &e->scope, &tcp, 16, &e->listener, &err), &err);
	op_init(&e->served, &e->scope, on_served, OP_NO_DEADLINE);
	task_start(&e->serve, &serve, &e->served);
	op_init(&e->asked, &e->scope, on_asked, OP_NO_DEADLINE);
	task_start(&e->ask, &ask, &e->asked);
}

static void echo_check(struct loop_test *t, void *ctx)
{
	struct echo *e = ctx;
	EXPECT(e->all_closed);
	EXPECT(loop_torture_hit(t->loop) || e->result == 0);
}

TEST(a_client_and_a_server_survive_the_failure_and_the_cancel_of_every_await)
{
	struct echo e;
	int rounds = loop_torture_run(LOOP_TEST_REAL, echo_start, echo_check, &e);
	EXPECT(rounds > 30);
}
