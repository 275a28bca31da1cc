/*
 * map:  hash map from byte-string keys to pointers. Open addressing, keyed hash (so that names
 *       chosen by strangers cannot degrade it). Iteration order is unspecified.
 * omap: ordered map, the same interface, iterated in byte order of the keys, with seek (a B-tree
 *       or skip list; lookups O(log n)).
 *
 * The map copies keys unless told otherwise; values are the caller's and are not freed. Setting
 * or removing while iterating is a mistake (asserted), except map_remove of the current element.
 */
#ifndef KUBE_MAP_H
#define KUBE_MAP_H

#include <kube/str.h>

struct map_slot;

struct map {
	struct map_slot *slots;
	size_t count, cap;
	uint64_t seed;
	bool borrow_keys; /* keys live at least as long as the entry: not copied */
};

void map_init(struct map *m);
void map_init_borrowed(struct map *m);
void map_done(struct map *m);
void *map_get(const struct map *m, struct str key);        /* NULL when absent */
bool map_has(const struct map *m, struct str key);         /* values may be NULL */
void *map_set(struct map *m, struct str key, void *value); /* the value replaced, or NULL */
void *map_remove(struct map *m, struct str key);           /* the value removed, or NULL */

struct map_iter {
	size_t index;
	struct str key;
	void *value;
};
bool map_next(const struct map *m, struct map_iter *it);

/* map_each(it, &m) { it.key, it.value } */
#define map_each(it, m) for (struct map_iter it = {0}; map_next((m), &it);)

struct omap_node;

struct omap {
	struct omap_node *root;
	size_t count;
	int depth;
};

void omap_init(struct omap *m);
void omap_done(struct omap *m);
void *omap_get(const struct omap *m, struct str key);
bool omap_has(const struct omap *m, struct str key);
void *omap_set(struct omap *m, struct str key, void *value);
void *omap_remove(struct omap *m, struct str key);

struct omap_iter {
	struct str key;
	void *value;
	const struct omap_node *node; /* private from here on */
	int index;
	bool started;
	struct str from; /* first key wanted, inclusive; empty: from the start */
};
bool omap_next(const struct omap *m, struct omap_iter *it);
/* An iterator whose first element is the smallest key >= from. */
struct omap_iter omap_seek(const struct omap *m, struct str from);

#define omap_each(it, m) for (struct omap_iter it = {0}; omap_next((m), &it);)

#endif
