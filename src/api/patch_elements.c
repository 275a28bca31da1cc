/* Elements of lists that merge: which are the same, and in what order they come. */
#include "patch_strategic.h"

struct elements elements_new(struct patch_merger *m, size_t cap)
{
	return (struct elements){
		.items = arena_alloc(m->arena, (cap + 1) * sizeof(struct cJSON *))};
}

struct elements elements_of(struct patch_merger *m, const struct cJSON *list)
{
	struct elements n = elements_new(m, json_count(list));

	json_each (item, list)
		n.items[n.count++] = item;
	return n;
}

struct cJSON *elements_list(struct patch_merger *m, const struct elements *n)
{
	struct cJSON *list = json_new(m->arena, JSON_ARRAY);

	for (size_t i = 0; i < n->count; i++)
		json_append(list, json_copy(m->arena, n->items[i]));
	return list;
}

/* The same element: by merge key, or by value for primitives. */
bool elements_same(const struct cJSON *a, const struct cJSON *b, const char *key)
{
	if (!key)
		return json_equal(a, b);
	const struct cJSON *x = json_get(a, str_from(key)), *y = json_get(b, str_from(key));
	return x && y && json_equal(x, y);
}

ssize_t elements_index(const struct elements *n, const struct cJSON *item, const char *key)
{
	for (size_t i = 0; i < n->count; i++)
		if (elements_same(n->items[i], item, key))
			return (ssize_t)i;
	return -1;
}

/* ---- order: what the patch names comes in its order, around what only the server has ---- */

static struct elements ordered(struct patch_merger *m, const struct elements *n,
	const struct elements *order, const char *key)
{
	struct elements out = elements_new(m, n->count);

	for (size_t i = 0; i < order->count; i++) {
		if (elements_index(order, order->items[i], key) != (ssize_t)i)
			continue;
		for (size_t j = 0; j < n->count; j++)
			if (elements_same(n->items[j], order->items[i], key))
				out.items[out.count++] = n->items[j];
	}
	for (size_t i = 0; i < n->count; i++)
		if (elements_index(order, n->items[i], key) < 0)
			out.items[out.count++] = n->items[i];
	return out;
}

static struct elements interleave(struct patch_merger *m, const struct elements *server,
	const struct elements *patched, const struct elements *server_order, const char *key)
{
	struct elements out = elements_new(m, server->count + patched->count);
	size_t i = 0, j = 0;

	while (i < server->count || j < patched->count) {
		bool server_first = j >= patched->count;

		if (i < server->count && j < patched->count) {
			ssize_t l = elements_index(server_order, server->items[i], key);
			ssize_t r = elements_index(server_order, patched->items[j], key);

			server_first = l >= 0 && r >= 0 && l < r;
		}
		out.items[out.count++] = server_first ? server->items[i++] : patched->items[j++];
	}
	return out;
}

struct cJSON *elements_arrange(struct patch_merger *m, const struct cJSON *merged,
	const struct elements *patch_order, const struct elements *server_order, const char *key)
{
	struct elements all = elements_of(m, merged);
	struct elements patched = elements_new(m, all.count), server = elements_new(m, all.count);

	for (size_t i = 0; i < all.count; i++) {
		if (elements_index(patch_order, all.items[i], key) >= 0)
			patched.items[patched.count++] = all.items[i];
		else
			server.items[server.count++] = all.items[i];
	}
	patched = ordered(m, &patched, patch_order, key);
	server = ordered(m, &server, server_order, key);
	struct elements both = interleave(m, &server, &patched, server_order, key);
	return elements_list(m, &both);
}
