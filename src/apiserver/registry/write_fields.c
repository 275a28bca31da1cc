/* Who owns which field of what is written, and which objects own it. */
#include "write.h"

#include <kube/map.h>
#include <kube/patch.h>

/* ---- managed fields ---- */

struct apply_request registry_apply_request(struct writing *w)
{
	static const char *const no_status[] = {"status", NULL};
	static const char *const only_status[] = {"spec", NULL};
	static const char *const only_status_alone[] = {"spec", "metadata", NULL};
	const struct strategy *s = w->strategy;
	struct apply_request a = {.resource = w->r->resource,
		.manager = w->r->options.field_manager,
		.subresource = w->creating && !w->applied ? STR("") : w->subresource,
		.force = w->r->options.force,
		.reset = w->r->resets_managed_fields,
		.now = w->r->now};

	if (w->what == WRITE_STATUS && !w->creating)
		a.reset_fields = s->status_keeps_metadata ? only_status_alone
				 : s->status_resets       ? s->status_resets
							  : only_status;
	else if (s->drops_status)
		a.reset_fields = no_status;
	return a;
}

/* Before admission: what plugins add belongs to nobody. */
struct status *writing_track(struct writing *w)
{
	struct api_request *r = w->r;
	struct apply_request a = registry_apply_request(w);
	struct cJSON *old = (struct cJSON *)(uintptr_t)w->old_tree, *tree;
	_cleanup_(err_done) struct err err = {0};
	bool converts = r->resource != w->hub;

	if (w->creating)
		tree_drop(w->tree, "metadata.managedFields");
	w->tree = tree = api_canonical_sent(r->arena, w->hub->schema, w->tree);
	if (w->strategy->untracked)
		return NULL;
	if (converts && resource_convert(r->arena, w->hub, r->resource, w->tree, &tree, &err))
		return status_from_err(r->arena, &err);
	if (converts && old &&
		resource_convert(r->arena, w->hub, r->resource, w->old_tree, &old, &err))
		return status_from_err(r->arena, &err);
	apply_track_update(r->arena, &a, old, tree);
	if (converts)
		tree_set(r->arena, w->tree, "metadata.managedFields",
			json_path(tree, "metadata.managedFields")
				? json_copy(r->arena, json_path(tree, "metadata.managedFields"))
				: NULL);
	return NULL;
}

/* ---- owners named twice ---- */

/* The whole owner as text; notes it. */
static bool comes_again(struct arena *a, struct map *seen, const struct cJSON *owner)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	json_print(&text, owner, JSON_COMPACT);
	struct str key = arena_str(a, buf_str(&text));
	if (map_has(seen, key))
		return true;
	map_set(seen, key, seen);
	return false;
}

void writing_drop_repeated_owners(struct writing *w, bool after_admission)
{
	struct cJSON *list = json_path(w->tree, "metadata.ownerReferences");
	struct cJSON *owner = json_first(list);
	_cleanup_(buf_done) struct buf uids = BUF_INIT(1 * MIB);
	struct map seen;

	if (!owner || !json_next(owner))
		return;
	map_init(&seen);
	while (owner) {
		struct cJSON *next = json_next(owner);

		if (comes_again(w->r->arena, &seen, owner)) {
			buf_print(&uids, "%s%.*s", uids.len ? ", " : "",
				STRF(tree_str(owner, "uid")));
			json_remove(list, owner);
		}
		owner = next;
	}
	map_done(&seen);
	if (uids.len)
		request_warn(w->r,
			arena_print(w->r->arena,
				".metadata.ownerReferences contains duplicate entries%s; API "
				"server dedups owner references in 1.20+, and may reject such "
				"requests as early as 1.24; please fix your requests; duplicate "
				"UID(s) observed: %.*s",
				after_admission ? " after mutating admission happens" : "",
				STRF(buf_str(&uids))));
}
