/* Making a child: the clone, the steps between it and the program, and what went wrong there. */
#ifndef KUBE_LOOP_SPAWN_H
#define KUBE_LOOP_SPAWN_H

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

/* Blocks until the program runs or has failed to: for a worker thread. */
int spawn_run(struct spawn *s, struct err *err);

#endif
