/* /version: the same facts that `kube version` prints. */
#ifndef KUBE_APISERVER_VERSION_H
#define KUBE_APISERVER_VERSION_H

#include "request.h"

stage_fn serve_version;
/* The same as labels of a metric. */
void version_add_labels(struct buf *out);

#endif
