/*
 * Finding a key among thousands: an open-addressing table of nodes. The hash is keyed, so that
 * whoever chose the keys cannot make them collide.
 */
#include "json_node.h"

#include <kube/hash.h>
#include <kube/mem.h>
#include <kube/random.h>

#include <stdlib.h>

enum { INDEX_FIRST = 128 };

void json_index_done(struct json_index *index)
{
	mem_free(index->slots);
	*index = (struct json_index){0};
}

/* Where it is, or the empty slot where it belongs. Needs a free slot. */
static size_t index_slot(
	const struct json_index *index, const struct json_node *parent, struct str key)
{
	uint64_t hash = hash_bytes(index->seed ^ (uintptr_t)parent, key);
	size_t i = hash & (index->cap - 1);
	for (;; i = (i + 1) & (index->cap - 1)) {
		const struct json_node *n = index->slots[i];
		if (!n || (n->parent == parent && str_eq(json_node_key(n), key)))
			return i;
	}
}

static void index_grow(struct json_index *index)
{
	struct json_index old = *index;
	if (!old.cap)
		index->seed = random_u64();
	index->cap = old.cap ? old.cap * 2 : INDEX_FIRST;
	index->slots = mem_new(index->cap * sizeof(struct json_node *));
	for (size_t i = 0; i < old.cap; i++) {
		struct json_node *n = old.slots[i];
		if (n)
			index->slots[index_slot(index, n->parent, json_node_key(n))] = n;
	}
	mem_free(old.slots);
}

void json_index_add(struct json_index *index, struct json_node *n)
{
	if (index->count >= index->cap / 2)
		index_grow(index);
	size_t i = index_slot(index, n->parent, json_node_key(n));
	if (!index->slots[i])
		index->count++;
	index->slots[i] = n;
}

void json_index_add_children(struct json_index *index, struct json_node *in)
{
	for (struct json_node *n = json_node_first(in); n; n = json_node_next(n))
		json_index_add(index, n);
}

struct json_node *json_index_find(
	const struct json_index *index, const struct json_node *parent, struct str key)
{
	return index->cap ? index->slots[index_slot(index, parent, key)] : NULL;
}

static int compare_keys(const void *a, const void *b)
{
	const struct json_node *const *x = a, *const *y = b;
	return str_cmp(json_node_key(*x), json_node_key(*y));
}

static int compare_keys_descending(const void *a, const void *b)
{
	return compare_keys(b, a);
}

void json_sort_children(struct json_node **to, const struct json_node *in, bool descending)
{
	size_t count = 0;
	for (struct json_node *n = json_node_first(in); n; n = json_node_next(n))
		to[count++] = n;
	qsort(to, count, sizeof(*to), descending ? compare_keys_descending : compare_keys);
}
