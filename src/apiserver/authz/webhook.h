/*
 * The Webhook authorizer: SubjectAccessReviews sent to a server of a kubeconfig file, its answers
 * remembered for a while. What is not remembered must be waited for: see access_wait in access.h.
 */
#ifndef KUBE_APISERVER_AUTHZ_WEBHOOK_H
#define KUBE_APISERVER_AUTHZ_WEBHOOK_H

#include "access.h"
#include "expression.h"

struct webhook_condition {
	struct str text;
	const struct expression *expression; /* outlives the authorizer */
};

struct webhook_settings {
	struct str name;    /* as metrics have it */
	struct str file;    /* its kubeconfig */
	struct str version; /* "v1", "v1beta1" */
	int64_t authorized_ttl, unauthorized_ttl, timeout;
	bool no_authorized_cache, no_unauthorized_cache;
	bool deny_on_error;
	const struct webhook_condition *conditions; /* all must be true for it to be asked */
	size_t condition_count;
};

struct webhook_authorizer;
int webhook_authorizer_new(struct api_server *s, const struct webhook_settings *settings,
	struct webhook_authorizer **w, struct err *err);
/* Who still waits for it asks the authorizers that there are then. NULL is fine. */
void webhook_authorizer_drop(struct webhook_authorizer *w);
/* From memory, or ACCESS_WAIT. */
enum access_decision webhook_ask(struct webhook_authorizer *w, struct arena *arena,
	const struct access_query *q, struct access_answer *answer);

/* The spec of a review, as it is sent in that version. */
void webhook_print_spec(
	struct buf *out, struct arena *scratch, const struct access_query *q, bool v1);
/* The same as conditions see it: texts are there though they are empty. */
struct cJSON *webhook_condition_tree(struct arena *a, const struct access_query *q);

#endif
