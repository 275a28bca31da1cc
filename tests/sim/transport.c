/* Two hosts and the network between them. */
#include "loop_test.h"

#include <kube/mem.h>
#include <kube/sim.h>
#include <kube/task.h>
#include <kube/time.h>

/* ---- a server that gives back what it gets, and a client that sends and compares ---- */

struct echo_conn {
	struct task task;
	struct op op;
	struct scope *scope;
	struct stream *stream;
	struct buf in;
	struct str part;
};

enum { ECHO_READ, ECHO_WRITE, ECHO_AGAIN };
static const char *const echo_steps[] = {"read", "write", "again"};

static void echo_end(struct op *op, struct err *err)
{
	struct echo_conn *c = CONTAINER_OF(op, struct echo_conn, op);

	(void)err;
	stream_close(c->stream);
	buf_done(&c->in);
	mem_free(c);
}

static void echo_run(struct task *t, struct err *err)
{
	struct echo_conn *c = CONTAINER_OF(t, struct echo_conn, task);

	if (err->code) {
		task_fail(t, err);
	} else if (t->step == ECHO_WRITE && t->wait.n == 0) {
		task_finish(t, 0);
	} else if (t->step == ECHO_WRITE) {
		c->part = buf_str(&c->in);
		stream_write(c->stream, task_await(t, ECHO_AGAIN, OP_NO_DEADLINE), &c->part, 1);
	} else {
		buf_clear(&c->in);
		stream_read(c->stream, task_await(t, ECHO_WRITE, OP_NO_DEADLINE), &c->in, 4096);
	}
}

static const struct task_kind echo_kind = TASK_KIND("echo", echo_steps, echo_run);

struct echo_server {
	struct op accept;
	struct listener *listener;
	struct stream *stream;
	struct scope *scope;
};

static void server_accepted(struct op *op, struct err *err);

static void server_next(struct echo_server *s)
{
	op_init(&s->accept, s->scope, server_accepted, OP_NO_DEADLINE);
	listener_accept(s->listener, &s->accept, s->scope, &s->stream);
}

static void server_accepted(struct op *op, struct err *err)
{
	struct echo_server *s = CONTAINER_OF(op, struct echo_server, accept);

	if (err->code)
		return;
	struct echo_conn *c = mem_new(sizeof(*c));
	c->stream = s->stream;
	c->scope = s->scope;
	buf_init(&c->in, 64 * KIB);
	op_init(&c->op, s->scope, echo_end, OP_NO_DEADLINE);
	task_start(&c->task, &echo_kind, &c->op);
	server_next(s);
}

struct client {
	struct task task;
	struct op op;
	struct env *env;
	struct scope *scope;
	struct address to;
	struct stream *stream;
	struct buf in;
	struct str part;
	int rounds, done;
	int64_t deadline;
	int code; /* how it ended */
	bool over;
	struct echo_server *stop;
};

enum { CLIENT_CONNECT, CLIENT_SEND, CLIENT_READ, CLIENT_CHECK };
static const char *const client_steps[] = {"connect", "send", "read", "check"};

static const char question[] = "what goes out comes back, and nothing else does";

static void client_end(struct op *op, struct err *err)
{
	struct client *c = CONTAINER_OF(op, struct client, op);

	c->code = err->code;
	c->over = true;
	stream_close(c->stream);
	buf_done(&c->in);
	if (c->stop)
		listener_close(c->stop->listener);
}

static void client_run(struct task *t, struct err *err)
{
	struct client *c = CONTAINER_OF(t, struct client, task);

	if (err->code) {
		task_fail(t, err);
		return;
	}
	switch (t->step) {
	case CLIENT_CONNECT:
		net_connect(c->env, task_await(t, CLIENT_SEND, c->deadline), c->scope, &c->to,
			&c->stream);
		return;
	case CLIENT_SEND:
		buf_clear(&c->in);
		c->part = str_from(question);
		stream_write(c->stream, task_await(t, CLIENT_READ, c->deadline), &c->part, 1);
		return;
	case CLIENT_CHECK:
		if (t->wait.n == 0) {
			err_set(err, ERR_CLOSED, "the server has gone");
			task_fail(t, err);
			return;
		}
		EXPECT(str_starts(str_from(question), buf_str(&c->in)));
		if (c->in.len == sizeof(question) - 1) {
			if (++c->done == c->rounds) {
				task_finish(t, 0);
				return;
			}
			t->step = CLIENT_SEND;
			client_run(t, err);
			return;
		}
		/* fall through */
	case CLIENT_READ:
		stream_read(c->stream, task_await(t, CLIENT_CHECK, c->deadline), &c->in,
			sizeof(question) - 1 - c->in.len);
		return;
	}
}

static const struct task_kind client_kind = TASK_KIND("client", client_steps, client_run);

/* ---- a world with both ---- */

struct world {
	struct sim *sim;
	struct env *a, *b;
	struct echo_server server;
	struct client client;
};

static void world_init(struct world *w, uint64_t seed)
{
	struct err err = {0};
	struct address any = {.port = 7};

	*w = (struct world){.sim = sim_new(seed)};
	w->a = sim_host(w->sim, "a", ip_v4(192, 0, 2, 1));
	w->b = sim_host(w->sim, "b", ip_v4(192, 0, 2, 2));
	w->server.scope = loop_root(sim_loop(w->sim));
	any.ip = ip_v4(0, 0, 0, 0);
	EXPECT_OK(net_listen(w->b, w->server.scope, &any, 0, &w->server.listener, &err), &err);
	err_done(&err);
	server_next(&w->server);
}

static void world_call(struct world *w, int rounds)
{
	struct client *c = &w->client;

	*c = (struct client){.env = w->a,
		.scope = w->server.scope,
		.to = address_of(ip_v4(192, 0, 2, 2), 7),
		.rounds = rounds,
		.deadline = OP_NO_DEADLINE,
		.stop = &w->server};
	buf_init(&c->in, 4096);
	op_init(&c->op, c->scope, client_end, OP_NO_DEADLINE);
	task_start(&c->task, &client_kind, &c->op);
}

static uint64_t world_done(struct world *w)
{
	_cleanup_(err_done) struct err err = {0};
	uint64_t trace;

	EXPECT_OK(loop_run(sim_loop(w->sim), &err), &err);
	trace = sim_trace(w->sim);
	sim_free(w->sim);
	return trace;
}

static uint64_t run_seed(uint64_t seed, int *code)
{
	struct world w;
	struct sim_faults faults = {
		.delay_min = MSEC, .delay_max = 20 * MSEC, .loss = 0.1, .split = 0.5};

	world_init(&w, seed);
	sim_set_faults(w.sim, &faults);
	world_call(&w, 20);
	uint64_t trace = world_done(&w);
	*code = w.client.code;
	return trace;
}

/* ---- tests ---- */

TEST(delay_loss_and_pieces_change_nothing_but_time)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		int code = -1;
		test_context("seed %llu", (unsigned long long)seed);
		run_seed(seed, &code);
		EXPECT_INT(code, 0);
	}
}

TEST(the_same_seed_is_the_same_run)
{
	int code;

	for (uint64_t seed = 1; seed <= 5; seed++)
		EXPECT(run_seed(seed, &code) == run_seed(seed, &code));
	EXPECT(run_seed(1, &code) != run_seed(2, &code));
}

TEST(resets_reach_both_sides)
{
	struct sim_faults faults = {.reset = 0.2};
	int broken = 0;

	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct world w;
		world_init(&w, seed);
		sim_set_faults(w.sim, &faults);
		world_call(&w, 20);
		world_done(&w);
		EXPECT(w.client.code == 0 || w.client.code == ERR_CLOSED);
		broken += w.client.code != 0;
	}
	EXPECT(broken > 25);
}

struct healing {
	struct op op;
	struct world *w;
};

static void heal(struct op *op, struct err *err)
{
	struct healing *h = CONTAINER_OF(op, struct healing, op);

	(void)err;
	sim_part(h->w->sim, h->w->a, h->w->b, false);
}

TEST(a_partition_holds_up_and_heals)
{
	struct world w;
	struct healing h = {.w = &w};

	world_init(&w, 3);
	int64_t before = loop_now(sim_loop(w.sim));
	sim_part(w.sim, w.a, w.b, true);
	world_call(&w, 5);
	op_init(&h.op, w.server.scope, heal, OP_NO_DEADLINE);
	timer_wait(&h.op, loop_in(sim_loop(w.sim), 30 * SEC));
	EXPECT_INT(loop_run_until(sim_loop(w.sim), &w.client.over, NULL), 0);
	EXPECT(loop_now(sim_loop(w.sim)) - before >= 30 * SEC);
	EXPECT_INT(w.client.code, 0);
	world_done(&w);
}

TEST(a_partition_that_stays_is_an_error)
{
	struct world w;

	world_init(&w, 3);
	sim_part(w.sim, w.a, w.b, true);
	world_call(&w, 5);
	world_done(&w);
	EXPECT_INT(w.client.code, ERR_UNREACHABLE);
}

TEST(deadlines_end_what_a_partition_holds)
{
	struct world w;

	world_init(&w, 3);
	sim_part(w.sim, w.a, w.b, true);
	world_call(&w, 5);
	op_cancel(&w.client.op);
	world_done(&w);
	EXPECT_INT(w.client.code, ERR_CANCELLED);
}

TEST(nobody_listening_refuses_and_nobody_there_is_unreachable)
{
	struct world w;
	struct told told = {0};
	struct stream *s = NULL;
	struct address to;

	world_init(&w, 1);
	to = address_of(ip_v4(192, 0, 2, 2), 8);
	net_connect(w.a, told_op(&told, w.server.scope, OP_NO_DEADLINE), w.server.scope, &to, &s);
	loop_run_until(sim_loop(w.sim), &told.done, NULL);
	EXPECT_INT(told.err.code, ERR_REFUSED);
	to = address_of(ip_v4(192, 0, 2, 99), 7);
	net_connect(w.a, told_op(&told, w.server.scope, OP_NO_DEADLINE), w.server.scope, &to, &s);
	loop_run_until(sim_loop(w.sim), &told.done, NULL);
	EXPECT_INT(told.err.code, ERR_UNREACHABLE);
	EXPECT(s == NULL);
	told_done(&told);
	listener_close(w.server.listener);
	world_done(&w);
}

TEST(a_crash_breaks_the_connections_of_the_host)
{
	struct world w;

	world_init(&w, 4);
	world_call(&w, 1000000);
	struct told told = {0};
	timer_wait(told_op(&told, w.server.scope, OP_NO_DEADLINE), loop_in(sim_loop(w.sim), SEC));
	loop_run_until(sim_loop(w.sim), &told.done, NULL);
	EXPECT(!w.client.over && w.client.done > 100);
	sim_crash(w.b);
	world_done(&w);
	EXPECT_INT(w.client.code, ERR_CLOSED);
	told_done(&told);
}

TEST(shutdown_ends_everything_in_flight)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct world w;
		struct told told = {0};
		test_context("seed %llu", (unsigned long long)seed);
		world_init(&w, seed);
		world_call(&w, 1000000);
		timer_wait(told_op(&told, w.server.scope, OP_NO_DEADLINE),
			loop_in(sim_loop(w.sim), (int64_t)rng_below(sim_rng(w.sim), 3 * MSEC)));
		loop_run_until(sim_loop(w.sim), &told.done, NULL);
		loop_shutdown(sim_loop(w.sim));
		world_done(&w);
		EXPECT_INT(w.client.code, ERR_CANCELLED);
		told_done(&told);
	}
}

TEST(a_writer_waits_for_a_reader_that_does_not_read)
{
	struct sim *sim = sim_new(5);
	struct scope *root = loop_root(sim_loop(sim));
	struct env *a = sim_host(sim, "a", ip_v4(192, 0, 2, 1));
	struct address at = address_of(ip_v4(192, 0, 2, 1), 9);
	struct listener *l;
	struct stream *out = NULL, *in = NULL;
	struct told connected = {0}, accepted = {0}, written = {0}, read = {0};
	struct buf got = BUF_INIT(MIB);
	static char big[200 * 1024];
	struct str part = {big, sizeof(big)};

	REQUIRE(net_listen(a, root, &at, 0, &l, NULL) == 0);
	listener_accept(l, told_op(&accepted, root, OP_NO_DEADLINE), root, &in);
	net_connect(a, told_op(&connected, root, OP_NO_DEADLINE), root, &at, &out);
	loop_run_until(sim_loop(sim), &accepted.done, NULL);
	REQUIRE(in && out);
	stream_write(out, told_op(&written, root, OP_NO_DEADLINE), &part, 1);
	EXPECT(loop_run_until(sim_loop(sim), &written.done, NULL) !=
		0); /* stuck, as it should be */
	EXPECT(!written.done);
	while (got.len < sizeof(big)) {
		stream_read(in, told_op(&read, root, OP_NO_DEADLINE), &got, 64 * KIB);
		loop_run_until(sim_loop(sim), &read.done, NULL);
		if (!EXPECT_INT(read.err.code, 0))
			break;
	}
	EXPECT(written.done);
	EXPECT_INT(written.n, sizeof(big));
	stream_close(in);
	stream_close(out);
	listener_close(l);
	EXPECT_INT(loop_run(sim_loop(sim), NULL), 0);
	sim_free(sim);
	buf_done(&got);
	told_done(&connected);
	told_done(&accepted);
	told_done(&written);
	told_done(&read);
}

TEST(wall_clocks_jump_and_timers_do_not)
{
	struct sim *sim = sim_new(1);
	struct env *a = sim_host(sim, "a", ip_v4(192, 0, 2, 1));
	struct env *b = sim_host(sim, "b", ip_v4(192, 0, 2, 2));
	struct told told = {0};
	int64_t mono = loop_now(sim_loop(sim)), wall = env_wall(a);

	EXPECT_INT(env_wall(b), wall);
	sim_jump_clock(a, -HOUR);
	EXPECT_INT(env_wall(a), wall - HOUR);
	EXPECT_INT(env_wall(b), wall);
	timer_wait(told_op(&told, loop_root(sim_loop(sim)), OP_NO_DEADLINE), mono + 5 * SEC);
	EXPECT_INT(loop_run(sim_loop(sim), NULL), 0);
	EXPECT_INT(loop_now(sim_loop(sim)), mono + 5 * SEC);
	EXPECT_INT(env_wall(b), wall + 5 * SEC);
	told_done(&told);
	sim_free(sim);
}

TEST(names_are_those_of_the_hosts)
{
	struct sim *sim = sim_new(1);
	struct scope *root = loop_root(sim_loop(sim));
	struct env *a = sim_host(sim, "a", ip_v4(192, 0, 2, 1));
	struct addresses found = {0};
	struct told told = {0};

	sim_host(sim, "b", ip_v4(192, 0, 2, 2));
	net_resolve(a, told_op(&told, root, OP_NO_DEADLINE), STR("b"), &found);
	loop_run(sim_loop(sim), NULL);
	REQUIRE(found.count == 1);
	EXPECT_INT(found.items[0].bytes[3], 2);
	mem_free(found.items);
	net_resolve(a, told_op(&told, root, OP_NO_DEADLINE), STR("c"), &found);
	loop_run(sim_loop(sim), NULL);
	EXPECT_INT(told.err.code, ERR_ADDRESS);
	told_done(&told);
	sim_free(sim);
}
