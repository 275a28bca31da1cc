/*
 * origins: pages of which sites may see answers (--cors-allowed-origins): browsers ask, and believe
 * what headers say.
 */
#ifndef KUBE_APISERVER_ORIGINS_H
#define KUBE_APISERVER_ORIGINS_H

#include "request.h"

/* NULL: none were named. In the server's arena. */
struct origins *origins_new(struct api_server *s);
/* When the page that asks may. */
void origins_add_headers(struct api_request *r, struct http_headers *h);

#endif
