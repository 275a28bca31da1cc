/* Slices in the caches. */
#include "endpointslices.h"

/* Every slice names its manager, so that no two controllers fight about it. */
static bool is_managed_by(const struct object *slice, const char *manager)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(256);

	buf_print(&b, "\"%s\":\"%s\"", SLICE_MANAGER_LABEL, manager);
	return str_find(object_labels(slice), buf_str(&b)) >= 0;
}

void slices_find(
	struct usual *u, struct arena *a, struct str key, const char *manager, struct trees *found)
{
	struct str namespace, name;

	key_split(key, &namespace, &name);
	informer_each(
		it, informer_by(usual_informer(u, "endpointslices"), SLICE_SERVICE_LABEL, name))
	{
		if (str_eq(client_object_namespace(it.object), namespace) &&
			is_managed_by(it.object, manager) &&
			!object_scan(it.object, "metadata.deletionTimestamp").len)
			trees_add(a, found, object_lean_tree(a, it.object));
	}
}

void slices_write(struct plan *p, const struct resource *r, const struct slices_change *c)
{
	for (size_t i = 0; i < c->create.count; i++)
		plan_create(p, r, c->create.items[i]);
	for (size_t i = 0; i < c->update.count; i++)
		plan_update(p, r, c->update.items[i]);
	for (size_t i = 0; i < c->remove.count; i++) {
		const struct cJSON *slice = c->remove.items[i];

		plan_delete(p, r, tree_str(slice, "metadata.namespace"),
			tree_str(slice, "metadata.name"), tree_str(slice, "metadata.uid"), NULL);
	}
}

void slices_enqueue_service(
	struct usual *u, struct object *old, struct object *fresh, const char *manager)
{
	struct object *o = fresh && is_managed_by(fresh, manager) ? fresh : old;
	struct arena a;

	if (!o || !is_managed_by(o, manager))
		return;
	arena_init(&a);
	struct cJSON *labels = json_path(object_lean_tree(&a, o), "metadata.labels");
	struct str name = json_str(json_get(labels, STR(SLICE_SERVICE_LABEL)));
	if (name.len)
		usual_enqueue(u,
			arena_print(&a, "%.*s/%.*s", STRF(client_object_namespace(o)), STRF(name)));
	arena_done(&a);
}
