/* Nulls that mean nothing, and what stands where nothing was said. */
#include "codec_parts.h"
#include "type.h"

static bool means_nothing(const struct cJSON *value, const struct node *n)
{
	return json_is(value, JSON_NULL) && n && !n->nullable;
}

void custom_prune_nulls(const struct node *n, struct cJSON *value)
{
	struct cJSON *next;

	if (json_is(value, JSON_ARRAY))
		json_each (item, value)
			custom_prune_nulls(n ? n->items : NULL, item);
	if (!json_is(value, JSON_OBJECT))
		return;
	for (struct cJSON *member = json_first(value); member; member = next) {
		const struct node *below = node_member(n, json_key(member));

		next = json_next(member);
		if (means_nothing(member, below) && !below->standard)
			json_remove(value, member);
		else
			custom_prune_nulls(below, member);
	}
}

/* ---- defaults ---- */

static void default_members(struct arena *a, const struct node *n, struct cJSON *object)
{
	struct cJSON *next;

	for (struct cJSON *member = json_first(object); member; member = next) {
		struct str name = json_key(member);
		const struct node *p = node_property(n, name), *below = p ? p : n->rest;

		next = json_next(member);
		if (!p && means_nothing(member, below)) { /* without a default it stays null */
			struct cJSON *value = below->standard ? json_copy(a, below->standard)
							      : json_new(a, JSON_NULL);

			json_set(a, object, name, value);
			member = value;
		}
		custom_default(a, below, member);
	}
}

static void default_items(struct arena *a, const struct node *items, struct cJSON *list)
{
	size_t index = 0;
	struct cJSON *next;

	for (struct cJSON *item = json_first(list); item; item = next, index++) {
		next = json_next(item);
		if (means_nothing(item, items) && items->standard) {
			json_remove(list, item);
			item = json_copy(a, items->standard);
			json_insert(list, index, item);
		}
		custom_default(a, items, item);
	}
}

void custom_default(struct arena *a, const struct node *n, struct cJSON *value)
{
	bool added = false;

	if (!n)
		return;
	if (json_is(value, JSON_ARRAY))
		default_items(a, n->items, value);
	if (!json_is(value, JSON_OBJECT))
		return;
	for (size_t i = 0; i < n->property_count; i++) {
		const struct property *p = &n->properties[i];
		const struct cJSON *there = p->node->standard ? json_get(value, p->name) : NULL;

		if (!p->node->standard || (there && !means_nothing(there, p->node)))
			continue;
		json_set(a, value, p->name, json_copy(a, p->node->standard));
		added |= !there;
	}
	default_members(a, n, value);
	if (added)
		codec_sort_map(a, value);
}

void custom_type_default(const struct custom_type *t, struct arena *a, struct cJSON *object)
{
	if (!t->preserves_all)
		custom_prune_nulls(t->root, object);
	custom_default(a, t->root, object);
}
