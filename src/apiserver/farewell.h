/* Connections of HTTP/2 that end with an answer. */
#ifndef KUBE_APISERVER_FAREWELL_H
#define KUBE_APISERVER_FAREWELL_H

#include "request.h"

/* Adds what makes the connection end, when it is to: what is in flight on it goes on. */
void farewell_add_headers(struct api_request *r, struct http_headers *h);

#endif
