/* Secrets of type kubernetes.io/service-account-token: filled in, and gone with their account. */
#ifndef KUBE_CONTROLLERS_ACCOUNT_TOKENS_H
#define KUBE_CONTROLLERS_ACCOUNT_TOKENS_H

#include "controllers.h"

#include <kube/key.h>

struct account_signer {
	struct key *key;
	struct str root_ca; /* PEM; empty: none is told */
};

/* account: the one that the secret names, or NULL when there is none. */
void account_token_fill(struct plan *p, const struct resource *secrets, struct cJSON *secret,
	const struct cJSON *account, const struct account_signer *s);

#endif
