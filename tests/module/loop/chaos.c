/*
 * Many connections whose two ends do what a random number tells them: read, write little or much,
 * cancel, finish, give short deadlines, close in the middle. Whatever happens, every op must end
 * once, what arrives must be what was sent, and the loop must be empty afterwards.
 */
#include <kube/env.h>
#include <kube/mem.h>
#include <kube/random.h>
#include <kube/time.h>

#include <sys/socket.h>
#include <unistd.h>

#include "loop_test.h"

enum { PAIRS = 40, STEPS = 200, MUCH = 600 * 1000 };

struct end {
	struct rng *rng;
	struct scope scope;
	struct stream *stream;
	struct op reading, writing, pacing, closing;
	struct buf in;
	struct str part;
	struct end *peer;
	uint64_t sent, got; /* bytes, and with them the pattern that is expected next */
	int steps;
	bool write_over; /* finished, failed or cancelled */
	bool closed;
};

static char pattern[MUCH + 256];

static uint64_t below(struct end *e, uint64_t bound)
{
	return rng_below(e->rng, bound);
}

static int64_t some_deadline(struct end *e)
{
	return below(e, 4) ? OP_NO_DEADLINE
			   : loop_in(e->scope.loop, (int64_t)below(e, 3000) * USEC);
}

/* ---- the end of an end ---- */

static void end_closed(struct op *op, struct err *err)
{
	struct end *e = CONTAINER_OF(op, struct end, closing);
	EXPECT_INT(err->code, 0);
	EXPECT(!op_active(&e->reading) && !op_active(&e->writing) && !op_active(&e->pacing));
	buf_done(&e->in);
	e->closed = true;
}

static void end_close(struct end *e)
{
	if (!e->stream)
		return;
	/* Either may come first. */
	bool stream_first = below(e, 2);
	if (stream_first)
		stream_close(TAKE(e->stream));
	op_init(&e->closing, e->scope.parent, end_closed, OP_NO_DEADLINE);
	scope_close(&e->scope, &e->closing);
	if (!stream_first)
		stream_close(TAKE(e->stream));
}

/* ---- what it does ---- */

static void end_read_done(struct op *op, struct err *err)
{
	struct end *e = CONTAINER_OF(op, struct end, reading);
	if (err->code)
		return;
	EXPECT_INT(op->n, e->in.len);
	/* Both ends send the same endless pattern from its start. */
	EXPECT(memcmp(e->in.at ? e->in.at : "", pattern + e->got % 256, e->in.len) == 0);
	e->got += e->in.len;
	EXPECT(!e->peer || e->peer->write_over || e->got <= e->peer->sent);
}

static void end_write_done(struct op *op, struct err *err)
{
	struct end *e = CONTAINER_OF(op, struct end, writing);
	e->write_over |= err->code != 0;
	EXPECT(err->code || op->n == (int64_t)e->part.len);
}

static void end_finish_done(struct op *op, struct err *err)
{
	struct end *e = CONTAINER_OF(op, struct end, writing);
	(void)err;
	e->write_over = true;
}

static void end_write(struct end *e)
{
	if (op_active(&e->writing) || e->write_over)
		return;
	size_t len = below(e, 5) ? below(e, 300) : below(e, MUCH);
	e->part = str_make(pattern + e->sent % 256, len);
	e->sent += len;
	op_init(&e->writing, &e->scope, end_write_done, some_deadline(e));
	stream_write(e->stream, &e->writing, &e->part, 1);
}

static void end_read(struct end *e)
{
	if (op_active(&e->reading))
		return;
	buf_clear(&e->in);
	op_init(&e->reading, &e->scope, end_read_done, some_deadline(e));
	stream_read(e->stream, &e->reading, &e->in, 1 + below(e, 64 * KIB));
}

static void end_finish(struct end *e)
{
	if (op_active(&e->writing) || e->write_over)
		return;
	op_init(&e->writing, &e->scope, end_finish_done, some_deadline(e));
	e->part = (struct str){0};
	stream_finish(e->stream, &e->writing);
}

static void end_pace(struct op *op, struct err *err)
{
	struct end *e = CONTAINER_OF(op, struct end, pacing);
	if (err->code || ++e->steps > STEPS) {
		end_close(e);
		return;
	}
	switch (below(e, 100)) {
	case 0:
		end_close(e);
		return;
	case 1:
		end_finish(e);
		break;
	case 2:
		op_cancel(&e->writing);
		break;
	case 3:
		op_cancel(&e->reading);
		break;
	default:
		below(e, 2) ? end_read(e) : end_write(e);
		break;
	}
	op_init(op, &e->scope, end_pace, OP_NO_DEADLINE);
	if (below(e, 4) == 0)
		op_yield(op);
	else
		timer_wait(op, loop_in(e->scope.loop, (int64_t)below(e, 500) * USEC));
}

static void end_begin(struct end *e, struct end *peer, struct loop_test *t, struct rng *rng, int fd)
{
	e->rng = rng;
	e->peer = peer;
	e->in = BUF_INIT(64 * KIB);
	scope_init(&e->scope, t->root, "end", NULL);
	e->stream = stream_from_fd(t->loop, &e->scope, fd);
	op_init(&e->pacing, &e->scope, end_pace, OP_NO_DEADLINE);
	op_yield(&e->pacing);
}

static void chaos(uint64_t seed, bool shut_down)
{
	struct loop_test t;
	struct rng rng;
	struct told later = {0};
	struct end *ends = mem_new(2 * PAIRS * sizeof(*ends));
	rng_init(&rng, seed);
	loop_test_init(&t, LOOP_TEST_REAL);
	for (int i = 0; i < PAIRS; i++) {
		int fds[2];
		struct end *a = &ends[2 * i], *b = a + 1;
		REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
		end_begin(a, b, &t, &rng, fds[0]);
		end_begin(b, a, &t, &rng, fds[1]);
	}
	if (shut_down) {
		timer_wait(told_op(&later, t.root, OP_NO_DEADLINE),
			loop_in(t.loop, (int64_t)rng_below(&rng, 20) * MSEC));
		loop_test_run_until(&t, &later.done);
		loop_shutdown(t.loop);
	}
	loop_test_run(&t);
	for (int i = 0; i < 2 * PAIRS; i++)
		EXPECT(ends[i].closed);
	loop_test_done(&t);
	mem_free(ends);
}

TEST(random_behaviour_of_many_connections_leaves_nothing)
{
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (char)i;
	for (uint64_t seed = 1; seed <= 12 && !test_failed(); seed++) {
		test_context("seed %llu", (unsigned long long)seed);
		chaos(seed, false);
		chaos(seed, true);
	}
	test_context_end();
}
