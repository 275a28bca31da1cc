/* What becomes of objects whose owners go. */
#include "gc_rules.h"

bool gc_is_deleted(const struct cJSON *item)
{
	return tree_has(item, "metadata.deletionTimestamp");
}

bool gc_has_finalizer(const struct cJSON *item, const char *name)
{
	json_each (f, json_path(item, "metadata.finalizers"))
		if (str_eq_text(json_str(f), name))
			return true;
	return false;
}

bool gc_waits(const struct cJSON *item)
{
	return gc_is_deleted(item) && gc_has_finalizer(item, GC_FOREGROUND);
}

bool gc_orphans(const struct cJSON *item)
{
	return gc_is_deleted(item) && gc_has_finalizer(item, GC_ORPHAN);
}

const struct cJSON *gc_reference(const struct cJSON *item, struct str uid)
{
	json_each (ref, json_path(item, "metadata.ownerReferences"))
		if (str_eq(tree_str(ref, "uid"), uid))
			return ref;
	return NULL;
}

bool gc_blocks(const struct cJSON *item, struct str uid)
{
	return tree_true(gc_reference(item, uid), "blockOwnerDeletion");
}

/* ---- patches ---- */

static struct cJSON *patch_of(struct arena *a, const struct cJSON *item)
{
	struct cJSON *patch = json_new(a, JSON_OBJECT);

	tree_set_str(a, patch, "metadata.uid", tree_str(item, "metadata.uid"));
	tree_set_str(
		a, patch, "metadata.resourceVersion", tree_str(item, "metadata.resourceVersion"));
	return patch;
}

/* A list that has lost its last item is left out; in a merge patch null says so. */
static struct cJSON *list_or_null(struct arena *a, struct cJSON *list)
{
	return json_count(list) ? list : json_new(a, JSON_NULL);
}

struct cJSON *gc_without_finalizer(struct arena *a, const struct cJSON *item, const char *name)
{
	struct cJSON *patch = patch_of(a, item), *kept = json_new(a, JSON_ARRAY);

	json_each (f, json_path(item, "metadata.finalizers"))
		if (!str_eq_text(json_str(f), name))
			json_append(kept, json_copy(a, f));
	json_set(a, json_get(patch, STR("metadata")), STR("finalizers"), list_or_null(a, kept));
	return patch;
}

static void set_owners(struct arena *a, struct cJSON *patch, struct cJSON *owners)
{
	json_set(a, json_get(patch, STR("metadata")), STR("ownerReferences"),
		list_or_null(a, owners));
}

struct cJSON *gc_without_owner(struct arena *a, const struct cJSON *item, struct str uid)
{
	struct cJSON *patch = patch_of(a, item), *kept = json_new(a, JSON_ARRAY);

	json_each (ref, json_path(item, "metadata.ownerReferences"))
		if (!str_eq(tree_str(ref, "uid"), uid))
			json_append(kept, json_copy(a, ref));
	set_owners(a, patch, kept);
	return patch;
}

/* Only those that are there to stay. */
static struct cJSON *solid_owners_only(struct arena *a, const struct gc_facts *f)
{
	struct cJSON *patch = patch_of(a, f->item), *kept = json_new(a, JSON_ARRAY);
	size_t i = 0;

	json_each (ref, json_path(f->item, "metadata.ownerReferences"))
		if (f->owners[i++] == GC_SOLID)
			json_append(kept, json_copy(a, ref));
	set_owners(a, patch, kept);
	return patch;
}

/* In a circle everybody would wait for everybody: this one lets its owners go before it. */
static struct cJSON *unblocking(struct arena *a, const struct cJSON *item)
{
	struct cJSON *patch = patch_of(a, item);
	struct cJSON *owners = json_copy(a, json_path(item, "metadata.ownerReferences"));

	json_each (ref, owners)
		json_set(a, ref, STR("blockOwnerDeletion"), json_new_bool(a, false));
	set_owners(a, patch, owners);
	return patch;
}

static struct cJSON *options_for(
	struct arena *a, const struct cJSON *item, const char *policy, bool this_state)
{
	struct cJSON *options = json_new(a, JSON_OBJECT);

	tree_set_str(a, options, "kind", STR("DeleteOptions"));
	tree_set_str(a, options, "apiVersion", STR("v1"));
	tree_set_str(a, options, "propagationPolicy", str_from(policy));
	tree_set_str(a, options, "preconditions.uid", tree_str(item, "metadata.uid"));
	if (this_state)
		tree_set_str(a, options, "preconditions.resourceVersion",
			tree_str(item, "metadata.resourceVersion"));
	return options;
}

/* ---- the decision ---- */

struct gc_action gc_decide(struct arena *a, const struct gc_facts *f)
{
	size_t count = json_count(json_path(f->item, "metadata.ownerReferences"));
	size_t solid = 0, waiting = 0;
	struct gc_action action = {0};

	for (size_t i = 0; i < count; i++) {
		solid += f->owners[i] == GC_SOLID;
		waiting += f->owners[i] == GC_WAITING;
	}
	if (solid == count)
		return action;
	if (solid) {
		action.patch = solid_owners_only(a, f);
		return action;
	}
	if (waiting && f->has_dependents) {
		/* Its owner waits for it, and so it waits for what depends on it. */
		action.policy = "Foreground";
		if (f->dependent_waits)
			action.patch = unblocking(a, f->item);
	} else if (gc_has_finalizer(f->item, GC_ORPHAN)) {
		action.policy = "Orphan";
	} else if (gc_has_finalizer(f->item, GC_FOREGROUND)) {
		action.policy = "Foreground";
	} else {
		action.policy = "Background";
	}
	action.options = options_for(a, f->item, action.policy, !action.patch);
	return action;
}
