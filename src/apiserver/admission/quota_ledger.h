/*
 * What was charged to quotas and is not on their status yet. The charges of one turn of the loop
 * are put on the statuses together at its end, and before the objects that are charged for: no
 * crash leaves objects that nobody has counted. Who asks meanwhile hears of all of it.
 */
#ifndef KUBE_APISERVER_QUOTA_LEDGER_H
#define KUBE_APISERVER_QUOTA_LEDGER_H

#include "admission.h"

struct quota_ledger;

struct quota_ledger *quota_ledger_new(struct api_server *s);
void quota_ledger_free(struct quota_ledger *l); /* once the server's scope is closed */
/* A quota as it was written last, maybe not on the disk yet; NULL: it is gone. Until the next turn.
 */
const struct cJSON *quota_ledger_quota(struct quota_ledger *l, struct str key);
/* What is used of it by now. */
struct cJSON *quota_ledger_used(struct quota_ledger *l, struct arena *a, struct str key);
void quota_ledger_charge(struct quota_ledger *l, struct str key, const struct cJSON *amounts);
/* Done when all that was charged so far is on its way to the store, before what is committed then.
 */
struct quota_wait {
	/* private */
	struct op *op;
	struct link in_ledger;
};
void quota_ledger_wait(struct quota_ledger *l, struct op *op, struct quota_wait *wait);
/* Of the server's admission. */
struct quota_ledger *admission_ledger(struct admission *a);

#endif
