#include "checks.h"

#include <kube/map.h>

/* Which of the keys came once before: a third one is not told. */
struct repetition {
	struct map seen; /* text → how often */
};

static bool comes_second(struct repetition *r, const struct cJSON *key)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);
	uintptr_t times;

	if (key)
		json_print(&text, key, JSON_SORTED);
	times = (uintptr_t)map_get(&r->seen, buf_str(&text));
	map_set(&r->seen, buf_str(&text), (void *)(times + 1));
	return times == 1;
}

/* An item's keys as an object, without those it does not have. */
static struct cJSON *keys_of(struct arena *a, const struct node *n, const struct cJSON *item)
{
	struct cJSON *keys = json_new(a, JSON_OBJECT);

	for (size_t i = 0; i < n->list_key_count; i++) {
		const struct cJSON *value = json_get(item, n->list_keys[i]);

		if (value)
			json_set(a, keys, n->list_keys[i], json_copy(a, value));
	}
	return keys;
}

static bool all_objects(struct field_errors *e, const struct cJSON *list, const struct path *at)
{
	size_t i = 0;

	json_each (item, list) {
		struct path here = PATH_INDEX(at, i++);

		if (json_is(item, JSON_OBJECT) || json_is(item, JSON_NULL))
			continue;
		field_invalid(e, &here, item, "must be an object for an array of list-type map");
		return false;
	}
	return true;
}

static void check_one(struct field_errors *e, const struct node *n, const struct cJSON *list,
	const struct path *at)
{
	struct repetition r;
	size_t i = 0;

	if (n->list_type == LIST_MAP && !all_objects(e, list, at))
		return;
	map_init(&r.seen);
	json_each (item, list) {
		struct path here = PATH_INDEX(at, i++);
		const struct cJSON *key =
			n->list_type == LIST_MAP ? keys_of(e->arena, n, item) : item;

		if (comes_second(&r, key))
			field_duplicate(e, &here, key);
	}
	map_done(&r.seen);
}

static void check_below(struct field_errors *e, const struct node *n, const struct cJSON *value,
	const struct path *at)
{
	size_t i = 0;

	if (json_is(value, JSON_OBJECT))
		check_lists(e, n, value, at);
	if (!json_is(value, JSON_ARRAY))
		return;
	if (n->list_type == LIST_SET || n->list_type == LIST_MAP)
		check_one(e, n, value, at);
	json_each (item, value) {
		struct path here = PATH_INDEX(at, i++);

		if (n->items)
			check_below(e, n->items, item, &here);
	}
}

void check_lists(struct field_errors *e, const struct node *n, const struct cJSON *object,
	const struct path *at)
{
	json_each (member, object) {
		struct str name = json_key(member);
		struct node *p = node_property(n, name);
		struct path child = PATH(at, name.at), key = PATH_KEY(at, name);

		if (n->rest)
			check_below(e, n->rest, member, &key);
		if (p)
			check_below(e, p, member, &child);
	}
}
