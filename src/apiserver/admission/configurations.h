/* configurations: how webhooks and policies read the objects that configure them. */
#ifndef KUBE_APISERVER_ADMISSION_CONFIGURATIONS_H
#define KUBE_APISERVER_ADMISSION_CONFIGURATIONS_H

#include "request.h"

#include <kube/selector.h>

/* All that stands in a bucket of admissionregistration.k8s.io/v1, in the order of names. */
const struct cJSON **configuration_trees(struct arena *a, const struct bucket *b, size_t *count);
struct bucket *configuration_bucket(struct api_server *s, const char *plural);
/* true: it is empty and selects all. One that cannot be read selects nothing. */
bool configuration_selector(struct arena *a, const struct cJSON *tree, struct selector *s);

#endif
