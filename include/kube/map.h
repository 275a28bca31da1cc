/*
 * map:  hash map from byte-string keys to pointers. Open addressing, keyed hash (so that names
 *       chosen by strangers cannot degrade it). Iteration order is unspecified.
 * omap: ordered map, the same interface, iterated in byte order of the keys, with seek (a B-tree:
 *       lookups O(log n)). It always copies keys; nothing at all may be removed while
 *       iterating.
 *
 * The map copies keys unless told otherwise; values are the caller's and are not freed. Adding
 * or removing while iterating is a mistake (asserted), except map_remove of the current element
 * (whose it.key is gone with it) and setting a key that is there. A zeroed struct is an empty map.
 */
#ifndef KUBE_MAP_H
#define KUBE_MAP_H

#include <kube/str.h>

struct map_slot;

struct map {
	struct map_slot *slots;
	size_t count, cap;
	uint64_t seed;
	size_t removed_at; /* slot of the last removal */
	uint32_t changes;  /* additions and removals: iterators watch it */
	bool borrow_keys;  /* keys live at least as long as the entry: not copied */
};

void map_init(struct map *m);
void map_init_borrowed(struct map *m);
void map_done(struct map *m);
void *map_get(const struct map *m, struct str key);        /* NULL when absent */
bool map_has(const struct map *m, struct str key);         /* values may be NULL */
void *map_set(struct map *m, struct str key, void *value); /* the value replaced, or NULL */
void *map_remove(struct map *m, struct str key);           /* the value removed, or NULL */

struct map_iter {
	struct str key;
	void *value;
	size_t index, left; /* private from here on */
	uint32_t changes;
	bool started;
};
bool map_next(const struct map *m, struct map_iter *it);

/*
 * For the simulator and tests: maps that get their seed from here on derive it from this number,
 * in the order in which they get it, so that their iteration orders repeat from run to run.
 */
void map_fix_seeds(uint64_t seed);

/* map_each(it, &m) { it.key, it.value } */
#define map_each(it, m) for (struct map_iter it = {0}; map_next((m), &it);)

struct omap_node;

struct omap {
	struct omap_node *root;
	size_t count;
	int depth;
	uint32_t changes;
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
	uint32_t changes;
	bool started;
	struct str from; /* first key wanted, inclusive; empty: from the start */
};
bool omap_next(const struct omap *m, struct omap_iter *it);
/* An iterator whose first element is the smallest key >= from. */
struct omap_iter omap_seek(const struct omap *m, struct str from);

#define omap_each(it, m) for (struct omap_iter it = {0}; omap_next((m), &it);)

#endif
