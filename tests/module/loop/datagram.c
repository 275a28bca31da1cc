/* UDP on loopback: what is sent arrives, what is too long is cut, waits end when asked to. */
#include <kube/datagram.h>

#include "loop_test.h"
#include "loop_torture.h"

struct pair {
	struct datagram *a, *b;
};

static bool pair_open(struct loop_test *t, struct pair *p)
{
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);

	*p = (struct pair){0};
	return datagram_open(t->env, t->root, &any, &p->a, NULL) == 0 &&
	       datagram_open(t->env, t->root, &any, &p->b, NULL) == 0;
}

TEST(datagrams_arrive_whole_or_cut_and_say_from_where)
{
	struct loop_test t;
	struct pair p;
	struct told told = {0};
	struct address from, to;
	char at[8];

	loop_test_init(&t, LOOP_TEST_REAL);
	REQUIRE(pair_open(&t, &p));
	to = datagram_address(p.b);
	EXPECT(datagram_send(p.a, &to, STR("hello")));
	EXPECT(datagram_send(p.a, &to, STR("hello, world")));
	datagram_receive(p.b, told_op(&told, t.root, OP_NO_DEADLINE), at, sizeof(at), &from);
	loop_test_run_until(&t, &told.done);
	EXPECT_INT(told.n, 5);
	EXPECT_STR(str_make(at, 5), "hello");
	struct address a = datagram_address(p.a);
	EXPECT(address_eq(&from, &a));
	datagram_receive(p.b, told_op(&told, t.root, OP_NO_DEADLINE), at, sizeof(at), &from);
	loop_test_run_until(&t, &told.done);
	EXPECT_INT(told.n, 12);
	EXPECT_STR(str_make(at, sizeof(at)), "hello, w");
	datagram_close(p.a);
	datagram_close(p.b);
	loop_test_done(&t);
}

TEST(nobody_there_disturbs_neither_sending_nor_receiving)
{
	struct loop_test t;
	struct pair p;
	struct told told = {0};
	struct address from, nobody;
	char at[8];

	loop_test_init(&t, LOOP_TEST_REAL);
	REQUIRE(pair_open(&t, &p));
	nobody = datagram_address(p.b);
	datagram_close(p.b);
	datagram_receive(
		p.a, told_op(&told, t.root, loop_in(t.loop, 30 * 1000000)), at, sizeof(at), &from);
	for (int i = 0; i < 3; i++)
		EXPECT(datagram_send(p.a, &nobody, STR("x")));
	loop_test_run_until(&t, &told.done);
	EXPECT_INT(told.err.code, ERR_TIMEOUT);
	told_done(&told);
	datagram_receive(p.a, told_op(&told, t.root, OP_NO_DEADLINE), at, sizeof(at), &from);
	datagram_close(p.a);
	loop_test_run_until(&t, &told.done);
	EXPECT_INT(told.err.code, ERR_CANCELLED);
	told_done(&told);
	loop_test_done(&t);
}

struct echo {
	struct pair p;
	struct told told;
	struct address from;
	char at[16];
};

static void echo_start(struct loop_test *t, void *ctx)
{
	struct echo *e = ctx;

	memset(e, 0, sizeof(*e));
	if (!pair_open(t, &e->p))
		return;
	struct address to = datagram_address(e->p.b);
	datagram_send(e->p.a, &to, STR("x"));
	datagram_receive(
		e->p.b, told_op(&e->told, t->root, OP_NO_DEADLINE), e->at, sizeof(e->at), &e->from);
	loop_test_run_until(t, &e->told.done);
	told_done(&e->told);
	datagram_close(e->p.a);
	datagram_close(e->p.b);
}

TEST(receiving_may_fail_and_be_cancelled)
{
	static struct echo e;

	EXPECT(loop_torture_run(LOOP_TEST_REAL, echo_start, NULL, &e) > 2);
}
