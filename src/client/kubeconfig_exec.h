/* The part of a kubeconfig that names a credential plugin. */
#ifndef KUBE_CLIENT_KUBECONFIG_EXEC_H
#define KUBE_CLIENT_KUBECONFIG_EXEC_H

#include <kube/kubeconfig.h>

/* Member types, in client-go's words. */
int kubeconfig_exec_check(const struct cJSON *exec, struct err *err);
/* A command with a slash that is no absolute path stands in `dir`. */
void kubeconfig_exec_place(struct arena *a, struct cJSON *exec, struct str dir);
/* NULL where none is named. `cluster` may hold what the plugin is to be told. */
const struct client_exec *kubeconfig_exec_take(
	struct arena *a, const struct cJSON *exec, const struct cJSON *cluster);

/* What is wrong with it, each told as a sentence. */
typedef void kubeconfig_fault_fn(void *ctx, struct str text);
void kubeconfig_exec_faults(
	const struct client_exec *e, struct str user, kubeconfig_fault_fn *fault, void *ctx);

struct client_exec *client_exec_copy(struct arena *a, const struct client_exec *from);

#endif
