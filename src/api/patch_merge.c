/* JSON merge patch. */
#include <kube/patch.h>

#include <stdlib.h>

/* ---- merge ---- */

static struct cJSON *without_nulls(struct arena *a, const struct cJSON *patch)
{
	struct cJSON *out;

	if (json_is(patch, JSON_ARRAY)) { /* of its objects; its own nulls stay */
		out = json_new(a, JSON_ARRAY);
		json_each (item, patch)
			json_append(out, without_nulls(a, item));
		return out;
	}
	if (!json_is(patch, JSON_OBJECT))
		return json_copy(a, patch);
	out = json_new(a, JSON_OBJECT);
	json_each (item, patch)
		if (json_type(item) != JSON_NULL)
			json_add(a, out, json_key(item), without_nulls(a, item));
	return out;
}

static int by_key(const void *x, const void *y)
{
	const struct cJSON *const *a = x, *const *b = y;

	return str_cmp(json_key(*a), json_key(*b));
}

/* Upstream merges maps, which print in order: unknown fields are told in that order, too. */
static struct cJSON *in_order(struct arena *a, struct cJSON *object)
{
	size_t count = json_count(object), i = 0;
	struct cJSON **items = arena_alloc(a, (count + 1) * sizeof(struct cJSON *));
	struct cJSON *out = json_new(a, JSON_OBJECT);

	json_each (item, object)
		items[i++] = item;
	qsort(items, count, sizeof(*items), by_key);
	for (i = 0; i < count; i++) {
		json_remove(object, items[i]);
		json_add(a, out, json_key(items[i]), items[i]);
	}
	return out;
}

struct cJSON *patch_merge(struct arena *a, const struct cJSON *object, const struct cJSON *patch)
{
	struct cJSON *out;

	if (!json_is(patch, JSON_OBJECT) && json_is(object, JSON_OBJECT))
		return json_copy(a, patch);
	if (!json_is(object, JSON_OBJECT) || !json_is(patch, JSON_OBJECT))
		return without_nulls(a, patch);
	out = json_copy(a, object);
	json_each (item, patch) {
		if (json_type(item) == JSON_NULL)
			json_remove(out, json_get(out, json_key(item)));
		else
			json_set(a, out, json_key(item),
				patch_merge(a, json_get(object, json_key(item)), item));
	}
	return in_order(a, out);
}
