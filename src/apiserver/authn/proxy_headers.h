/*
 * Front proxies: who shows a certificate of their authority is believed when headers say who asks.
 */
#ifndef KUBE_APISERVER_PROXY_HEADERS_H
#define KUBE_APISERVER_PROXY_HEADERS_H

#include "authn.h"

struct proxy_headers;
/* From --requestheader-…; *p is NULL when no authority is named. */
int proxy_headers_new(struct api_server *s, struct proxy_headers **p, struct err *err);
void proxy_headers_free(struct proxy_headers *p); /* NULL is fine */
/* TOKEN_UNKNOWN: it is no proxy, or it says nothing. */
enum token_outcome proxy_headers_find(struct proxy_headers *p, struct api_request *r);

#endif
