/* What review resources share: objects that are answered at once and never stored. */
#ifndef KUBE_APISERVER_REVIEW_H
#define KUBE_APISERVER_REVIEW_H

#include "request.h"

/* The body, with its managed fields; the answer is the same object with a status. NULL: it has
 * been refused. */
struct cJSON *review_read(struct api_request *r);
void review_answer(struct api_request *r, struct cJSON *tree);

#endif
