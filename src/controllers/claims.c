/* Whose an object is: adopting, letting go, and telling those who could adopt. */
#include "workload.h"

const struct cJSON *controller_of(const struct cJSON *object)
{
	json_each (owner, json_path(object, "metadata.ownerReferences"))
		if (tree_true(owner, "controller"))
			return owner;
	return NULL;
}

bool is_controlled_by(const struct cJSON *object, const struct cJSON *owner)
{
	const struct cJSON *ref = controller_of(object);

	return ref && str_eq(tree_str(ref, "uid"), tree_str(owner, "metadata.uid"));
}

struct cJSON *controller_ref(struct arena *a, const struct cJSON *owner)
{
	struct cJSON *ref = json_new(a, JSON_OBJECT);

	tree_set_str(a, ref, "apiVersion", tree_str(owner, "apiVersion"));
	tree_set_str(a, ref, "kind", tree_str(owner, "kind"));
	tree_set_str(a, ref, "name", tree_str(owner, "metadata.name"));
	tree_set_str(a, ref, "uid", tree_str(owner, "metadata.uid"));
	tree_set(a, ref, "controller", json_new_bool(a, true));
	tree_set(a, ref, "blockOwnerDeletion", json_new_bool(a, true));
	return ref;
}

struct selector selector_of(struct arena *a, const struct cJSON *selector)
{
	bool plain = json_is(selector, JSON_OBJECT) && json_count(selector) > 0;
	struct selector s = {0};

	json_each (member, selector)
		plain &= json_is(member, JSON_STRING);
	if (plain) {
		struct cJSON *whole = json_new(a, JSON_OBJECT);

		json_set(a, whole, STR("matchLabels"), json_copy(a, selector));
		selector = whole;
	}
	if (label_selector_from(a, selector, &s, NULL))
		s = (struct selector){.nothing = true};
	return s;
}

bool selector_matches(const struct selector *s, const struct cJSON *object)
{
	return label_selector_matches(s, json_path(object, "metadata.labels"));
}

/* ---- adopting and letting go ---- */

/* Only the object that was looked at: a later state of it is decided about anew. */
static struct cJSON *patch_for(struct arena *a, const struct cJSON *object)
{
	struct cJSON *patch = json_new(a, JSON_OBJECT);

	tree_set_str(a, patch, "metadata.uid", tree_str(object, "metadata.uid"));
	tree_set_str(
		a, patch, "metadata.resourceVersion", tree_str(object, "metadata.resourceVersion"));
	return patch;
}

static void adopt(struct plan *p, struct claim *c, struct cJSON *object)
{
	struct arena *a = p->arena;
	struct cJSON *patch = patch_for(a, object);
	struct cJSON *owners = json_new(a, JSON_ARRAY);

	if (!c->confirmed)
		plan_confirm(p, c->owner_resource, c->owner);
	c->confirmed = true;
	json_each (owner, json_path(object, "metadata.ownerReferences"))
		json_append(owners, json_copy(a, owner));
	json_append(owners, controller_ref(a, c->owner));
	tree_set(a, patch, "metadata.ownerReferences", owners);
	if (c->finalizer) {
		struct cJSON *finalizers = json_new(a, JSON_ARRAY);

		json_each (finalizer, json_path(object, "metadata.finalizers"))
			json_append(finalizers, json_copy(a, finalizer));
		json_append(finalizers, json_new_str(a, str_from(c->finalizer)));
		tree_set(a, patch, "metadata.finalizers", finalizers);
	}
	plan_patch(p, c->resource, tree_str(object, "metadata.namespace"),
		tree_str(object, "metadata.name"), patch);
}

static void release(struct plan *p, const struct claim *c, struct cJSON *object)
{
	struct arena *a = p->arena;
	struct cJSON *patch = patch_for(a, object);
	struct cJSON *owners = json_new(a, JSON_ARRAY);

	json_each (owner, json_path(object, "metadata.ownerReferences"))
		if (!str_eq(tree_str(owner, "uid"), tree_str(c->owner, "metadata.uid")))
			json_append(owners, json_copy(a, owner));
	tree_set(a, patch, "metadata.ownerReferences", owners);
	if (c->finalizer) {
		struct cJSON *finalizers = json_new(a, JSON_ARRAY);

		json_each (finalizer, json_path(object, "metadata.finalizers"))
			if (!str_eq_text(json_str(finalizer), c->finalizer))
				json_append(finalizers, json_copy(a, finalizer));
		tree_set(a, patch, "metadata.finalizers", finalizers);
	}
	plan_patch(p, c->resource, tree_str(object, "metadata.namespace"),
		tree_str(object, "metadata.name"), patch);
}

static bool claim_one(struct plan *p, struct claim *c, struct cJSON *object)
{
	bool matches = selector_matches(c->selector, object);
	bool ending = is_being_deleted(c->owner);

	if (controller_of(object)) {
		if (!is_controlled_by(object, c->owner))
			return false;
		if (!matches && !ending)
			release(p, c, object);
		return matches;
	}
	if (!matches || ending || is_being_deleted(object))
		return false;
	adopt(p, c, object);
	return true;
}

void claim_all(struct plan *p, struct claim *c, const struct trees *candidates, struct trees *mine)
{
	for (size_t i = 0; i < candidates->count; i++)
		if (claim_one(p, c, candidates->items[i]))
			trees_add(p->arena, mine, candidates->items[i]);
}

/* ---- for handlers ---- */

static void enqueue_adopters(struct usual *u, const struct claim_kind *k, const struct object *o)
{
	const struct informer *owners = usual_informer(u, k->owners);
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	informer_each(it, informer_by(owners, "namespace", client_object_namespace(o)))
	{
		struct cJSON *selector = NULL;

		arena_reset(&a);
		json_parse(&a, object_scan(it.object, "spec.selector"), NULL, &selector, NULL);
		struct selector s = selector_of(&a, selector);
		if (label_selector_matches_text(&s, object_labels(o)))
			usual_enqueue_object(u, it.object);
	}
}

static bool same_at(const struct object *old, const struct object *fresh, const char *dotted)
{
	return str_eq(object_scan(old, dotted), object_scan(fresh, dotted));
}

void claim_changed(
	struct usual *u, const struct claim_kind *k, struct object *old, struct object *fresh)
{
	bool moved = !old || !fresh || !same_at(old, fresh, "metadata.ownerReferences");
	bool relabelled = moved || !str_eq(object_labels(old), object_labels(fresh));

	if (old && moved)
		usual_enqueue_owner(u, old, k->kind, k->group);
	if (!fresh || usual_enqueue_owner(u, fresh, k->kind, k->group))
		return;
	/* Nobody adopts what has a controller, of whatever kind. */
	if (relabelled && str_find(object_scan(fresh, "metadata.ownerReferences"),
				  STR("\"controller\":true")) < 0)
		enqueue_adopters(u, k, fresh);
}
