/*
 * leader: one of several candidates leads, as a Lease says. client-go's algorithm: a lease that
 * nobody has renewed for its duration, by our own clock, may be taken; who cannot renew in time
 * stops leading before the lease ends for others.
 */
#ifndef KUBE_LEADER_H
#define KUBE_LEADER_H

#include <kube/client.h>

struct leader;

struct leader_options {
	struct client *client;
	struct str namespace, name, identity;                 /* copied */
	int64_t lease_duration, renew_deadline, retry_period; /* 0: 15 s, 10 s, 2 s */
	bool keep_on_stop;                                    /* do not release the lease */
	void (*started)(void *ctx);                           /* we lead */
	void (*stopped)(void *ctx); /* we do not any more; told once, also by leader_stop */
	void (*changed)(void *ctx, struct str identity); /* who leads; may be NULL */
	void *ctx;
};

/* Begins at once. Who has lost a lease tries again: it is the owner who ends it. */
struct leader *leader_new(struct scope *parent, const struct leader_options *options);
/* Gives the lease back (at most 5 s). Never refused. Then only free. */
void leader_stop(struct leader *l, struct op *op);
void leader_free(struct leader *l); /* NULL is fine */
bool leader_leads(const struct leader *l);
struct str leader_holder(const struct leader *l); /* as last seen */

#endif
