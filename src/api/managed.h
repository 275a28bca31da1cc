/* Managed fields: the entries of an object, read, brought up to date and written. */
#ifndef KUBE_API_MANAGED_H
#define KUBE_API_MANAGED_H

#include "field_set.h"

#include <kube/api_codec.h>
#include <kube/patch.h>
#include <kube/resource.h>

struct manager {
	struct str name, api_version, subresource, time;
	bool apply;
	struct field_set *set;
};

struct managed {
	struct arena *arena;
	struct manager *items; /* room for two more than were read */
	size_t count;
};

/* False: they cannot be read, and *m is empty. */
bool managed_read(struct arena *a, const struct cJSON *object, struct managed *m);
/* Sorted as upstream; empty entries are left out. */
void managed_write(struct managed *m, struct cJSON *object);
/* The entry of the request's manager, made if it is missing. */
struct manager *managed_find(struct managed *m, const struct apply_request *r, bool apply);
void managed_drop(struct managed *m, struct manager *w);
/* The oldest updaters become one when there are more than ten. */
void managed_fold(struct managed *m);
struct str managed_time(struct arena *a, int64_t now);
/* Without what nobody can own: identity. */
void managed_strip(struct field_set *s);
/* Without what the endpoint resets. */
void managed_filter(struct field_set *s, const struct apply_request *r);

/*
 * The object goes from `old` to `now`, both in the request's version. What changed is taken from
 * whoever owned it but `me`: with `conflicts`, which are then told, only if there are none. *mine
 * gets what changed in the request's version, *removed what went.
 */
struct settling {
	const struct apply_request *request;
	struct managed *managed;
	const struct cJSON *old, *now;
	struct manager *me;
	struct apply_conflicts *conflicts; /* NULL: force */
	struct field_set *changed, *removed;
};
void managed_settle(struct settling *s);

#endif
