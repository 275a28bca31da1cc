/* One document by GET over TLS, whole, from whom an authority (or the system) believes. */
#ifndef KUBE_APISERVER_FETCH_H
#define KUBE_APISERVER_FETCH_H

#include <kube/client_transport.h>
#include <kube/task.h>

struct fetch {
	struct str bearer; /* a token to show; empty: none. Set before */
	struct buf body;
	int status;
	/* private */
	struct task task;
	struct env *env;
	struct arena arena;
	struct client_config config;
	struct client_transport *transport;
	struct client_call call;
	struct err why;
};

/* url: https; authority: PEM, or empty, borrowed. Zeroed before, fetch_done after. ERR_* as Go's
 * client has it; any status is an answer. */
void fetch_start(
	struct fetch *f, struct env *env, struct op *op, struct str url, struct str authority);
void fetch_done(struct fetch *f);

#endif
