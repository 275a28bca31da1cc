#include <kube/block.h>
#include <kube/env.h>
#include <kube/mem.h>
#include <kube/time.h>

#include "loop_torture.h"

struct pair {
	struct loop_test t;
	struct listener *listener;
	struct stream *a, *b;
	struct outbox *box; /* over a */
};

enum { LOW = 10 * 1000, HIGH = 100 * 1000, MOST = 8 * 1000 * 1000 };

static void pair_open(struct pair *p)
{
	struct err err = {0};
	struct told connected = {0}, accepted = {0};
	struct address at = {.path = "@kube-outbox-test"};
	*p = (struct pair){0};
	loop_test_init(&p->t, LOOP_TEST_REAL);
	EXPECT_OK(net_listen(p->t.env, p->t.root, &at, 16, &p->listener, &err), &err);
	listener_accept(
		p->listener, told_op(&accepted, p->t.root, OP_NO_DEADLINE), p->t.root, &p->b);
	net_connect(
		p->t.env, told_op(&connected, p->t.root, OP_NO_DEADLINE), p->t.root, &at, &p->a);
	loop_test_run_until(&p->t, &connected.done);
	loop_test_run_until(&p->t, &accepted.done);
	p->box = outbox_new(p->a, p->t.root, LOW, HIGH, MOST);
}

static void pair_close(struct pair *p)
{
	outbox_free(p->box);
	stream_close(p->a);
	stream_close(p->b);
	listener_close(p->listener);
	loop_test_done(&p->t);
}

static struct op *told_root(struct pair *p, struct told *told)
{
	return told_op(told, p->t.root, OP_NO_DEADLINE);
}

/* Adds a block whose only reference is then the outbox's. */
static int add(struct pair *p, size_t len, char fill)
{
	struct block *b = block_new(len);
	memset(b->bytes, fill, len);
	int code = outbox_add(p->box, b);
	block_unref(b);
	return code;
}

static void read_all(struct pair *p, struct buf *in, size_t until)
{
	struct told got = {0};
	while (in->len < until && !got.err.code) {
		stream_read(p->b, told_root(p, &got), in, 64 * KIB);
		loop_test_run_until(&p->t, &got.done);
		EXPECT_OK(got.err.code, &got.err);
	}
}

TEST(blocks_are_written_in_order_without_waiting)
{
	struct pair p;
	struct told flushed = {0};
	struct buf in = BUF_INIT(MIB);
	pair_open(&p);
	for (int i = 0; i < 1000; i++)
		EXPECT_INT(add(&p, 1 + (size_t)i % 3, (char)('a' + i % 26)), 0);
	EXPECT_INT(add(&p, 0, 0), 0);
	outbox_flush(p.box, told_root(&p, &flushed));
	loop_test_run_until(&p.t, &flushed.done);
	EXPECT_INT(outbox_size(p.box), 0);
	size_t total = 0;
	for (int i = 0; i < 1000; i++)
		total += 1 + (size_t)i % 3;
	read_all(&p, &in, total);
	EXPECT_INT(in.len, total);
	size_t at = 0;
	for (int i = 0; i < 1000; i++)
		for (int k = 0; k < 1 + i % 3; k++)
			EXPECT_INT(in.at[at++], 'a' + i % 26);
	buf_done(&in);
	pair_close(&p);
}

TEST(a_full_outbox_says_so_and_tells_when_it_has_drained)
{
	struct pair p;
	struct told waited = {0}, later = {0};
	struct buf in = BUF_INIT(MOST);
	size_t total = 0;
	pair_open(&p);
	while (!outbox_full(p.box)) {
		EXPECT_INT(add(&p, 50 * 1000, 'x'), 0);
		total += 50 * 1000;
		/* The kernel takes some; only what it does not take counts. */
		timer_wait(told_root(&p, &later), loop_in(p.t.loop, MSEC));
		loop_test_run_until(&p.t, &later.done);
	}
	outbox_wait(p.box, told_root(&p, &waited));
	timer_wait(told_root(&p, &later), loop_in(p.t.loop, 5 * MSEC));
	loop_test_run_until(&p.t, &later.done);
	EXPECT(!waited.done);
	read_all(&p, &in, total);
	loop_test_run_until(&p.t, &waited.done);
	EXPECT_INT(waited.err.code, 0);
	EXPECT(outbox_size(p.box) <= LOW && !outbox_full(p.box));
	buf_done(&in);
	pair_close(&p);
}

TEST(a_reader_too_slow_reaches_the_limit)
{
	struct pair p;
	int code = 0;
	pair_open(&p);
	for (int i = 0; i < 1000 && !code; i++)
		code = add(&p, 100 * 1000, 'x');
	EXPECT_INT(code, ERR_LIMIT);
	EXPECT(outbox_size(p.box) <= MOST);
	pair_close(&p);
}

TEST(a_failed_write_is_told_to_all_and_stays)
{
	struct pair p;
	struct told waited = {0}, flushed = {0};
	pair_open(&p);
	while (outbox_size(p.box) < 1000 * 1000)
		EXPECT_INT(add(&p, 100 * 1000, 'x'), 0);
	outbox_wait(p.box, told_root(&p, &waited));
	outbox_flush(p.box, told_root(&p, &flushed));
	stream_close(TAKE(p.b));
	loop_test_run_until(&p.t, &waited.done);
	loop_test_run_until(&p.t, &flushed.done);
	EXPECT_INT(waited.err.code, ERR_CLOSED);
	EXPECT_INT(flushed.err.code, ERR_CLOSED);
	EXPECT_INT(add(&p, 10, 'x'), ERR_CLOSED);
	EXPECT_INT(outbox_size(p.box), 0);
	outbox_wait(p.box, told_root(&p, &waited));
	loop_test_run_until(&p.t, &waited.done);
	EXPECT_INT(waited.err.code, ERR_CLOSED);
	told_done(&waited);
	told_done(&flushed);
	pair_close(&p);
}

TEST(waiting_can_be_cancelled_and_freeing_ends_it)
{
	struct pair p;
	struct told waited = {0}, flushed = {0};
	pair_open(&p);
	while (!outbox_full(p.box))
		EXPECT_INT(add(&p, 1000 * 1000, 'x'), 0);
	outbox_wait(p.box, told_root(&p, &waited));
	op_cancel(&waited.op);
	outbox_flush(p.box, told_root(&p, &flushed));
	loop_test_run_until(&p.t, &waited.done);
	EXPECT_INT(waited.err.code, ERR_CANCELLED);
	outbox_wait(p.box, told_op(&waited, p.t.root, loop_in(p.t.loop, MSEC)));
	loop_test_run_until(&p.t, &waited.done);
	EXPECT_INT(waited.err.code, ERR_TIMEOUT);
	outbox_free(TAKE(p.box));
	loop_test_run_until(&p.t, &flushed.done);
	EXPECT_INT(flushed.err.code, ERR_CANCELLED);
	told_done(&waited);
	told_done(&flushed);
	pair_close(&p);
}

TEST(blocks_are_shared_not_copied)
{
	struct pair p;
	struct told flushed = {0};
	struct block *b = block_from(STR("shared"));
	pair_open(&p);
	EXPECT_INT(outbox_add(p.box, b), 0);
	EXPECT_INT(outbox_add(p.box, b), 0);
	EXPECT_INT(b->refs, 3);
	outbox_flush(p.box, told_root(&p, &flushed));
	loop_test_run_until(&p.t, &flushed.done);
	EXPECT_INT(b->refs, 1);
	block_unref(b);
	pair_close(&p);
}

/* ---- torture: a writer that is held back, a reader, and each of their awaits refused ---- */

struct play {
	struct loop_test *t;
	struct listener *listener;
	struct stream *a, *b;
	struct outbox *box;
	struct op accepted, connected, waiting, reading;
	struct buf in;
	size_t got;
	int rounds;
	bool good;
};

enum { ROUNDS = 4, ROUND = 3 * 300 * 1000 };

static void play_end(struct play *p)
{
	outbox_free(TAKE(p->box));
	stream_close(TAKE(p->a));
	stream_close(TAKE(p->b));
	listener_close(TAKE(p->listener));
	op_cancel(&p->accepted);
	op_cancel(&p->connected);
	op_cancel(&p->waiting);
	op_cancel(&p->reading);
}

static void play_write(struct play *p);

static void play_room(struct op *op, struct err *err)
{
	struct play *p = CONTAINER_OF(op, struct play, waiting);
	if (err->code)
		play_end(p);
	else if (p->rounds < ROUNDS)
		play_write(p);
}

static void play_write(struct play *p)
{
	bool last = ++p->rounds == ROUNDS;
	for (int i = 0; i < 3; i++) {
		struct block *b = block_new(ROUND / 3);
		memset(b->bytes, 'x', b->len);
		outbox_add(p->box, b);
		block_unref(b);
	}
	op_init(&p->waiting, p->t->root, play_room, OP_NO_DEADLINE);
	last ? outbox_flush(p->box, &p->waiting) : outbox_wait(p->box, &p->waiting);
}

static void play_read(struct op *op, struct err *err)
{
	struct play *p = CONTAINER_OF(op, struct play, reading);
	p->got += (size_t)op->n;
	p->good = p->got == (size_t)ROUNDS * ROUND;
	if (err->code || op->n == 0 || p->good) {
		play_end(p);
		return;
	}
	buf_clear(&p->in);
	op_init(&p->reading, p->t->root, play_read, OP_NO_DEADLINE);
	stream_read(p->b, &p->reading, &p->in, 256 * 1000);
}

static void play_accepted(struct op *op, struct err *err)
{
	struct play *p = CONTAINER_OF(op, struct play, accepted);
	if (err->code || !p->listener) {
		play_end(p);
		return;
	}
	op_init(&p->reading, p->t->root, play_read, OP_NO_DEADLINE);
	stream_read(p->b, &p->reading, &p->in, 256 * 1000);
}

static void play_connected(struct op *op, struct err *err)
{
	struct play *p = CONTAINER_OF(op, struct play, connected);
	if (err->code || !p->listener) {
		play_end(p);
		return;
	}
	p->box = outbox_new(p->a, p->t->root, LOW, HIGH, MOST);
	play_write(p);
}

static void play_start(struct loop_test *t, void *ctx)
{
	struct play *p = ctx;
	struct address at = {.path = "@kube-outbox-torture"};
	*p = (struct play){.t = t, .in = BUF_INIT(MIB)};
	EXPECT_INT(net_listen(t->env, t->root, &at, 16, &p->listener, NULL), 0);
	op_init(&p->accepted, t->root, play_accepted, OP_NO_DEADLINE);
	listener_accept(p->listener, &p->accepted, t->root, &p->b);
	op_init(&p->connected, t->root, play_connected, OP_NO_DEADLINE);
	net_connect(t->env, &p->connected, t->root, &at, &p->a);
}

static void play_check(struct loop_test *t, void *ctx)
{
	struct play *p = ctx;
	buf_done(&p->in);
	if (!loop_torture_hit(t->loop))
		EXPECT(p->good);
}

TEST(an_outbox_survives_torture)
{
	struct play p;
	EXPECT(loop_torture_run(LOOP_TEST_REAL, play_start, play_check, &p) > 20);
}
