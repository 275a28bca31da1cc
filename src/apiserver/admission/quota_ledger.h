/*
 * What was charged to quotas and is not on their status yet. The status is written before the
 * object that is charged for; who asks meanwhile hears of both together.
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
void quota_ledger_charge(struct quota_ledger *l, struct str key, const struct cJSON *amounts);
/* Of the server's admission. */
struct quota_ledger *admission_ledger(struct admission *a);

#endif
