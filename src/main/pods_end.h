/*
 * pods_end: the end of everything that a server has left running on this machine: pods, their
 * mounts, cgroups and cables, the rules of services. What lies on disk stays, as when a machine is
 * switched off. Only when no server runs, and none can begin before this process ends. Blocks;
 * only for root.
 */
#ifndef MAIN_PODS_END_H
#define MAIN_PODS_END_H

#include "server_lock.h"

struct pods_end_options {
	const char *data_dir; /* absolute */
	int64_t grace;        /* s, of every pod; -1: each one's own */
};

/* How many pods have been ended. What fails is said, and the rest goes on: the first failure. */
int pods_end(const struct pods_end_options *options, size_t *ended, struct err *err);

#endif
