/*
 * What review resources share: objects that are answered at once and never stored. They go the way
 * of all that is made: plugins change them, they are checked, plugins judge them; then they are
 * answered, as they have become, with a status.
 */
#ifndef KUBE_APISERVER_REVIEW_H
#define KUBE_APISERVER_REVIEW_H

#include "request.h"

typedef struct status *review_check_fn(struct api_request *r, struct cJSON *tree); /* NULL: good */
typedef void review_answer_fn(struct api_request *r, struct cJSON *tree);

/* check: NULL when all is good. */
void review_run(struct api_request *r, review_check_fn *check, review_answer_fn *go);
/* The same object with its status. */
review_answer_fn review_answer;

#endif
