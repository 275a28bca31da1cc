/* What the parts of NodeRestriction share. Each check returns NULL for what a node may do. */
#ifndef ADMISSION_NODE_RESTRICTION_H
#define ADMISSION_NODE_RESTRICTION_H

#include "plugins.h"

struct node_check {
	struct admission_review *review;
	struct str node;
};

/* NULL: there is no such pod. Borrowed from the review's arena. */
const struct cJSON *node_standing_pod(struct admission_review *a, struct str name);
struct status *node_pod_not_found(struct admission_review *a);

struct status *node_check_token(struct node_check *c);
struct status *node_check_request(struct node_check *c);

#endif
