/*
 * child: what happens in a new process between its birth and its program: it becomes a container,
 * or enters one. It speaks with the helper through a pipe, in lines:
 *
 *	T7		descriptor 7 is our side of its terminal: take it, then write a byte to `go`
 *	U1000 1000	who it runs as
 *	E text		it failed, and is gone
 *
 * The end of the pipe without E: the program runs.
 */
#ifndef KUBE_RUNTIME_CHILD_H
#define KUBE_RUNTIME_CHILD_H

#include "spec.h"

#include <kube/cgroup.h>

struct child {
	const struct container_spec *spec;
	const struct cgroups *cgroups;
	const struct spec_strs *args;
	struct str filter;    /* of system calls; empty: none */
	int enter;            /* a pidfd: enter what this process is in; -1: become a container */
	int users;            /* the pod's user namespace; -1: the node's */
	uint32_t users_first; /* the id on the node that is its root */
	int stdio[3];         /* -1 with a terminal */
	bool tty;
	int report, go; /* pipes */
};

/*
 * Forks; in the child nothing returns. `pid_namespace`: a new one for it. The pid as we see it,
 * or a negative code; the pidfd is the caller's.
 */
pid_t child_start(const struct child *child, bool pid_namespace, int *pidfd, struct err *err);

/* ---- between the files of the child ---- */
/* Mount namespace made: root, mounts, devices; the process stands in the new root. */
int child_enter_root(struct arena *a, const struct child *child, struct err *err);
/*
 * Users of the pod's own. Before the root is made: what is made belongs to the pod's root. Layers
 * of an image are seen with the pod's ids while they are covered (in our mount namespace alone).
 * At last: into it, as its root, with mounts that are its own unless somebody else's are entered.
 */
int child_own_files(const struct child *child, struct err *err);
int child_cover_layers(const struct child *child, const struct spec_strs *layers, struct err *err);
void child_uncover_layers(const struct child *child, const struct spec_strs *layers);
int child_enter_users(const struct child *child, struct err *err);
/* Who: reads the root's files, sets groups and ids; speaks U to `report`. */
int child_become(struct arena *a, const struct child *child, struct err *err);
/* HOME of whom it became; valid after child_become. */
struct str child_home(void);
int child_execute(struct arena *a, const struct child *child, struct err *err);

#endif
