/* /version: the same facts that `kube version` prints. */
#ifndef KUBE_APISERVER_VERSION_H
#define KUBE_APISERVER_VERSION_H

#include "request.h"

stage_fn serve_version;
/* What runs and since when, and with which flags: for people. Each behind a feature gate. */
stage_fn serve_statusz, serve_flagz;
/* The same as labels of a metric. */
void version_add_labels(struct buf *out);

#endif
