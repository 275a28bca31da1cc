/* GET of one object: its stored text. */
#include "registry.h"

/* Upstream waits for a version to come for three seconds and then says so. */
static struct status *too_large(struct api_request *r, int64_t version, int64_t current)
{
	struct status *s = status_new(r->arena, ERR_TIMEOUT,
		"Timeout: Too large resource version: %lld, current: %lld", (long long)version,
		(long long)current);

	s->has_details = true;
	s->retry_after = 1;
	status_add_cause(r->arena, s, STR("ResourceVersionTooLarge"),
		STR("Too large resource version"), STR(""));
	return s;
}

void verb_get(struct api_request *r)
{
	struct object *o = registry_find(r);
	int64_t current = store_revision(r->server->store);

	if (r->options.version > current)
		request_fail(r, too_large(r, r->options.version, current));
	else if (!o)
		request_fail(r, status_not_found(r->arena, r->resource, r->name));
	else
		answer_object(r, 200, registry_view(r, o));
}
