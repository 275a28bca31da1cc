#include <kube/json.h>
#include <kube/random.h>

#include "test.h"

#include <stdio.h>

static struct cJSON *tree(struct arena *a, const char *text)
{
	struct cJSON *n = NULL;
	struct err err = {0};
	EXPECT_OK(json_parse(a, str_from(text), NULL, &n, &err), &err);
	err_done(&err);
	return n;
}

static void expect_tree(const char *file, int line, const struct cJSON *n, const char *wanted)
{
	struct buf out = BUF_INIT(MIB);
	json_print(&out, n, JSON_COMPACT);
	test_expect_str(file, line, "tree", buf_str(&out), str_from(wanted));
	buf_done(&out);
}
#define EXPECT_TREE(n, wanted) expect_tree(__FILE__, __LINE__, n, wanted)

TEST(types_have_the_names_of_go)
{
	struct arena a = {0};
	static const struct {
		const char *text;
		enum json_type type;
		const char *name;
	} types[] = {{"null", JSON_NULL, "null"}, {"true", JSON_BOOL, "bool"},
		{"false", JSON_BOOL, "bool"}, {"1", JSON_NUMBER, "number"},
		{"1.5", JSON_NUMBER, "number"}, {"\"\"", JSON_STRING, "string"},
		{"[]", JSON_ARRAY, "array"}, {"{}", JSON_OBJECT, "object"}};
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct cJSON *n = tree(&a, types[i].text);
		EXPECT_INT(json_type(n), types[i].type);
		EXPECT(json_is(n, types[i].type));
		EXPECT_TEXT(json_type_name(json_type(n)), types[i].name);
	}
	EXPECT_INT(json_type(NULL), JSON_NULL);
	arena_done(&a);
}

TEST(members_are_found_by_their_exact_key)
{
	struct arena a = {0};
	struct cJSON *n =
		tree(&a, "{\"name\":1,\"Name\":2,\"nam\":3,\"names\":4,\"\":5,\"\\u0000\":6}");
	static const struct {
		struct str key;
		int64_t value;
	} keys[] = {{STR_INIT("name"), 1}, {STR_INIT("Name"), 2}, {STR_INIT("nam"), 3},
		{STR_INIT("names"), 4}, {STR_INIT(""), 5}, {STR_INIT("\0"), 6}};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		int64_t value = 0;
		struct cJSON *member = json_get(n, keys[i].key);
		EXPECT(json_int(member, &value));
		EXPECT_INT(value, keys[i].value);
		EXPECT(str_eq(json_key(member), keys[i].key));
	}
	EXPECT(!json_get(n, STR("NAME")) && !json_get(n, STR("na")) && !json_get(n, STR("\0\0")));
	EXPECT(!json_get(NULL, STR("a")) && !json_get(tree(&a, "[1]"), STR("")));
	EXPECT_INT(json_count(n), 6);
	arena_done(&a);
}

TEST(paths_lead_through_objects_and_arrays)
{
	struct arena a = {0};
	struct cJSON *n =
		tree(&a, "{\"spec\":{\"list\":[{\"name\":\"a\"},{\"name\":\"b\"},[7]]},\"0\":1}");
	EXPECT_STR(json_str(json_path(n, "spec.list.1.name")), "b");
	EXPECT_TREE(json_path(n, "spec.list.2.0"), "7");
	EXPECT_TREE(json_path(n, "0"), "1");
	EXPECT(!json_path(n, "spec.list.3") && !json_path(n, "spec.list.x"));
	EXPECT(!json_path(n, "spec.list.-1") && !json_path(n, "spec.list."));
	EXPECT(!json_path(n, "spec.list.0.name.x") && !json_path(n, "spek") &&
		!json_path(NULL, "a"));
	arena_done(&a);
}

TEST(children_are_walked_in_order)
{
	struct arena a = {0};
	struct buf seen = BUF_INIT(KIB);
	json_each (child, tree(&a, "{\"b\":1,\"a\":2,\"c\":3}"))
		buf_add_str(&seen, json_key(child));
	json_each (child, tree(&a, "[\"x\",\"y\",\"z\"]"))
		buf_add_str(&seen, json_str(child));
	json_each (child, NULL)
		buf_add_text(&seen, "never");
	json_each (child, tree(&a, "\"text\""))
		buf_add_text(&seen, "never");
	EXPECT_STR(buf_str(&seen), "bacxyz");
	struct cJSON *array = tree(&a, "[0,1,2]");
	EXPECT_TREE(json_at(array, 2), "2");
	EXPECT(!json_at(array, 3) && !json_at(NULL, 0) && !json_at(tree(&a, "{\"a\":1}"), 0));
	buf_done(&seen);
	arena_done(&a);
}

TEST(accessors_of_the_wrong_type_give_nothing)
{
	struct arena a = {0};
	EXPECT_INT(json_str(tree(&a, "12345678901234567890")).len, 0);
	EXPECT_INT(json_str(tree(&a, "1.5")).len, 0);
	EXPECT_INT(json_str(NULL).len, 0);
	EXPECT_INT(json_key(NULL).len, 0);
	EXPECT_INT(json_count(tree(&a, "\"four\"")), 0);
	EXPECT_INT(json_count(NULL), 0);
	EXPECT(json_bool(tree(&a, "true")));
	EXPECT(!json_bool(tree(&a, "false")) && !json_bool(tree(&a, "1")) && !json_bool(NULL));
	arena_done(&a);
}

TEST(new_values_are_empty)
{
	struct arena a = {0};
	EXPECT_TREE(json_new(&a, JSON_NULL), "null");
	EXPECT_TREE(json_new(&a, JSON_BOOL), "false");
	EXPECT_TREE(json_new(&a, JSON_NUMBER), "0");
	EXPECT_TREE(json_new(&a, JSON_STRING), "\"\"");
	EXPECT_TREE(json_new(&a, JSON_ARRAY), "[]");
	EXPECT_TREE(json_new(&a, JSON_OBJECT), "{}");
	arena_done(&a);
}

TEST(trees_are_built_from_copies_of_the_text)
{
	struct arena a = {0};
	char key[] = "key", text[] = "text";
	struct cJSON *object = json_new(&a, JSON_OBJECT), *array = json_new(&a, JSON_ARRAY);
	json_set(&a, object, str_from(key), json_new_str(&a, str_from(text)));
	key[0] = text[0] = 'X';
	json_set(&a, object, STR("list"), array);
	json_append(array, json_new_int(&a, -5));
	json_append(array, json_new_double(&a, 2.5));
	json_append(array, json_new_bool(&a, true));
	json_append(array, json_new(&a, JSON_NULL));
	json_add(&a, object, STR("more"), json_new_str(&a, STR("")));
	EXPECT_TREE(object, "{\"key\":\"text\",\"list\":[-5,2.5,true,null],\"more\":\"\"}");
	arena_done(&a);
}

TEST(set_replaces_in_place)
{
	struct arena a = {0};
	struct cJSON *n = tree(&a, "{\"a\":1,\"b\":2,\"c\":3}");
	json_set(&a, n, STR("b"), json_new_str(&a, STR("x")));
	EXPECT_TREE(n, "{\"a\":1,\"b\":\"x\",\"c\":3}");
	json_set(&a, n, STR("a"), json_new(&a, JSON_NULL));
	json_set(&a, n, STR("c"), json_new(&a, JSON_ARRAY));
	json_set(&a, n, STR("d"), json_new(&a, JSON_OBJECT));
	EXPECT_TREE(n, "{\"a\":null,\"b\":\"x\",\"c\":[],\"d\":{}}");
	EXPECT_INT(json_count(n), 4);
	struct cJSON *one = tree(&a, "{\"a\":1}");
	json_set(&a, one, STR("a"), json_new_int(&a, 2));
	json_set(&a, one, STR("b"), json_new_int(&a, 3));
	EXPECT_TREE(one, "{\"a\":2,\"b\":3}");
	arena_done(&a);
}

TEST(children_can_be_removed_and_put_elsewhere)
{
	struct arena a = {0};
	struct cJSON *n = tree(&a, "[0,1,2,3]"), *last = json_at(n, 3);
	EXPECT(json_remove(n, json_at(n, 1)));
	EXPECT_TREE(n, "[0,2,3]");
	EXPECT(json_remove(n, json_at(n, 0)));
	EXPECT(json_remove(n, last));
	EXPECT_TREE(n, "[2]");
	EXPECT(!json_remove(n, last) && !json_remove(n, NULL) && !json_remove(NULL, last));
	json_append(n, last);
	EXPECT_TREE(n, "[2,3]");
	EXPECT(json_remove(n, json_at(n, 0)) && json_remove(n, json_at(n, 0)));
	EXPECT_TREE(n, "[]");
	json_append(n, json_new_int(&a, 9));
	EXPECT_TREE(n, "[9]");
	struct cJSON *object = tree(&a, "{\"a\":{\"b\":1},\"c\":{}}"),
		     *b = json_path(object, "a.b");
	EXPECT(!json_remove(object, b));
	EXPECT(json_remove(json_get(object, STR("a")), b));
	json_set(&a, json_get(object, STR("c")), STR("moved"), b);
	EXPECT_TREE(object, "{\"a\":{},\"c\":{\"moved\":1}}");
	arena_done(&a);
}

TEST(text_that_is_not_utf8_is_repaired_when_it_enters_a_tree)
{
	struct arena a = {0};
	struct cJSON *n = json_new(&a, JSON_OBJECT);
	json_set(&a, n, STR("k\xff"),
		json_new_str(&a, STR("a\xc3(\xe2\x82\xf0\x9f\x98\x80\xed\xa0\x80")));
	EXPECT_TREE(n, "{\"k\xef\xbf\xbd\":\"a\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80"
		       "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}");
	json_set(&a, n, STR("k\xfe"), json_new_int(&a, 1));
	EXPECT_INT(json_count(n), 1);
	arena_done(&a);
}

TEST(copies_are_independent)
{
	struct arena a = {0}, b = {0};
	const char *text =
		"{\"a\":[1,{\"b\":\"x\\u0000y\"},[],{}],\"c\":12345678901234567890,\"d\":1.50}";
	struct cJSON *n = tree(&a, text);
	struct cJSON *copy = json_copy(&b, n), *part = json_copy(&b, json_path(n, "a.1"));
	EXPECT(!json_copy(&b, NULL));
	arena_done(&a);
	EXPECT_TREE(copy, text);
	EXPECT_TREE(part, "{\"b\":\"x\\u0000y\"}");
	EXPECT_INT(json_key(part).len, 0);
	json_set(&b, copy, STR("part"), part);
	EXPECT_STR(json_key(part), "part");
	EXPECT_INT(json_count(copy), 4);
	arena_done(&b);
}

TEST(equality_disregards_the_order_of_members_only)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} pairs[] = {
		{"null", "null", true},
		{"null", "false", false},
		{"true", "false", false},
		{"true", "true", true},
		{"\"a\"", "\"a\"", true},
		{"\"a\"", "\"b\"", false},
		{"\"a\\u0000\"", "\"a\\u0000\"", true},
		{"\"a\\u0000b\"", "\"a\\u0000c\"", false},
		{"\"1\"", "1", false},
		{"[]", "{}", false},
		{"[1,2]", "[1,2]", true},
		{"[1,2]", "[2,1]", false},
		{"[1,2]", "[1,2,3]", false},
		{"[[],[1]]", "[[1],[]]", false},
		{"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
		{"{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}", false},
		{"{\"a\":1}", "{\"b\":1}", false},
		{"{\"a\":null}", "{\"b\":null}", false},
		{"{\"a\":null}", "{}", false},
		{"{\"a\":{\"b\":[{\"c\":1,\"d\":2}],\"e\":0},\"f\":[]}",
			"{\"f\":[],\"a\":{\"e\":0,\"b\":[{\"d\":2,\"c\":1}]}}", true},
		{"{\"a\":{\"b\":[{\"c\":1,\"d\":2}],\"e\":0},\"f\":[]}",
			"{\"f\":[],\"a\":{\"e\":0,\"b\":[{\"d\":2,\"c\":3}]}}", false},
	};
	struct arena a = {0};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct cJSON *x = tree(&a, pairs[i].a), *y = tree(&a, pairs[i].b);
		test_context("%s and %s", pairs[i].a, pairs[i].b);
		EXPECT_INT(json_equal(x, y), pairs[i].equal);
		EXPECT_INT(json_equal(y, x), pairs[i].equal);
		EXPECT(json_equal(x, x));
	}
	test_context_end();
	EXPECT(json_equal(NULL, NULL));
	EXPECT(!json_equal(NULL, tree(&a, "1")));
	arena_done(&a);
}

/* However long the first key is, it is not looked at again for every other. */
TEST(objects_with_a_huge_key_are_compared)
{
	enum { MEMBERS = 100 * 1000 };
	struct arena a = {0};
	_cleanup_(buf_done) struct buf key = BUF_INIT(MIB);
	memset(buf_reserve(&key, MIB), 'k', MIB);
	buf_advance(&key, MIB);
	struct cJSON *x = json_new(&a, JSON_OBJECT), *y = json_new(&a, JSON_OBJECT);
	json_add(&a, x, buf_str(&key), json_new_int(&a, 0));
	json_add(&a, y, buf_str(&key), json_new_int(&a, 0));
	for (int i = 0; i < MEMBERS; i++) {
		int other = MEMBERS - 1 - i;
		json_add(&a, x, arena_print(&a, "%d", i), json_new_int(&a, i));
		json_add(&a, y, arena_print(&a, "%d", other), json_new_int(&a, other));
	}
	EXPECT(json_equal(x, y));
	json_add(&a, x, STR("x"), json_new_int(&a, 1));
	json_add(&a, y, STR("y"), json_new_int(&a, 1));
	EXPECT(!json_equal(x, y));
	arena_done(&a);
}

TEST(large_objects_in_another_order_are_equal)
{
	struct arena a = {0};
	struct cJSON *x = json_new(&a, JSON_OBJECT), *y = json_new(&a, JSON_OBJECT);
	for (int i = 0; i < 500; i++) {
		char key[16], back[16];
		snprintf(key, sizeof(key), "k%d", i);
		snprintf(back, sizeof(back), "k%d", 499 - i);
		json_set(&a, x, str_from(key), json_new_int(&a, i));
		json_add(&a, y, str_from(back), json_new_int(&a, 499 - i));
	}
	EXPECT(json_equal(x, y));
	json_set(&a, y, STR("k7"), json_new_int(&a, 8));
	EXPECT(!json_equal(x, y));
	arena_done(&a);
}

/* ---- random trees ---- */

static struct cJSON *random_value(struct arena *a, struct rng *r, int depth)
{
	char text[40];
	uint64_t kind = rng_below(r, depth > 0 ? 9 : 6);
	switch (kind) {
	case 0:
		return json_new(a, JSON_NULL);
	case 1:
		return json_new_bool(a, rng_below(r, 2));
	case 2:
		return json_new_int(a, (int64_t)rng_u64(r) >> rng_below(r, 64));
	case 3:
		return json_new_double(
			a, (rng_unit(r) - 0.5) * (double)(rng_u64(r) >> rng_below(r, 64)));
	case 4:
	case 5:
		/* Bytes of any kind: what is not UTF-8 is repaired on the way in. */
		rng_fill(r, text, sizeof(text));
		return json_new_str(a, str_make(text, rng_below(r, sizeof(text))));
	default:
		break;
	}
	bool object = kind == 8;
	struct cJSON *n = json_new(a, object ? JSON_OBJECT : JSON_ARRAY);
	for (uint64_t i = rng_below(r, rng_below(r, 8) ? 6 : 80); i > 0; i--) {
		struct cJSON *child = random_value(a, r, depth - 1);
		size_t len = rng_below(r, 12);
		for (size_t k = 0; k < len; k++)
			text[k] = "ab\"\\<\n\t\xc3\xa9\xe2\x80\xa8"[rng_below(r, 12)];
		if (object)
			json_set(a, n, str_make(text, len), child);
		else
			json_append(n, child);
	}
	return n;
}

TEST(random_trees_survive_printing_and_parsing_in_every_style)
{
	static const enum json_style styles[] = {
		JSON_COMPACT, JSON_PRETTY, JSON_COMPACT_RAW_HTML, JSON_SORTED};
	for (uint64_t seed = 0; seed < 400; seed++) {
		struct arena a = {0};
		struct rng r;
		rng_init(&r, seed);
		struct cJSON *n = random_value(&a, &r, 4), *again;
		struct err err = {0};
		test_context("seed %llu", (unsigned long long)seed);
		struct cJSON *copy = json_copy(&a, n);
		EXPECT(json_equal(n, copy) && json_equal(copy, n));
		for (size_t i = 0; i < ARRAY_LEN(styles); i++) {
			struct buf out = BUF_INIT(64 * MIB), second = BUF_INIT(64 * MIB);
			struct json_options options = {.limits = {.max_bytes = 64 * MIB}};
			json_print(&out, n, styles[i]);
			if (EXPECT_OK(
				    json_parse(&a, buf_str(&out), &options, &again, &err), &err)) {
				EXPECT(json_equal(n, again) && json_equal(again, n));
				json_print(&second, again, styles[i]);
				EXPECT(str_eq(buf_str(&out), buf_str(&second)));
			}
			err_done(&err);
			buf_done(&out);
			buf_done(&second);
		}
		arena_done(&a);
	}
	test_context_end();
}
