/* /version: the same facts that `kube version` prints. */
#ifndef KUBE_APISERVER_VERSION_H
#define KUBE_APISERVER_VERSION_H

#include "request.h"

stage_fn serve_version;
stage_fn serve_statusz; /* the same and since when, for people; behind a feature gate */
/* The same as labels of a metric. */
void version_add_labels(struct buf *out);

#endif
