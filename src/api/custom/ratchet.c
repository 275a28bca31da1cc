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

/* False: it does not have all of them. */
static bool print_keys(struct buf *out, const struct node *n, const struct cJSON *item)
{
	for (size_t i = 0; i < n->list_key_count; i++) {
		const struct cJSON *key = json_get(item, n->list_keys[i]);

		if (!key)
			return false;
		json_print(out, key, JSON_SORTED);
		buf_add_char(out, ',');
	}
	return n->list_key_count > 0;
}

static void learn(struct old_items *old, const struct correlated *c)
{
	_cleanup_(buf_done) struct buf keys = BUF_INIT(4 * MIB);

	old->known = true;
	json_each (item, c->old) {
		buf_clear(&keys);
		if (print_keys(&keys, c->node, item) && !map_has(&old->by_keys, buf_str(&keys)))
			map_set(&old->by_keys, buf_str(&keys), item);
	}
}

void old_items_done(struct old_items *old)
{
	map_done(&old->by_keys);
}

struct correlated correlated_item(
	const struct correlated *c, struct old_items *old, const struct cJSON *item)
{
	_cleanup_(buf_done) struct buf keys = BUF_INIT(4 * MIB);
	struct correlated below = {.now = item};

	if (!c || !c->old || !c->node || c->node->list_type != LIST_MAP ||
		!json_is(c->old, JSON_ARRAY))
		return below;
	if (!old->known)
		learn(old, c);
	below.node = c->node->items;
	if (below.node && print_keys(&keys, c->node, item))
		below.old = map_get(&old->by_keys, buf_str(&keys));
	return below;
}

static bool equal_lists(const struct correlated *c)
{
	_cleanup_(old_items_done) struct old_items old = {0};

	if (json_count(c->now) != json_count(c->old))
		return false;
	json_each (item, c->now) {
		struct correlated below = correlated_item(c, &old, item);

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
