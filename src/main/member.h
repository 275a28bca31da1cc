/*
 * member: one part and what it stands on: a client, caches, maybe clients in other names and a
 * lease. Whether the API server is in this process, only the transport knows.
 */
#ifndef MAIN_MEMBER_H
#define MAIN_MEMBER_H

#include <kube/component.h>
#include <kube/task.h>

struct leader;

struct member {
	struct component_base base; /* .client NULL: not opened */
	struct part *part;          /* NULL: it has not begun */
	struct leader *leader;      /* NULL: there is no election */
	struct task ending;
};

/* transport: taken. */
void member_open(struct member *m, struct env *env, struct scope *scope,
	struct client_transport *transport, const struct client_options *options);
/* Its part writes in the names of service accounts. Behind member_open, before the part begins. */
void member_identify(struct member *m, const struct client_options *options,
	identities_transport_fn *transport, void *ctx, struct client_transport *below);
/* What was never opened is done. Never refused. Then only free. */
void member_end(struct member *m, struct op *op);
void member_free(struct member *m);

#endif
