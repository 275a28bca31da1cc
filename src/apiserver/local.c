/* What callers in the same process get besides answers. */
#include "server.h"

struct object *api_server_find(struct api_server *s, const struct resource *r, struct str namespace,
	struct str name, int64_t revision)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	if (r->hub != r || !s->store)
		return NULL;
	struct object *o = store_get(server_bucket(s, r), server_key(&a, r, namespace, name));
	return o && o->revision == revision ? object_ref(o) : NULL;
}
