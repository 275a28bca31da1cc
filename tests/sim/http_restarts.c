/*
 * Several clients at once and a server that stops, starts again and loses its power under them.
 * Whatever happens, every call ends by its deadline, an answer is the right one, nothing that has
 * an effect happens twice, and once a server stays everything works. Nothing is left behind by
 * the servers that went.
 */
#include "loop_test.h"

#include <kube/http_client.h>
#include <kube/http_server.h>
#include <kube/mem.h>
#include <kube/sim.h>
#include <kube/task.h>
#include <kube/time.h>

#include <stdio.h>
#include <stdlib.h>

#define HOSTS    3
#define CALLERS  9  /* three a host, which share its client */
#define CALLS    13 /* an odd one is a POST; one more, which may be sent again, when all is calm */
#define BODY_MAX (30 * KIB)
#define PATIENCE (10 * SEC)
#define SEEDS    250

struct caller {
	struct task task;
	struct op op;
	struct play *play;
	struct http_client *client;
	struct http_call call;
	struct buf sent, got;
	char url[64];
	int index, number;
	int64_t deadline;
	bool calm; /* one more call, which has to succeed */
};

struct play {
	struct sim *sim;
	struct loop *loop;
	struct scope *root;
	struct env *far, *near[HOSTS];
	struct http_client *clients[HOSTS];
	struct http_server *server; /* NULL: none is up */
	struct caller callers[CALLERS];
	int handled[CALLERS][CALLS + 2];
	int running, good, failed;
	bool calm, callers_over, calm_over;
	struct task trouble;
	struct op trouble_op;
	int restarts, crashes;
};

/* ---- the server: gives back the body, remembers the call's number ---- */

struct serving {
	struct play *play;
	struct http_exchange *x;
	struct buf body;
};

static void served(struct op *op, struct err *err)
{
	struct serving *s = CONTAINER_OF(op, struct http_exchange, op)->handler;

	(void)err;
	buf_done(&s->body);
	http_exchange_done(s->x);
}

static void thought(struct op *op, struct err *err)
{
	struct serving *s = CONTAINER_OF(op, struct http_exchange, op)->handler;

	if (err->code) {
		served(op, err);
		return;
	}
	op_init(&s->x->op, &s->x->scope, served, OP_NO_DEADLINE);
	http_respond(s->x, &s->x->op, 200, NULL, 0, buf_str(&s->body));
}

/* Answers take a while, so that a server ends with some of them under way. */
static void body_read(struct op *op, struct err *err)
{
	struct serving *s = CONTAINER_OF(op, struct http_exchange, op)->handler;
	struct play *p = s->play;
	struct str who, which;
	uint64_t caller = 0, number = 0;

	if (err->code) {
		served(op, err);
		return;
	}
	str_cut(str_skip(s->x->request.target, 1), '/', &who, &which);
	EXPECT(str_to_u64(who, &caller) && str_to_u64(which, &number));
	EXPECT(caller < CALLERS && number < CALLS + 2);
	p->handled[caller][number]++;
	op_init(&s->x->op, &s->x->scope, thought, OP_NO_DEADLINE);
	timer_wait(&s->x->op,
		loop_in(p->loop, (int64_t)rng_below(sim_rng(p->sim), 300 * (uint64_t)MSEC)));
}

static void serve(void *ctx, struct http_exchange *x)
{
	struct serving *s = arena_new(&x->arena, sizeof(*s));

	*s = (struct serving){.play = ctx, .x = x};
	x->handler = s;
	buf_init(&s->body, MIB);
	op_init(&x->op, &x->scope, body_read, OP_NO_DEADLINE);
	http_read_all(x, &x->op, &s->body, MIB);
}

static void server_up(struct play *p)
{
	struct address at = address_of(ip_v4(0, 0, 0, 0), 80);
	struct http_server_options options = {.handler = serve, .ctx = p};
	struct err err = {0};

	p->server = http_server_new(p->far, p->root, &options);
	EXPECT_OK(http_server_listen(p->server, &at, NULL, &err), &err);
	err_done(&err);
}

/* ---- the callers ---- */

enum { CALL_NEXT, CALL_HEAD, CALL_BODY };
static const char *const call_steps[] = {"next", "head", "body"};

static void call_begin(struct caller *c)
{
	struct play *p = c->play;
	size_t size = (size_t)rng_below(sim_rng(p->sim), BODY_MAX);

	buf_clear(&c->sent);
	buf_clear(&c->got);
	for (size_t i = 0; i < size; i++)
		buf_add_char(&c->sent, (char)((size_t)(c->number + c->index) * 31 + i * 7));
	snprintf(c->url, sizeof(c->url), "http://far:80/%d/%d", c->index, c->number);
	http_call_init(
		&c->call, c->client, c->number % 2 ? STR("POST") : STR("PUT"), str_from(c->url));
	c->call.body = buf_str(&c->sent);
	c->deadline = loop_in(p->loop, PATIENCE);
	http_call_start(&c->call, task_await(&c->task, CALL_HEAD, c->deadline));
}

static void call_end(struct caller *c, const struct err *err)
{
	struct play *p = c->play;
	int handled = p->handled[c->index][c->number];

	/* The deadline is kept to the nanosecond: time is virtual. */
	EXPECT(loop_now(p->loop) <= c->deadline);
	if (!err->code) {
		EXPECT_INT(c->call.status, 200);
		EXPECT(str_eq(buf_str(&c->got), buf_str(&c->sent)));
		EXPECT(handled >= 1);
	}
	if (c->number % 2)
		EXPECT(handled <= 1);
	err->code ? p->failed++ : p->good++;
	if (c->calm)
		EXPECT_OK(err->code, err);
	http_call_done(&c->call);
}

static void call_run(struct task *t, struct err *err)
{
	struct caller *c = CONTAINER_OF(t, struct caller, task);
	struct play *p = c->play;

	switch (t->step) {
	case CALL_NEXT:
		if (c->number >= CALLS + c->calm) {
			task_finish(t, 0);
			return;
		}
		c->number++;
		call_begin(c);
		return;
	case CALL_HEAD:
		if (!err->code) {
			http_call_read_all(
				&c->call, task_await(t, CALL_BODY, c->deadline), &c->got, MIB);
			return;
		}
		/* fall through */
	case CALL_BODY:
		call_end(c, err);
		timer_wait(task_await(t, CALL_NEXT, OP_NO_DEADLINE),
			loop_in(p->loop, (int64_t)rng_below(sim_rng(p->sim), SEC)));
		return;
	}
}

static const struct task_kind caller_kind = TASK_KIND("caller", call_steps, call_run);

static void caller_over(struct op *op, struct err *err)
{
	struct play *p = CONTAINER_OF(op, struct caller, op)->play;

	(void)err;
	if (--p->running == 0)
		*(p->calm ? &p->calm_over : &p->callers_over) = true;
}

static void callers_start(struct play *p)
{
	p->running = CALLERS;
	for (int i = 0; i < CALLERS; i++) {
		struct caller *c = &p->callers[i];
		c->calm = p->calm;
		op_init(&c->op, p->root, caller_over, OP_NO_DEADLINE);
		task_start(&c->task, &caller_kind, &c->op);
	}
}

/* ---- what befalls the server ---- */

enum { TROUBLE_WAIT, TROUBLE_DOWN, TROUBLE_GONE };
static const char *const trouble_steps[] = {"wait", "down", "gone"};

static void trouble_run(struct task *t, struct err *err)
{
	struct play *p = CONTAINER_OF(t, struct play, trouble);
	struct rng *rng = sim_rng(p->sim);

	if (err->code && t->step != TROUBLE_GONE) {
		task_fail(t, err);
		return;
	}
	switch (t->step) {
	case TROUBLE_WAIT:
		if (!p->server)
			server_up(p);
		timer_wait(task_await(t, TROUBLE_DOWN, OP_NO_DEADLINE),
			loop_in(p->loop, (int64_t)rng_below(rng, 3 * (uint64_t)SEC)));
		return;
	case TROUBLE_DOWN:
		if (rng_below(rng, 2)) {
			p->crashes++;
			sim_crash(p->far);
			http_server_stop(p->server, task_await(t, TROUBLE_GONE, OP_NO_DEADLINE), 0);
		} else {
			p->restarts++;
			http_server_stop(p->server, task_await(t, TROUBLE_GONE, OP_NO_DEADLINE),
				(int64_t)rng_below(rng, SEC));
		}
		return;
	case TROUBLE_GONE:
		http_server_free(TAKE(p->server));
		/* Asked to end in the middle: the next wait is refused, and no server is up. */
		timer_wait(task_await(t, TROUBLE_WAIT, OP_NO_DEADLINE),
			loop_in(p->loop, (int64_t)rng_below(rng, 2 * (uint64_t)SEC)));
		return;
	}
}

static const struct task_kind trouble_kind = TASK_KIND("trouble", trouble_steps, trouble_run);

/* ---- the play ---- */

static void play_open(struct play *p, uint64_t seed)
{
	struct http_client_options options = {.max_per_origin = 2, .max_idle = 1};
	char name[16];

	memset(p, 0, sizeof(*p));
	p->sim = sim_new(seed);
	p->loop = sim_loop(p->sim);
	p->root = loop_root(p->loop);
	p->far = sim_host(p->sim, "far", ip_v4(192, 0, 2, 1));
	for (int i = 0; i < HOSTS; i++) {
		snprintf(name, sizeof(name), "near%d", i);
		p->near[i] = sim_host(p->sim, name, ip_v4(192, 0, 2, (uint8_t)(10 + i)));
		p->clients[i] = http_client_new(p->near[i], p->root, &options);
	}
	for (int i = 0; i < CALLERS; i++) {
		struct caller *c = &p->callers[i];
		*c = (struct caller){.play = p, .client = p->clients[i % HOSTS], .index = i};
		buf_init(&c->sent, MIB);
		buf_init(&c->got, MIB);
	}
}

static void play_wait(struct play *p, const bool *flag)
{
	struct err err = {0};

	EXPECT_OK(loop_run_until(p->loop, flag, &err), &err);
	err_done(&err);
}

static uint64_t play_close(struct play *p)
{
	struct told stop = {0};
	static const bool never;

	for (int i = 0; i < HOSTS; i++) {
		http_client_stop(p->clients[i], told_op(&stop, p->root, OP_NO_DEADLINE));
		play_wait(p, &stop.done);
		http_client_free(p->clients[i]);
	}
	http_server_stop(p->server, told_op(&stop, p->root, OP_NO_DEADLINE), 0);
	play_wait(p, &stop.done);
	http_server_free(p->server);
	play_wait(p, &never);
	EXPECT(scope_empty(p->root));
	for (int i = 0; i < CALLERS; i++) {
		buf_done(&p->callers[i].sent);
		buf_done(&p->callers[i].got);
	}
	told_done(&stop);
	uint64_t trace = sim_trace(p->sim);
	sim_free(p->sim);
	return trace;
}

static uint64_t play_run(struct play *p, uint64_t seed)
{
	static const struct sim_faults poor = {.delay_min = MSEC,
		.delay_max = 20 * MSEC,
		.loss = 0.02,
		.reset = 0.005,
		.split = 0.3};
	static const struct sim_faults good = {.delay_min = MSEC, .delay_max = 2 * MSEC};
	struct told over = {0};

	play_open(p, seed);
	sim_set_faults(p->sim, &poor);
	task_start(&p->trouble, &trouble_kind, told_op(&over, p->root, OP_NO_DEADLINE));
	callers_start(p);
	play_wait(p, &p->callers_over);
	op_cancel(&over.op);
	play_wait(p, &over.done);
	if (!p->server)
		server_up(p);
	sim_set_faults(p->sim, &good);
	p->calm = true;
	callers_start(p);
	play_wait(p, &p->calm_over);
	told_done(&over);
	return play_close(p);
}

static uint64_t first_seed(void)
{
	const char *text = getenv("KUBE_SIM_SEED");

	return text ? strtoull(text, NULL, 10) : 1;
}

TEST(calls_end_rightly_while_the_server_comes_and_goes)
{
	int good = 0, failed = 0, restarts = 0, crashes = 0;
	static struct play p;

	for (uint64_t seed = first_seed(); seed < first_seed() + SEEDS && !test_failed(); seed++) {
		test_context("seed %llu", (unsigned long long)seed);
		play_run(&p, seed);
		good += p.good;
		failed += p.failed;
		restarts += p.restarts;
		crashes += p.crashes;
	}
	test_context_end();
	/* Or the test would show nothing. */
	EXPECT(good > failed && failed > SEEDS);
	EXPECT(restarts > SEEDS && crashes > SEEDS);
}

TEST(a_seed_plays_the_same_again)
{
	static struct play a, b;

	for (uint64_t seed = 1; seed <= 5; seed++) {
		test_context("seed %llu", (unsigned long long)seed);
		EXPECT(play_run(&a, seed) == play_run(&b, seed));
		EXPECT_INT(a.good, b.good);
		EXPECT_INT(a.failed, b.failed);
	}
	test_context_end();
}
