/* Events are sent to the server of a kubeconfig, as EventLists; what it does not take, again. */
#ifndef KUBE_APISERVER_AUDIT_HOOK_H
#define KUBE_APISERVER_AUDIT_HOOK_H

#include "sink.h"

/* Reads the kubeconfig at once. */
int audit_hook_new(struct env *env, struct scope *scope, struct str file, int64_t backoff,
	struct audit_writer **writer, struct err *err);

#endif
