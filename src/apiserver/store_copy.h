/* Copies of the store for those who keep backups. */
#ifndef KUBE_APISERVER_STORE_COPY_H
#define KUBE_APISERVER_STORE_COPY_H

#include "request.h"

stage_fn serve_store_copy;
/* At the start, when the store is ours: what is left of copies that were not sent. */
void store_copy_sweep(struct api_server *s);

#endif
