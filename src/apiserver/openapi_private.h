/* What the files of openapi share. */
#ifndef KUBE_APISERVER_OPENAPI_PRIVATE_H
#define KUBE_APISERVER_OPENAPI_PRIVATE_H

#include "openapi.h"

#include <kube/map.h>
#include <kube/openapi.h>

struct openapi {
	struct api_server *server;
	unsigned char tables[32];
	bool has_tables;
	struct omap kept; /* content type and tag → struct kept */
	struct op timer;
};

/* Of all that is served now; as long as the request. */
struct openapi_source openapi_source_of(struct api_request *r);
/* Of the document of that name; empty: v2. */
struct str openapi_hash_of(
	struct api_request *r, const struct openapi_source *source, struct str name);

#endif
