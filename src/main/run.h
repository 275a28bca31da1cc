/*
 * run: a process's loop, from its beginning to its end by SIGTERM or SIGINT. SIGUSR1 writes what is
 * in flight.
 */
#ifndef MAIN_RUN_H
#define MAIN_RUN_H

#include <kube/env.h>

struct run {
	struct env *env;
	struct scope *root;
	int status; /* of the exit */
	/* The first signal, or run_ask: called once. The end is loop_shutdown's. */
	void (*asked)(void *ctx);
	void *ctx;
	bool stopping;
	struct op term, interrupt;
};

void run_init(struct run *r);
void run_hear_signals(struct run *r, void (*asked)(void *ctx), void *ctx);
/* As a signal would. */
void run_ask(struct run *r);
/* Until the loop has ended: the exit status. */
int run_loop(struct run *r);
/* Nothing of the loop is used any more. */
void run_done(struct run *r);

#endif
