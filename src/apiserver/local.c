/* What callers in the same process get besides answers. */
#include "custom_kind.h"
#include "server.h"

/* As the caller's version has it; its resource is another struct than ours. */
static struct object *shown(struct api_server *s, const struct resource *theirs, struct object *o)
{
	const struct resource *ours =
		server_resource(s, theirs->group, theirs->version, theirs->plural);

	if (!ours || !ours->custom || custom_awaits_webhook(ours, o))
		return NULL;
	return custom_view(ours, o);
}

struct object *api_server_find(struct api_server *s, const struct resource *r, struct str namespace,
	struct str name, int64_t revision)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	if (r->hub != r || !s->store)
		return NULL;
	struct bucket *b = server_bucket(s, r);
	struct str key = server_key(&a, r, namespace, name);
	struct object *o = store_get(b, key);
	/* Who watches may be behind: then it is history's. */
	if (!o || o->revision != revision)
		o = store_written(b, key, revision);
	if (o && r->custom)
		return shown(s, r, o);
	return o ? object_ref(o) : NULL;
}
