/*
 * A loop for one test, and the proof at its end that nothing was left behind: the root scope
 * empty, libuv's loop closed, no descriptor open that was not open before.
 *
 *	struct loop_test t;
 *	loop_test_init(&t, LOOP_TEST_VIRTUAL);
 *	timer_wait(…);
 *	loop_test_run(&t);
 *	loop_test_done(&t);
 */
#ifndef KUBE_LOOP_TEST_H
#define KUBE_LOOP_TEST_H

#include "test.h"

#include <kube/env.h>

enum loop_test_kind { LOOP_TEST_REAL, LOOP_TEST_VIRTUAL };

struct loop_test {
	struct loop *loop;
	struct scope *root;
	struct env *env; /* the machine's; NULL on a virtual loop */
	int descriptors; /* open before */
};

void loop_test_init(struct loop_test *t, enum loop_test_kind kind);
/* Runs until the root is empty; a stuck loop fails the test and is shut down. */
void loop_test_run(struct loop_test *t);
/* Runs until *flag, with the same complaint. */
void loop_test_run_until(struct loop_test *t, const bool *flag);
/* Runs what is left, frees, and checks. */
void loop_test_done(struct loop_test *t);

int loop_test_count_descriptors(void);

/* An op that notes what it was told. */
struct told {
	struct op op;
	struct err err; /* of the last time */
	int64_t n;
	int times;
	bool done;      /* for loop_run_until */
	uint64_t order; /* counted over all told ops of the process */
};
/* Prepares it; the first time *told must be zeroed. Gives &told->op. */
struct op *told_op(struct told *told, struct scope *scope, int64_t deadline);
void told_done(struct told *told); /* frees the text */

/* A real loop that hangs longer than this many seconds prints its tree and ends the program. */
#define LOOP_TEST_PATIENCE 60

#endif
