/* What discovery.c keeps and discovery_documents.c shows. */
#ifndef KUBE_APISERVER_DISCOVERY_PRIVATE_H
#define KUBE_APISERVER_DISCOVERY_PRIVATE_H

#include "discovery.h"

#include <kube/block.h>

struct discovery {
	const struct resource **items; /* groups together, versions together, in order */
	size_t count;
	/* The aggregated lists of /api and /apis, made when first asked for. */
	struct {
		struct block *body;
		char etag[68]; /* quoted hexadecimal SHA-256 */
	} aggregated[2];
};

#endif
