/* The copy of its store that a running server gives to its administrator. */
#ifndef MAIN_BACKUP_FETCH_H
#define MAIN_BACKUP_FETCH_H

#include <kube/env.h>
#include <kube/kubeconfig.h>

struct backup_fetch_taker {
	int (*begin)(void *ctx, int64_t size, struct err *err);
	int (*bytes)(void *ctx, struct str bytes, struct err *err);
	void *ctx;
};
/* Runs the env's loop until all of it has come. */
int backup_fetch(struct env *env, const struct client_config *config,
	const struct backup_fetch_taker *taker, struct err *err);

#endif
