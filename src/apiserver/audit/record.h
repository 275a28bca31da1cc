/* One request as the audit log will know it. Lives in the request's arena. */
#ifndef KUBE_APISERVER_AUDIT_RECORD_H
#define KUBE_APISERVER_AUDIT_RECORD_H

#include "policy.h"

struct audit_record {
	struct audit_decision decision;
	unsigned told;          /* stages */
	struct cJSON *meta;     /* of what was sent: name, namespace, uid, resourceVersion */
	struct cJSON *sent;     /* what was sent, if it is wanted */
	struct cJSON *answered; /* the same of the answer */
	struct cJSON *status;   /* the Status that was answered */
	struct cJSON *annotations;
};

/* As of now; views into the request and its record. */
struct cJSON *audit_event(
	struct api_request *r, const struct audit_record *record, enum audit_stage stage);

#endif
