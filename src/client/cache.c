#include "cache.h"

#include <kube/mem.h>

#define KEYS_MAX 1000 /* of one object in all indexes */

void cache_init(struct cache *c, const struct informer_index *indexes, size_t count)
{
	*c = (struct cache){.index_count = count};
	omap_init(&c->entries);
	c->indexes = mem_new((count + 1) * sizeof(*c->indexes));
	for (size_t i = 0; i < count; i++) {
		c->indexes[i].index = indexes[i];
		omap_init(&c->indexes[i].buckets);
	}
}

void cache_done(struct cache *c)
{
	omap_each (it, &c->entries)
		cache_entry_free(it.value);
	omap_done(&c->entries);
	for (size_t i = 0; i < c->index_count; i++) {
		omap_each (it, &c->indexes[i].buckets) {
			struct cache_bucket *bucket = it.value;

			omap_done(&bucket->entries);
			mem_free(bucket);
		}
		omap_done(&c->indexes[i].buckets);
	}
	mem_free(TAKE(c->indexes));
	c->index_count = 0;
}

/* ---- entries ---- */

struct gathering {
	struct cache_entry *entry;
	size_t index;
};

static void gather(void *ctx, struct str key)
{
	struct gathering *g = ctx;
	struct cache_entry *e = g->entry;

	for (size_t i = 0; i < e->place_count; i++)
		if (e->places[i].index == g->index && str_eq(e->places[i].key, key))
			return;
	if (e->place_count == KEYS_MAX)
		return;
	e->places = mem_resize(e->places, (e->place_count + 1) * sizeof(*e->places));
	e->places[e->place_count++] =
		(struct cache_place){.index = g->index, .key = {str_dup(key), key.len}};
}

static struct str key_of(const struct object *o)
{
	struct str namespace = client_object_namespace(o), name = client_object_name(o);
	char *key =
		namespace.len ? mem_print("%.*s/%.*s", STRF(namespace), STRF(name)) : str_dup(name);

	return str_from(key);
}

struct cache_entry *cache_entry_new(
	const struct cache *c, struct object *o, const struct cJSON *tree)
{
	struct cache_entry *e = mem_new(sizeof(*e));

	e->object = object_ref(o);
	e->key = key_of(o);
	for (size_t i = 0; i < c->index_count; i++) {
		const struct informer_index *index = &c->indexes[i].index;
		struct gathering g = {e, i};

		index->keys(index, tree, gather, &g);
	}
	return e;
}

void cache_entry_free(struct cache_entry *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->place_count; i++)
		mem_free((char *)(uintptr_t)e->places[i].key.at);
	mem_free(e->places);
	mem_free((char *)(uintptr_t)e->key.at);
	object_unref(e->object);
	mem_free(e);
}

/* ---- the cache ---- */

static void enter(struct cache *c, struct cache_entry *e)
{
	for (size_t i = 0; i < e->place_count; i++) {
		struct omap *buckets = &c->indexes[e->places[i].index].buckets;
		struct cache_bucket *bucket = omap_get(buckets, e->places[i].key);

		if (!bucket) {
			bucket = mem_new(sizeof(*bucket));
			omap_init(&bucket->entries);
			omap_set(buckets, e->places[i].key, bucket);
		}
		omap_set(&bucket->entries, e->key, e);
	}
}

static void leave(struct cache *c, struct cache_entry *e)
{
	for (size_t i = 0; i < e->place_count; i++) {
		struct omap *buckets = &c->indexes[e->places[i].index].buckets;
		struct cache_bucket *bucket = omap_get(buckets, e->places[i].key);

		omap_remove(&bucket->entries, e->key);
		if (bucket->entries.count)
			continue;
		omap_remove(buckets, e->places[i].key);
		omap_done(&bucket->entries);
		mem_free(bucket);
	}
}

struct cache_entry *cache_put(struct cache *c, struct cache_entry *e)
{
	struct cache_entry *old = omap_set(&c->entries, e->key, e);

	if (old)
		leave(c, old);
	enter(c, e);
	return old;
}

struct cache_entry *cache_remove(struct cache *c, struct str key)
{
	struct cache_entry *old = omap_remove(&c->entries, key);

	if (old)
		leave(c, old);
	return old;
}

struct cache_entry *cache_get(const struct cache *c, struct str key)
{
	return omap_get(&c->entries, key);
}

const struct omap *cache_find(const struct cache *c, const char *index, struct str key)
{
	for (size_t i = 0; i < c->index_count; i++) {
		if (!str_eq_text(str_from(c->indexes[i].index.name), index))
			continue;
		struct cache_bucket *bucket = omap_get(&c->indexes[i].buckets, key);
		return bucket ? &bucket->entries : NULL;
	}
	assert(!"an index that the informer does not have");
	return NULL;
}
