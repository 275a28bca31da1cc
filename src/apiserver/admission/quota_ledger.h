/*
 * What was charged to quotas and is not on their status yet. The status is written before the
 * object that is charged for, so that no crash leaves objects that nobody has counted; who asks
 * meanwhile hears of both together.
 */
#ifndef KUBE_APISERVER_QUOTA_LEDGER_H
#define KUBE_APISERVER_QUOTA_LEDGER_H

#include "admission.h"

struct quota_ledger;

struct quota_ledger *quota_ledger_new(struct api_server *s);
void quota_ledger_free(struct quota_ledger *l); /* once the server's scope is closed */
/* What is used of the quota (a stored tree) by now. */
struct cJSON *quota_ledger_used(
	struct quota_ledger *l, struct arena *a, struct str key, const struct cJSON *quota);
/* Gives the charge's number. */
uint64_t quota_ledger_charge(struct quota_ledger *l, struct str key, const struct cJSON *amounts);
/* Is the status that holds the charge on its way to the store, before all that is committed now? */
bool quota_ledger_is_under_way(const struct quota_ledger *l, struct str key, uint64_t charge);
/* Done when the next status of a quota is, that has charges which are not. */
struct quota_wait {
	/* private */
	struct op *op;
	struct link in_entry;
};
void quota_ledger_wait(
	struct quota_ledger *l, struct str key, struct op *op, struct quota_wait *wait);
/* Of the server's admission. */
struct quota_ledger *admission_ledger(struct admission *a);

#endif
