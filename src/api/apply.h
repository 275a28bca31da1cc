/* Managed fields, read and written: shared by server-side apply and the tracking of updates. */
#ifndef KUBE_API_APPLY_H
#define KUBE_API_APPLY_H

#include "field_set.h"

#include <kube/api_codec.h>
#include <kube/patch.h>

struct manager {
	struct str name, api_version, subresource, time;
	bool apply;
	struct field_set *set;
};

struct managed {
	struct manager *items; /* room for two more than were read */
	size_t count;
};

struct managed managed_read(struct arena *a, const struct cJSON *object);
/* Sorted as upstream; empty entries are left out. */
void managed_write(struct arena *a, struct managed *m, struct cJSON *object);
/* The entry of the request's manager, made if it is missing. */
struct manager *managed_find(
	struct arena *a, struct managed *m, const struct apply_request *r, bool apply);
struct str managed_time(struct arena *a, int64_t now);
/* Without what nobody can own: identity, and what the endpoint resets. */
void managed_strip(struct field_set *s, const struct apply_request *r);

#endif
