/*
 * identities: clients of one component in the names of several service accounts, so that each of
 * its parts may do what its own role says and no more. Made when they are first asked for, and
 * kept until the end.
 */
#ifndef KUBE_IDENTITIES_H
#define KUBE_IDENTITIES_H

#include <kube/client.h>

/* Where the accounts of a cluster's own parts are. */
#define IDENTITIES_NAMESPACE "kube-system"

/* The transport of one account of that namespace; the client's, which is made for it. */
typedef struct client_transport *identities_transport_fn(void *ctx, const char *account);

struct identities_options {
	/* Each account's client is called as the component, and by its own name behind that. */
	struct client_options client;
	identities_transport_fn *transport;
	void *ctx;
	/* What the accounts' transports stand upon, or NULL: taken, and ended behind them. */
	struct client_transport *below;
};

struct identities;
struct identities *identities_new(struct env *env, const struct identities_options *options);
/* Borrowed. */
struct client *identities_client(struct identities *all, const char *account);
/* Everything asked of the clients must be over. Never refused. Then only free. */
void identities_stop(struct identities *all, struct op *op);
void identities_free(struct identities *all); /* NULL is fine */

#endif
