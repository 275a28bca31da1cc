/* JSON patch: what each operation does, and in what words it fails. */
#include "test.h"

#include <kube/patch.h>

#include <stdio.h>

#define OBJECT "{\"a\":1,\"l\":[10,20],\"n\":null,\"o\":{\"x/y\":\"z\"}}"

static struct cJSON *parse(struct arena *a, const char *text)
{
	struct err err = {0};
	struct cJSON *tree = NULL;

	EXPECT_OK(json_parse(a, str_from(text), NULL, &tree, &err), &err);
	return tree;
}

/* Operations without the brackets: what becomes of OBJECT, or why nothing does. */
static void run(const char *operations, int wanted, const char *text)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(buf_done) struct buf got = BUF_INIT(MIB);
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *out = NULL;

	arena_init(&a);
	EXPECT_INT(patch_json(&a, parse(&a, OBJECT),
			   parse(&a, arena_print(&a, "[%s]", operations).at), NULL, &out, &err),
		wanted);
	if (out)
		json_print(&got, out, JSON_COMPACT);
	if (!EXPECT_STR(wanted ? str_from(err_text(&err)) : buf_str(&got), text))
		printf("of %s\n", operations);
}

#define OP(name, path, more) "{\"op\":\"" name "\",\"path\":\"" path "\"" more "}"
#define VALUE(v)             ",\"value\":" v
#define MISSING              ": missing value"
#define FROM(path)           ",\"from\":\"" path "\""

TEST(operations_change_the_object)
{
	run(OP("add", "/l/-", VALUE("30")), 0,
		"{\"a\":1,\"l\":[10,20,30],\"n\":null,\"o\":{\"x/y\":\"z\"}}");
	run(OP("add", "/l/-1", VALUE("30")), 0,
		"{\"a\":1,\"l\":[10,20,30],\"n\":null,\"o\":{\"x/y\":\"z\"}}");
	run(OP("replace", "/l/-1", VALUE("30")), 0,
		"{\"a\":1,\"l\":[10,30],\"n\":null,\"o\":{\"x/y\":\"z\"}}");
	run(OP("add", "/b", ""), 0,
		"{\"a\":1,\"l\":[10,20],\"n\":null,\"o\":{\"x/y\":\"z\"},\"b\":null}");
	run(OP("remove", "/o/x~1y", ""), 0, "{\"a\":1,\"l\":[10,20],\"n\":null,\"o\":{}}");
	run(OP("move", "/a", FROM("/o")) "," OP("remove", "/l/0", ""), 0,
		"{\"a\":{\"x/y\":\"z\"},\"l\":[20],\"n\":null}");
	run(OP("copy", "/a", FROM("/l")), 0,
		"{\"a\":[10,20],\"l\":[10,20],\"n\":null,\"o\":{\"x/y\":\"z\"}}");
	run(OP("replace", "", VALUE("{}")), 0, "{}");
}

TEST(a_test_that_says_no_is_told_apart)
{
	run(OP("test", "/a", VALUE("1")) "," OP("test", "/n", VALUE("null")) "," OP(
		    "test", "/none", "") "," OP("test", "/n", ""),
		0, OBJECT);
	run(OP("test", "/a", VALUE("2")), ERR_UNTRUE, "testing value /a failed: test failed");
	run(OP("test", "/a", ""), ERR_UNTRUE, "testing value /a failed: test failed");
	run(OP("test", "/none", VALUE("2")), ERR_UNTRUE, "testing value /none failed: test failed");
	run(OP("test", "", VALUE("{}")), ERR_UNTRUE, "testing value  failed: test failed");
	run(OP("test", "/none/x", VALUE("2")), ERR_INVALID,
		"test operation does not apply: is missing path: /none/x: missing value");
	run(OP("test", "/l/2", VALUE("2")), ERR_INVALID,
		"error in test for path: '/l/2': Unable to access invalid index: 2: invalid index "
		"referenced");
}

TEST(operations_fail_in_the_librarys_words)
{
	static const struct {
		const char *operation, *why;
	} cases[] = {
		{OP("add", "/none/x", VALUE("1")),
			"add operation does not apply: doc is missing path: \"/none/x\"" MISSING},
		{OP("add", "", VALUE("1")),
			"add operation does not apply: doc is missing path: \"\"" MISSING},
		{OP("add", "/l/4", VALUE("1")), "error in add for path: '/l/4': Unable to access "
						"invalid index: 4: invalid index referenced"},
		{OP("add", "/l/x", VALUE("1")),
			"error in add for path: '/l/x': value was not a proper array index: 'x': "
			"strconv.Atoi: parsing \"x\": invalid syntax"},
		{OP("remove", "/none", ""), "error in remove for path: '/none': Unable to remove "
					    "nonexistent key: none" MISSING},
		{OP("remove", "/l/-3", ""), "error in remove for path: '/l/-3': Unable to access "
					    "invalid index: -3: invalid index referenced"},
		{OP("remove", "/n/x", ""),
			"remove operation does not apply: doc is missing path: \"/n/x\"" MISSING},
		{OP("replace", "/a/x", VALUE("1")),
			"replace operation does not apply: doc is missing path: /a/x" MISSING},
		{OP("replace", "/l/2", VALUE("1")),
			"replace operation does not apply: doc is missing key: /l/2" MISSING},
		{OP("replace", "", VALUE("1")),
			"replace operation value must be object or array: %!w(<nil>)"},
		{OP("move", "/a", FROM("/none")), "error in move for path: 'none': Unable to "
						  "remove nonexistent key: none" MISSING},
		{OP("move", "/none/x", FROM("/a")), "move operation does not apply: doc is missing "
						    "destination path: /none/x" MISSING},
		{OP("move", "/a", ""), "move operation failed to decode from: operation, missing "
				       "from field" MISSING},
		{OP("copy", "/a", FROM("/none/x")),
			"copy operation does not apply: doc is missing from path: /none/x" MISSING},
		{OP("copy", "/l/9", FROM("/a")),
			"error while adding value during copy: Unable to access invalid index: 9: "
			"invalid index referenced"},
		{"{\"op\":\"add\"}", "add operation failed to decode path" MISSING},
		{"{\"op\":\"test\"}", "test operation failed to decode path: operation missing "
				      "path field" MISSING},
		{OP("guess", "/a", ""), "Unexpected kind: guess"},
		{"{\"path\":\"/a\"}", "Unexpected kind: unknown"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		run(cases[i].operation, ERR_INVALID, cases[i].why);
}
