#include <kube/map.h>
#include <kube/random.h>

#include <stdio.h>
#include <test.h>

#include "base/omap.c"

enum { KEYS = 5000 };

/* Fixed width, so that byte order is the order of the numbers. */
static struct str key_of(char space[16], size_t n)
{
	return str_make(space, (size_t)snprintf(space, 16, "%06zu", n));
}

static void *value_of(size_t n)
{
	return (void *)(n + 1);
}

/* Order, fill and equal depth of every node. Gives the number of entries. */
static size_t check_node(const struct omap_node *n, int depth, bool root, struct str *last)
{
	size_t sum = (size_t)n->count;
	EXPECT(n->count <= NODE_MAX);
	EXPECT(root ? n->count > 0 : n->count >= NODE_MIN);
	EXPECT_INT(n->leaf, depth == 1);
	for (int i = 0; i <= n->count; i++) {
		if (!n->leaf)
			sum += check_node(n->children[i], depth - 1, false, last);
		if (i == n->count)
			break;
		EXPECT(!last->at || str_cmp(*last, n->entries[i].key) < 0);
		*last = n->entries[i].key;
	}
	return sum;
}

static void check_tree(const struct omap *m)
{
	struct str last = {0};
	if (m->root)
		EXPECT_INT(check_node(m->root, m->depth, true, &last), m->count);
	else
		EXPECT_INT(m->count, 0);
}

TEST(omap_keeps_what_is_set)
{
	_cleanup_(omap_done) struct omap m;
	omap_init(&m);
	EXPECT(!omap_get(&m, STR("a")));
	EXPECT(!omap_remove(&m, STR("a")));
	EXPECT(!omap_set(&m, STR("a"), value_of(1)));
	EXPECT(omap_set(&m, STR("a"), value_of(2)) == value_of(1));
	EXPECT(!omap_set(&m, STR("null"), NULL));
	EXPECT(omap_has(&m, STR("null")));
	EXPECT(!omap_set(&m, (struct str){0}, value_of(3)));
	EXPECT(omap_get(&m, STR("")) == value_of(3));
	EXPECT_INT(m.count, 3);
	EXPECT(omap_remove(&m, STR("a")) == value_of(2));
	EXPECT(!omap_has(&m, STR("a")));
}

TEST(omap_is_iterated_in_byte_order)
{
	_cleanup_(omap_done) struct omap m = {0};
	static const struct str keys[] = {STR_INIT("\xff"), STR_INIT("b"), STR_INIT("a/b"),
		STR_INIT("a"), STR_INIT(""), STR_INIT("a-b"), STR_INIT("a\0x")};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		omap_set(&m, keys[i], NULL);
	static const struct str wanted[] = {STR_INIT(""), STR_INIT("a"), STR_INIT("a\0x"),
		STR_INIT("a-b"), STR_INIT("a/b"), STR_INIT("b"), STR_INIT("\xff")};
	size_t i = 0;
	omap_each (it, &m) {
		REQUIRE(i < ARRAY_LEN(wanted));
		EXPECT(str_eq(it.key, wanted[i++]));
	}
	EXPECT_INT(i, ARRAY_LEN(wanted));
}

TEST(omap_grows_and_shrinks_in_every_order)
{
	for (int order = 0; order < 4; order++) {
		test_context("order %d", order);
		_cleanup_(omap_done) struct omap m = {0};
		char space[16];
		for (size_t i = 0; i < KEYS; i++)
			omap_set(&m, key_of(space, order & 1 ? KEYS - 1 - i : i), value_of(i));
		check_tree(&m);
		EXPECT_INT(m.count, KEYS);
		for (size_t i = 0; i < KEYS; i++) {
			size_t n = order & 2 ? KEYS - 1 - i : i;
			EXPECT(omap_remove(&m, key_of(space, n)) ==
				value_of(order & 1 ? KEYS - 1 - n : n));
			if (i % 97 == 0)
				check_tree(&m);
		}
		EXPECT(!m.root);
		EXPECT_INT(m.depth, 0);
	}
}

static void check_against_model(const struct omap *m, void *const model[KEYS], size_t from)
{
	char space[16];
	size_t n = from;
	struct omap_iter it = omap_seek(m, key_of(space, from));
	while (omap_next(m, &it)) {
		while (n < KEYS && !model[n])
			n++;
		REQUIRE(n < KEYS);
		char wanted[16];
		EXPECT(str_eq(it.key, key_of(wanted, n)));
		EXPECT(it.value == model[n]);
		n++;
	}
	while (n < KEYS && !model[n])
		n++;
	EXPECT_INT(n, KEYS);
	EXPECT(!omap_next(m, &it));
}

TEST(omap_agrees_with_a_sorted_array_under_random_changes)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		test_context("seed %llu", (unsigned long long)seed);
		struct rng r;
		rng_init(&r, seed);
		struct omap m = {0};
		static void *model[KEYS];
		memset(model, 0, sizeof(model));
		for (int round = 0; round < 30000; round++) {
			char space[16];
			size_t n = rng_below(&r, KEYS);
			if (rng_below(&r, 10) < (round / 6000 % 2 ? 2u : 8u)) {
				void *value = value_of(rng_below(&r, 1000));
				EXPECT(omap_set(&m, key_of(space, n), value) == model[n]);
				model[n] = value;
			} else {
				EXPECT(omap_remove(&m, key_of(space, n)) == model[n]);
				model[n] = NULL;
			}
			n = rng_below(&r, KEYS);
			EXPECT(omap_get(&m, key_of(space, n)) == model[n]);
			if (round % 1000 == 999) {
				check_tree(&m);
				check_against_model(&m, model, 0);
				check_against_model(&m, model, n);
			}
		}
		omap_done(&m);
	}
}

TEST(omap_seeks_between_and_behind_keys)
{
	_cleanup_(omap_done) struct omap m = {0};
	char space[16];
	for (size_t i = 0; i < 1000; i++)
		omap_set(&m, key_of(space, 2 * i), value_of(i));
	for (size_t n = 0; n < 2000; n++) {
		struct omap_iter it = omap_seek(&m, key_of(space, n));
		bool more = omap_next(&m, &it);
		EXPECT_INT(more, n <= 1998);
		if (more)
			EXPECT(it.value == value_of((n + 1) / 2));
	}
	struct omap_iter it = omap_seek(&m, (struct str){0});
	EXPECT(omap_next(&m, &it));
	EXPECT(it.value == value_of(0));
}

TEST(omap_iteration_of_an_empty_map_ends_at_once)
{
	struct omap m = {0};
	omap_each (it, &m)
		EXPECT(!it.started);
	omap_set(&m, STR("x"), NULL);
	omap_remove(&m, STR("x"));
	omap_each (it, &m)
		EXPECT(!it.started);
	omap_done(&m);
}

TEST(omap_values_may_be_replaced_while_iterating)
{
	_cleanup_(omap_done) struct omap m = {0};
	char space[16];
	for (size_t i = 0; i < KEYS; i++)
		omap_set(&m, key_of(space, i), value_of(i));
	size_t met = 0;
	omap_each (it, &m) {
		EXPECT(it.value == value_of(met));
		omap_set(&m, it.key, NULL);
		met++;
	}
	EXPECT_INT(met, KEYS);
	omap_each (it, &m)
		EXPECT(!it.value);
}
