/* One request as the audit log will know it. Lives in the request's arena. */
#ifndef KUBE_APISERVER_AUDIT_RECORD_H
#define KUBE_APISERVER_AUDIT_RECORD_H

#include "policy.h"
#include "sink.h"

struct audit_record {
	struct audit_decision decision;
	unsigned told;          /* stages */
	int64_t stage_time;     /* wall clock, of the last of them */
	struct cJSON *meta;     /* of what was sent: name, namespace, uid, resourceVersion */
	struct cJSON *sent;     /* what was sent, if it is wanted */
	struct cJSON *answered; /* the same of the answer */
	struct cJSON *status;   /* the Status that was answered */
	struct cJSON *annotations;
	/* while the first stage is told */
	struct audit_wait wait;
	size_t sinks_told;
	bool refused;
};

/* As of now; views into the request and its record. brief: without what was sent and answered. */
struct cJSON *audit_event(struct api_request *r, const struct audit_record *record,
	enum audit_stage stage, bool brief);
/* The one line of text that upstream's format "legacy" has for an event. */
void audit_print_legacy(struct buf *out, const struct cJSON *event);

#endif
