/* Making a child: the clone, the steps between it and the program, and what went wrong there. */
#ifndef KUBE_LOOP_SPAWN_H
#define KUBE_LOOP_SPAWN_H

#include <kube/arena.h>
#include <kube/process.h>

struct spawn_fd {
	int from, to;
};

/* All that the child needs: between clone and exec nothing can be allocated. */
struct spawn {
	const struct process_options *options;
	const char *const *files; /* to be tried one after the other, NULL at the end */
	const char *const *argv, *const *env;
	struct spawn_fd fds[PROCESS_FDS_MAX];
	size_t fd_count;
	/* The outcome. */
	int pidfd;
	pid_t pid;
	/* spawn_run's own */
	int report[2]; /* closed by exec, or tells what failed */
	int go[2];     /* the child waits for its end: ids are mapped; -1 where none are */
	bool joins;    /* the child goes to its cgroup by itself */
};

/* ---- spawn_plan.c: made on the loop, kept until the child has what it was given ---- */
struct spawn_plan {
	struct spawn spawn;
	struct arena arena;
	int null;                    /* /dev/null, where it is wanted */
	int pipes[PROCESS_FDS_MAX];  /* our ends, by place in the options' list; -1: none */
	int theirs[PROCESS_FDS_MAX]; /* the child's */
};

void spawn_plan_init(struct spawn_plan *p, const struct process_options *options);
int spawn_plan_make(struct spawn_plan *p, struct err *err);
void spawn_plan_done(struct spawn_plan *p); /* closes what was not taken out of it */

/* ---- spawn.c ---- */
/* Blocks until the program runs or has failed to: for a worker thread. */
int spawn_run(struct spawn *s, struct err *err);

#endif
