/*
 * Which format the client wants and which it sends. Upstream looks twice: its router compares
 * bare media types and knows nothing of parameters, then the handler reads the whole header;
 * each has words of its own for a no.
 */
#ifndef KUBE_APISERVER_NEGOTIATE_H
#define KUBE_APISERVER_NEGOTIATE_H

#include "request.h"

/* The router's look: 415 for patches, 406. NULL: go on. */
struct status *negotiate_route(struct api_request *r);
/* Accept → r->wants; Content-Type → r->content_type. NULL: go on. */
struct status *negotiate_accept(struct api_request *r);
struct status *negotiate_content_type(struct api_request *r);
/*
 * How a Status is shown: by the bare types of Accept, whatever was wrong with their parameters,
 * and also before the request came as far as its own negotiation.
 */
struct representation negotiate_status(struct api_request *r);

/* Shared by resolve.c and plain paths. */
struct status *status_method_not_allowed(struct arena *a);
struct status *status_page_not_found(struct arena *a);

#endif
