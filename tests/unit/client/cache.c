#include "client/cache.h"

#include "test.h"

#include <kube/mem.h>

struct bench {
	struct cache cache;
	struct arena arena;
};

static void put(struct bench *b, const char *text)
{
	const struct resource *maps = resource_find(STR(""), STR("v1"), STR("configmaps"));
	struct cJSON *tree = NULL;
	struct object *o = NULL;
	struct err err = {0};

	EXPECT_OK(json_parse(&b->arena, str_from(text), NULL, &tree, &err), &err);
	REQUIRE_OK(client_object_new(tree, maps, &o, &err), &err);
	cache_entry_free(cache_put(&b->cache, cache_entry_new(&b->cache, o, tree)));
	object_unref(o);
}

static size_t count(struct bench *b, const char *index, const char *key)
{
	const struct omap *entries = cache_find(&b->cache, index, str_from(key));

	return entries ? entries->count : 0;
}

#define META(name, rest)                                                                           \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\",\"resourceVersion\":\"1\"," rest \
	"}}"

TEST(indexes_follow_what_changes)
{
	const struct informer_index indexes[] = {index_by_namespace(), index_by_owner(),
		index_by_controller(), index_by_label("app.kubernetes.io/name"),
		index_by_field("metadata.generateName")};
	struct bench b;

	arena_init(&b.arena);
	cache_init(&b.cache, indexes, ARRAY_LEN(indexes));
	put(&b, META("a", "\"labels\":{\"app.kubernetes.io/name\":\"x\"}"));
	put(&b, META("b", "\"generateName\":\"b-\",\"ownerReferences\":[{\"uid\":\"1\"},{\"uid\":"
			  "\"2\","
			  "\"controller\":true},{\"uid\":\"2\"}]"));
	EXPECT_INT(count(&b, "namespace", "n"), 2);
	EXPECT_INT(count(&b, "owner", "1"), 1);
	EXPECT_INT(count(&b, "owner", "2"), 1);
	EXPECT_INT(count(&b, "controller", "1"), 0);
	EXPECT_INT(count(&b, "controller", "2"), 1);
	EXPECT_INT(count(&b, "app.kubernetes.io/name", "x"), 1);
	EXPECT_INT(count(&b, "metadata.generateName", "b-"), 1);
	put(&b, META("a", "\"labels\":{\"app.kubernetes.io/name\":\"y\"}"));
	EXPECT_INT(count(&b, "app.kubernetes.io/name", "x"), 0);
	EXPECT_INT(count(&b, "app.kubernetes.io/name", "y"), 1);
	EXPECT(cache_get(&b.cache, STR("n/a")));
	EXPECT(!cache_get(&b.cache, STR("a")));
	struct cache_entry *gone = cache_remove(&b.cache, STR("n/b"));
	EXPECT(gone);
	cache_entry_free(gone);
	EXPECT(!cache_remove(&b.cache, STR("n/b")));
	EXPECT_INT(count(&b, "owner", "2"), 0);
	EXPECT_INT(count(&b, "namespace", "n"), 1);
	cache_done(&b.cache);
	arena_done(&b.arena);
}
