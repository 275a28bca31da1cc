/*
 * Await torture: a scenario is run again and again on a fresh loop, once with its first await
 * failing, once with its second, and so on until it has no such await; then the same with each
 * await cancelled. Every run must end by itself and leave nothing: no op, no descriptor, and
 * (under ASan or valgrind) no memory. What the scenario achieves is its own affair: it must
 * expect success only in a run where loop_torture_hit() is false.
 *
 *	static void echo(struct loop_test *t, void *ctx)
 *	{
 *		… starts things in t->root …
 *	}
 *	loop_torture_run(LOOP_TEST_REAL, echo, ctx);
 */
#ifndef KUBE_LOOP_TORTURE_H
#define KUBE_LOOP_TORTURE_H

#include "loop_test.h"

typedef void torture_fn(struct loop_test *t, void *ctx);

/*
 * `start` is called with torture on; the loop is then run until its root is empty; `check`, which
 * may be NULL, is called before the loop is freed. One round without torture comes first.
 * Returns the number of rounds.
 */
int loop_torture_run(enum loop_test_kind kind, torture_fn *start, torture_fn *check, void *ctx);

/*
 * The same on a loop that goes on, a server's: `act` runs it with torture on, until what it has
 * begun is over; `whole` runs it without, when all must work as ever.
 */
void loop_torture_on(
	struct loop *loop, void (*act)(void *ctx), void (*whole)(void *ctx), void *ctx);

#endif
