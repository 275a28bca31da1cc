/*
 * The documents that describe the API, made from the tables of types and resources: OpenAPI v2 as
 * one, OpenAPI v3 as one for each group version and a few for what stands beside them. Structure
 * and names are upstream's.
 *
 * A document is made piece by piece and handed out piece by piece: only one path or type at a
 * time is a tree in memory. Pure; on any thread.
 */
#ifndef KUBE_OPENAPI_H
#define KUBE_OPENAPI_H

#include <kube/resource.h>

/* JSON, or gnostic's messages openapi.v2.Document and openapi.v3.Document. */
enum openapi_format { OPENAPI_JSON, OPENAPI_PROTOBUF };

/* The OpenAPI v2 of another server, as JSON; what it says of paths below `prefix` counts. */
struct openapi_foreign {
	struct str text, prefix;
};

/* What is served. The array and its resources stay as long as a document is being made. */
struct openapi_source {
	const struct resource *const *resources;
	size_t count;
	/* Of custom ones, by the same index: their definition as JSON. NULL: there are none. */
	const struct str *definitions;
	struct str version; /* of the server: "v1.36.0" */
	struct str build;   /* more of it, for hashes: the commit */
	/* Of v2, in this order; what is no such document adds nothing. Hashes know none of them. */
	const struct openapi_foreign *foreign;
	size_t foreign_count;
};

typedef void openapi_sink_fn(void *ctx, struct str bytes);

void openapi_v2_write(const struct openapi_source *source, enum openapi_format format,
	openapi_sink_fn *sink, void *ctx);

/* Names of the v3 documents ("api/v1", "apis/apps", "version"), in order, in the arena. */
struct str *openapi_v3_names(const struct openapi_source *source, struct arena *a, size_t *count);
bool openapi_v3_has(const struct openapi_source *source, struct str name);
/* One of these names. */
void openapi_v3_write(const struct openapi_source *source, struct str name,
	enum openapi_format format, openapi_sink_fn *sink, void *ctx);

/*
 * Whether a document has changed can be told without making it: a digest of all tables, taken
 * once, and with it one of each document, upper-case hexadecimal. An empty name: OpenAPI v2.
 */
void openapi_tables_digest(unsigned char digest[32]);
void openapi_hash(const struct openapi_source *source, const unsigned char tables[32],
	struct str name, char hash[65]);

#endif
