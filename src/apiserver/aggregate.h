/*
 * aggregate: groups and versions that other servers serve. An APIService with a service behind it
 * sends what is asked below /apis/GROUP/VERSION there, as whoever asked here, shown by a client
 * certificate that the other server believes; a check of each decides whether it is available.
 */
#ifndef KUBE_APISERVER_AGGREGATE_H
#define KUBE_APISERVER_AGGREGATE_H

#include "request.h"

struct aggregate;
struct block;
struct openapi_foreign;

struct aggregate *aggregate_new(struct api_server *s);
/* Begins to look at services; they are looked at until the server's scope closes. */
void aggregate_start(struct aggregate *a);
/* Asks nothing more of the server's own client. NULL is fine. */
void aggregate_stop(struct aggregate *a);
void aggregate_free(struct aggregate *a); /* NULL is fine */

/* Behind authorization: hands over what another server serves. */
stage_fn stage_aggregate;

/* ---- discovery ---- */
/* Adds an APIGroup for each group that only other servers serve. */
void aggregate_add_groups(struct api_server *s, struct arena *a, struct cJSON *groups);
/* The APIGroup, or NULL when no other server serves it. */
struct cJSON *aggregate_group(struct api_server *s, struct arena *a, struct str group);
/* Adds an APIGroupDiscovery for each such group, with what its server said last. */
void aggregate_add_discovery(struct api_server *s, struct arena *a, struct cJSON *items);
/* Adds where the document of each version is to the index of OpenAPI v3. */
void aggregate_add_openapi(struct api_server *s, struct arena *a, struct cJSON *paths);
/* What other servers say of themselves in OpenAPI v2, the most important first. Texts stay until
 * the loop turns, and as long as whoever holds their block. */
struct openapi_foreign *aggregate_openapi_texts(
	struct api_server *s, struct arena *a, size_t *count);
struct block *aggregate_openapi_block(struct api_server *s, struct str prefix);
/* Changes whenever one of these would: for documents that are kept. */
uint64_t aggregate_serial(const struct api_server *s);

#endif
