/*
 * A credential plugin: a program that is run when credentials are wanted and there are none, they
 * have expired or the server has refused them. One run at a time, whoever waits; what it gave is
 * kept until it expires. It has five minutes (people log in by it) and a mebibyte of output; its
 * standard error is ours.
 */
#ifndef KUBE_CLIENT_EXEC_PLUGIN_H
#define KUBE_CLIENT_EXEC_PLUGIN_H

#include "exec_credential.h"

#include <kube/env.h>

struct exec_plugin;

/* *config stays. Its runs belong to the scope. */
struct exec_plugin *exec_plugin_new(
	struct env *env, struct scope *scope, const struct client_config *config);
void exec_plugin_free(struct exec_plugin *p); /* NULL is fine; nothing runs, nobody waits */

/* Embedded by who waits. */
struct exec_wait {
	struct link in_waiting;
	struct exec_plugin *plugin;
	struct op *op;
};
/* Done when there are credentials that count. `ca` as in exec_credential_print; stays until done.
 */
void exec_plugin_get(struct exec_plugin *p, struct exec_wait *w, struct op *op, struct str ca);
/*
 * The server has refused those that were number `serial`: done when there are others. The old ones
 * stay where no others are to be had.
 */
void exec_plugin_renew(
	struct exec_plugin *p, struct exec_wait *w, struct op *op, struct str ca, uint64_t serial);

/* What it gave last, whether or not it has expired; empty before. */
const struct exec_credential *exec_plugin_credential(const struct exec_plugin *p);
uint64_t exec_plugin_serial(const struct exec_plugin *p); /* counts what it gave */
uint64_t exec_plugin_pairs(const struct exec_plugin *p);  /* counts changes of cert and key */

#endif
