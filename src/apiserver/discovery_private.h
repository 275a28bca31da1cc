/* What discovery.c keeps and discovery_documents.c shows. */
#ifndef KUBE_APISERVER_DISCOVERY_PRIVATE_H
#define KUBE_APISERVER_DISCOVERY_PRIVATE_H

#include "discovery.h"

#include <kube/block.h>

struct discovery {
	const struct resource **items; /* groups together, versions together, in order */
	size_t count, own;             /* the first ones are the server's own */
	/* The aggregated lists of /api and /apis, made when first asked for. */
	struct {
		struct block *body;
		char etag[68]; /* quoted hexadecimal SHA-256 */
	} aggregated[2];
	uint64_t custom_changes; /* how often definitions have changed what is served */
	uint64_t remote_serial;  /* of what other servers serve, when the latter was made */
};

/* ---- pieces of both kinds of document ---- */
struct cJSON *discovery_verbs(struct arena *a, unsigned verbs);
struct cJSON *discovery_resource_verbs(struct arena *a, const struct resource *r);
/* "all,api-extensions" as a list; nothing when it is empty */
void discovery_add_words(struct arena *a, struct cJSON *object, struct str key, struct str words);
/* Does the run of a group, or of a version, begin at this index? */
bool discovery_begins(const struct discovery *d, size_t i, bool version, bool removed);

/* ---- the aggregated list ---- */
struct media_type;
bool discovery_is_aggregated(const struct media_type *range, enum wire_format *format);
void discovery_answer_aggregated(struct api_request *r, bool core, enum wire_format format);

#endif
