/* Which old value a new one continues: by name in objects, by keys in lists that have them. */
#include "value.h"

struct correlated correlated_member(const struct correlated *c, struct str name)
{
	struct correlated below = {0};

	if (!c || !c->old)
		return below;
	below.node = node_member(c->node, name);
	below.now = json_get(c->now, name);
	if (below.node && below.now && json_is(c->old, JSON_OBJECT))
		below.old = json_get(c->old, name);
	return below;
}

static bool same_keys(const struct node *n, const struct cJSON *x, const struct cJSON *y)
{
	for (size_t i = 0; i < n->list_key_count; i++) {
		const struct cJSON *a = json_get(x, n->list_keys[i]);
		const struct cJSON *b = json_get(y, n->list_keys[i]);

		if (!a || !b || !json_equal(a, b))
			return false;
	}
	return n->list_key_count > 0;
}

struct correlated correlated_item(const struct correlated *c, const struct cJSON *item)
{
	struct correlated below = {.now = item};

	if (!c || !c->old || !c->node || c->node->list_type != LIST_MAP ||
		!json_is(c->old, JSON_ARRAY))
		return below;
	below.node = c->node->items;
	json_each (candidate, c->old)
		if (below.node && same_keys(c->node, item, candidate)) {
			below.old = candidate;
			break;
		}
	return below;
}

static bool equal_lists(const struct correlated *c)
{
	if (json_count(c->now) != json_count(c->old))
		return false;
	json_each (item, c->now) {
		struct correlated below = correlated_item(c, item);

		if (!below.old || !correlated_equal(&below))
			return false;
	}
	return true;
}

static bool equal_objects(const struct correlated *c)
{
	if (json_count(c->now) != json_count(c->old))
		return false;
	json_each (member, c->now) {
		struct correlated below = correlated_member(c, json_key(member));
		const struct cJSON *old = json_get(c->old, json_key(member));

		if (!old || (below.old ? !correlated_equal(&below) : !json_equal(member, old)))
			return false;
	}
	return true;
}

bool correlated_equal(const struct correlated *c)
{
	if (json_type(c->now) != json_type(c->old))
		return false;
	if (c->node && c->node->list_type == LIST_MAP && json_is(c->now, JSON_ARRAY))
		return equal_lists(c);
	if (c->node && json_is(c->now, JSON_OBJECT))
		return equal_objects(c);
	return json_equal(c->now, c->old);
}
