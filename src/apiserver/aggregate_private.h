/* What the files of aggregate share. */
#ifndef KUBE_APISERVER_AGGREGATE_PRIVATE_H
#define KUBE_APISERVER_AGGREGATE_PRIVATE_H

#include "aggregate.h"
#include "backends.h"

#include <kube/list.h>
#include <kube/task.h>

/* One APIService that has a service, as it was read last. */
struct remote {
	struct link in_all;
	struct arena arena;
	struct object *object; /* a reference */
	struct str name, group, version;
	int64_t group_rank, version_rank;
	struct backend_target target;
	bool available;
	/* the check: what it has seen, while nothing of it has changed */
	struct object *service; /* a reference */
	uint64_t slice_changes; /* of all services' */
	int64_t slices_newest;  /* of its own: the highest revision */
	size_t slice_count;
	int64_t checked_at;
	bool checked, checking;
	/* What its server serves: an APIResourceList; NULL: it has never said. Of an arena of its
	 * own, with `stale` when it did not say so the last time. */
	struct arena said;
	struct cJSON *resources;
	bool stale;
	/* Its OpenAPI v2; NULL: none. */
	struct block *spec;
	struct str spec_prefix, spec_etag; /* of `arena`, of `spec_arena` */
	struct arena spec_arena;
	int64_t spec_due;
};

struct aggregate {
	struct api_server *server;
	struct bucket *services;
	struct list all; /* struct remote, in the order of names */
	struct client_config identity;
	struct arena arena; /* the identity's */
	int64_t identity_until;
	uint64_t serial;
	struct op timer, asking;
	size_t checks;                 /* under way */
	struct aggregate_local *local; /* services that are this server's own */
	uint64_t services_seen;        /* changes of the bucket that `all` knows */
	struct aggregate_ask *ask;     /* for OpenAPI */
};

/* Brings the list up to date with the store. */
void aggregate_refresh(struct aggregate *a);
struct remote *aggregate_find(struct aggregate *a, struct str group, struct str version);
/* The front proxy's certificate; NULL with *err. */
const struct client_config *aggregate_identity(struct aggregate *a, struct err *err);
/* Headers that say who asks. */
void aggregate_add_user(struct arena *a, struct http_headers *h, const struct api_user *user);
/* aggregate_local.c */
struct aggregate_local *aggregate_local_new(struct aggregate *a);
void aggregate_local_due(struct aggregate *a);
void aggregate_local_stop(struct aggregate_local *l);

/* aggregate_due.c */
void aggregate_check_due(struct aggregate *a);

/* aggregate_check.c */
void aggregate_check_start(struct aggregate *a, struct remote *m);
void aggregate_count(struct aggregate *a); /* who is available, for the metrics */

/* aggregate_openapi.c */
void aggregate_ask_due(struct aggregate *a);
void aggregate_ask_free(struct aggregate *a);

#endif
