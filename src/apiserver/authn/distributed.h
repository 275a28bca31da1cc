/*
 * Groups that a token does not tell itself but by a token of their own, which lies at an endpoint
 * that the first one names ("_claim_names", "_claim_sources"), signed by some issuer.
 */
#ifndef KUBE_APISERVER_DISTRIBUTED_H
#define KUBE_APISERVER_DISTRIBUTED_H

#include "authn.h"
#include "fetch.h"
#include "issuer.h"

struct distributed_source {
	struct str url, bearer; /* bearer: to be shown there; may be empty */
};
/* 1: the claim is told there; 0: it is not told elsewhere; negative: ERR_UNAUTHORIZED. Pure. */
int distributed_find(struct arena *a, const struct cJSON *claims, struct str claim,
	struct distributed_source *source, struct err *err);

/*
 * Going there. In an arena that lives on after the op is done, which fails only when it is
 * cancelled: either `value` is there, or `error` says why it is not.
 */
struct distributed {
	struct authn *authn;
	struct arena *arena;
	struct str issuer; /* of the first token: whose settings count */
	struct str claim;
	struct distributed_source source;
	/* the outcome */
	const struct cJSON *value;
	struct str error;
	/* private */
	struct task task;
	struct fetch fetch;
	struct jwt *jwt;
	struct issuer_waiter waiting;
	bool refreshed;
};
void distributed_start(struct distributed *d, struct op *op);

/* Issuers that only such tokens have named so far, with the settings of another. */
struct other_issuers;
void other_issuers_drop(struct other_issuers *o); /* NULL is fine */

#endif
