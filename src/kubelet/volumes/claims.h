/*
 * Claims of a pod, looked up once in its life: which persistent volume each is bound to, and what
 * that is made of. Pure: who asks the API, and when, is told.
 */
#ifndef KUBE_KUBELET_CLAIMS_H
#define KUBE_KUBELET_CLAIMS_H

#include <kube/arena.h>
#include <kube/err.h>
#include <kube/json.h>
#include <kube/resource.h>

enum claim_state { CLAIM_ASK, CLAIM_ASK_VOLUME, CLAIM_KNOWN, CLAIM_FAILED };

struct volume_claim {
	enum claim_state state;
	struct arena arena; /* of what the pod says */
	struct str volume;  /* in the pod */
	struct str namespace, name;
	bool ephemeral; /* made for this pod: must be its own */
	bool read_only;
	struct arena answers; /* of all below */
	struct str persistent, uid;
	const struct cJSON
		*source;    /* when KNOWN, as a volume of a pod: {"name": …, "local": {…}} */
	int64_t group;      /* that may use it; -1: none is said */
	struct str problem; /* when FAILED, in upstream's words */
};
struct volume_claims {
	struct volume_claim **items;
	size_t count;
};
void claims_done(struct volume_claims *c);

/* Those of the pod; what failed before is asked for once more. */
void claims_want(struct volume_claims *c, const struct cJSON *pod);
struct volume_claim *claims_find(const struct volume_claims *c, struct str volume);
/* The next one to be asked about; NULL: none. */
struct volume_claim *claims_next(const struct volume_claims *c);

/* What is to be read from the API. */
void claim_wanted(const struct volume_claim *claim, const struct resource **resource,
	struct str *namespace, struct str *name);
/* The answer, or why there is none. */
void claim_take(struct volume_claim *claim, const struct cJSON *pod, const struct cJSON *answer,
	const struct err *why);

#endif
