/* Managed fields after creates and updates: what was touched belongs to whoever touched it. */
#include "managed.h"

#include <kube/api_codec.h>

/* `[]` and `[{}]` in a request: nobody owns anything any more. */
bool apply_resets_managed_fields(const struct cJSON *object)
{
	const struct cJSON *list = json_path(object, "metadata.managedFields");

	return json_is(list, JSON_ARRAY) &&
	       (!json_count(list) || (json_count(list) == 1 && !json_count(json_at(list, 0))));
}

/* What the client sent if it can be read, else what stands: not to know of them is no loss. */
static struct managed managed_of(struct arena *a, const struct apply_request *r,
	const struct cJSON *old, const struct cJSON *object)
{
	struct managed m;

	if (r->subresource.len || !managed_read(a, object, &m) || !m.count)
		managed_read(a, old, &m);
	return m;
}

void apply_track_update(struct arena *a, const struct apply_request *r, const struct cJSON *old,
	struct cJSON *object)
{
	struct managed m = managed_of(a, r, old, object);
	struct settling s = {.request = r, .managed = &m, .now = object};

	tree_drop(object, "metadata.managedFields");
	/* what nobody has ever owned stays so until somebody applies */
	if (old && (!m.count || r->reset))
		return;
	s.old = old ? old : api_canonical(a, r->resource->schema, json_new(a, JSON_OBJECT));
	s.me = managed_find(&m, r, false);
	managed_settle(&s);
	if (s.changed) {
		field_set_subtract(s.me->set, s.removed);
		managed_strip(s.changed);
		if (!field_set_empty(s.changed))
			s.me->time = managed_time(a, r->now);
		field_set_unite(a, s.me->set, s.changed);
		managed_strip(s.me->set);
	}
	managed_fold(&m);
	managed_write(&m, object);
}
