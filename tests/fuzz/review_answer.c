/* What a webhook answers to a review. */
#include "apiserver/remote_review.h"

#include <kube/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cJSON *status = NULL;
	struct err err = {0};
	struct arena a;

	arena_init(&a);
	if (!remote_review_read(&a, str_make((const char *)data, size), "SubjectAccessReview",
		    STR("authorization.k8s.io/v1"), &status, &err))
		assert(!status || json_is(status, JSON_OBJECT) || json_is(status, JSON_NULL));
	err_done(&err);
	arena_done(&a);
	return 0;
}
