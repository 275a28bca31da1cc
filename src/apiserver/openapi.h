/*
 * /openapi/v2 and /openapi/v3: the documents that describe the API. One is made when it is asked
 * for, on a worker, packed while it is made, and kept packed until nobody has asked for a while.
 */
#ifndef KUBE_APISERVER_OPENAPI_H
#define KUBE_APISERVER_OPENAPI_H

#include "request.h"

struct openapi *openapi_new(struct api_server *s);
void openapi_free(struct openapi *o); /* after the server's scope has closed; NULL is fine */

stage_fn serve_openapi_v2;
stage_fn serve_openapi_v3_index; /* /openapi/v3 */
stage_fn serve_openapi_v3;       /* /openapi/v3/… */

#endif
