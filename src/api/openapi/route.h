/* Which paths there are, and what can be done at each of them. */
#ifndef KUBE_API_OPENAPI_ROUTE_H
#define KUBE_API_OPENAPI_ROUTE_H

#include <kube/map.h>
#include <kube/openapi.h>

/* In byte order of their names. */
enum http_method {
	METHOD_DELETE,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_OPTIONS,
	METHOD_PATCH,
	METHOD_POST,
	METHOD_PUT,
	METHODS
};

enum action {
	ACTION_NONE, /* of a plain path */
	ACTION_GET,
	ACTION_LIST,
	ACTION_WATCH,
	ACTION_WATCH_LIST,
	ACTION_POST,
	ACTION_PUT,
	ACTION_PATCH,
	ACTION_DELETE,
	ACTION_DELETE_COLLECTION,
	ACTION_CONNECT,
};

/* A path that is no resource's. */
struct plain_route {
	struct str operation, tag;
	const struct schema *answer; /* NULL: a string */
	const char *produces;        /* comma-separated */
	const char *consumes;        /* NULL: none */
};

struct route {
	const struct resource *resource; /* NULL: plain */
	const struct subresource *sub;
	const struct plain_route *plain;
	bool named, everywhere, watch, tail; /* {name}, all namespaces, below /watch, {path} */
};

/*
 * All routes of a document by their paths: path → struct route, both in the arena. name: of a v3
 * document; NULL: of all.
 */
void routes_collect(const struct openapi_source *source, const struct str *name, struct arena *a,
	struct omap *routes);

/* ACTION_NONE and false: nothing can be done with that method. */
bool route_action(const struct route *r, enum http_method method, enum action *action);
/* The options that stand in the query of a connection or of a log; NULL: none. */
const struct schema *route_options(const struct route *r);
const char *method_name(enum http_method method); /* "delete" */
struct str route_operation_id(
	struct arena *a, const struct route *r, enum http_method method, enum action action);
struct str route_tag(struct arena *a, const struct route *r);

#endif
