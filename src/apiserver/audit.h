/*
 * The audit log: who did what, when, and how it ended. A request's record is opened behind
 * authentication if the policy wants any of it, gathers what the stages tell, and becomes an event
 * at each stage that is not omitted. Events go to a file (audit/log.c) and to a webhook
 * (audit/hook.c), each behind a queue (audit/sink.c).
 *
 * Every function takes a request without a record, and then does nothing.
 */
#ifndef KUBE_APISERVER_AUDIT_H
#define KUBE_APISERVER_AUDIT_H

#include "access.h"

struct audit;
/* *audit stays NULL when no policy or no place to write to is given. */
int audit_new(struct api_server *s, struct audit **audit, struct err *err);
/* The end: what was told before has arrived when op is done, or is counted as lost. */
void audit_finish(struct audit *a, struct op *op);
void audit_free(struct audit *a);

/* Opens the record; tells RequestReceived, and waits for that in the modes that block. */
stage_fn stage_audit;
/* Authentication said no: a record of that alone. */
void audit_unauthenticated(struct api_request *r);
/* "authorization.k8s.io/decision": "allow". The first word under a key counts. */
void audit_annotate(struct api_request *r, const char *key, struct str value);
/* Is what was sent told, too? */
bool audit_wants_sent(const struct api_request *r);
/* What was decoded: of the requested version, or a tree as it was sent (patches, options). */
void audit_sent(struct api_request *r, const struct cJSON *tree);
void audit_sent_hub(struct api_request *r, struct cJSON *tree);
/* What is answered. A Status is told at every level; the rest only where all is wanted. */
void audit_answered_status(struct api_request *r, const struct status *s);
bool audit_wants_answer(const struct api_request *r);
void audit_answered(struct api_request *r, struct str json);
void audit_answered_tree(struct api_request *r, const struct cJSON *tree);
/* The head of an answer that goes on. */
void audit_started(struct api_request *r);
/* The end, by whatever way. */
void audit_end(struct api_request *r);

#endif
