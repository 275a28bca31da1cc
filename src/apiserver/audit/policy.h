/*
 * The audit policy: of which requests how much is written down. The first rule that fits decides.
 * Pure; constant once read.
 */
#ifndef KUBE_APISERVER_AUDIT_POLICY_H
#define KUBE_APISERVER_AUDIT_POLICY_H

#include "access.h"

enum audit_level { AUDIT_NONE, AUDIT_METADATA, AUDIT_REQUEST, AUDIT_REQUEST_RESPONSE };
enum audit_stage {
	AUDIT_RECEIVED = 1,
	AUDIT_STARTED = 2, /* of answers that go on: watches, streams */
	AUDIT_COMPLETE = 4,
	AUDIT_PANIC = 8, /* never comes here, but may be named */
};

struct audit_policy {
	const struct cJSON *rules;
	unsigned omitted; /* stages */
	bool omits_managed_fields;
};

/* What becomes of one request. */
struct audit_decision {
	enum audit_level level;
	unsigned omitted;
	bool omits_managed_fields;
};

/* A document of audit.k8s.io/v1 (or of its betas), checked as upstream does. The arena keeps it. */
int audit_policy_read(
	struct arena *a, struct str text, struct audit_policy *policy, struct err *err);
struct audit_decision audit_decide(
	const struct audit_policy *policy, const struct access_query *query);
const char *audit_level_name(enum audit_level level);
const char *audit_stage_name(enum audit_stage stage);

#endif
