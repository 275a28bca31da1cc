/*
 * The objects of an informer by key, and by what its indexes say. No I/O.
 */
#ifndef KUBE_CLIENT_CACHE_H
#define KUBE_CLIENT_CACHE_H

#include <kube/informer.h>

struct cache_index {
	struct informer_index index;
	struct omap buckets; /* key → struct cache_bucket */
};

struct cache_bucket {
	struct omap entries; /* key of the object → struct cache_entry */
};

struct cache_entry {
	struct object *object; /* a reference */
	struct str key;        /* heap, NUL behind */
	struct cache_place {
		size_t index;
		struct str key; /* heap */
	} * places;
	size_t place_count;
};

struct cache {
	struct omap entries;
	struct cache_index *indexes;
	size_t index_count;
};

void cache_init(struct cache *c, const struct informer_index *indexes, size_t count);
void cache_done(struct cache *c);
/* Takes a reference; finds the keys that the indexes give it. In no cache yet. */
struct cache_entry *cache_entry_new(
	const struct cache *c, struct object *o, const struct cJSON *tree);
void cache_entry_free(struct cache_entry *e); /* NULL is fine */
/* The entry is the cache's; the one it replaces, or NULL, is the caller's. */
struct cache_entry *cache_put(struct cache *c, struct cache_entry *e);
struct cache_entry *cache_remove(struct cache *c, struct str key); /* the caller's, or NULL */
struct cache_entry *cache_get(const struct cache *c, struct str key);
/* The entries of an index under a key; NULL when there are none. The index must exist. */
const struct omap *cache_find(const struct cache *c, const char *index, struct str key);

#endif
