/* JSONPath: what upstream's own documentation and habits say of it. */
#include "test.h"

#include <kube/json_path.h>
#include <kube/resource.h>

static const char store[] =
	"{\"kind\":\"Store\",\"big\":9223372036854775807,\"f\":2.75,\"no\":null,"
	"\"labels\":{\"a.b/c\":\"dot\"},\"o\":{\"z\":1,\"a\":[true]},"
	"\"book\":[{\"t\":\"one\",\"p\":8.95,\"n\":1},{\"t\":\"two\",\"p\":12.99,\"n\":2},"
	"{\"t\":\"three\",\"p\":8.99,\"n\":3,\"isbn\":\"x\"}],\"empty\":[]}";

/* What kubectl would print, or the error. */
static struct str ask(struct arena *a, const char *text, bool missing_ok)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	_cleanup_(err_done) struct err err = {0};
	struct json_path_results found;
	struct json_path *p;
	struct cJSON *root;

	arena_init(a);
	if (json_parse(a, str_from(store), NULL, &root, &err) ||
		json_path_parse(a, str_from(text), &p, &err) ||
		json_path_find(p, a, root, missing_ok, &found, &err))
		return arena_print(a, "error: %s", err_text(&err));
	for (size_t i = 0; i < found.count; i++)
		json_path_print(&out, &found.items[i]);
	return arena_str(a, buf_str(&out));
}

static void expect(const char *text, const char *wanted)
{
	_cleanup_(arena_done) struct arena a;

	test_context("%s", text);
	EXPECT_STR(ask(&a, text, false), wanted);
	test_context_end();
}

TEST(fields_and_text_stand_side_by_side)
{
	expect("plain", "plain");
	expect("hello {.kind}!", "hello Store!");
	expect("{.book[0].t}-{.book[1].t}", "one-two");
	expect("{$.kind}{@.kind}", "StoreStore");
	expect("{.labels.a\\.b/c}", "dot");
	expect("{['labels']['a\\.b/c']}", "dot");
	expect("{.o}", "{\"a\":[true],\"z\":1}");
}

TEST(values_print_as_go_prints_them)
{
	expect("{.big}", "9223372036854775807");
	expect("{.f}", "2.75");
	expect("{.no}", "<no value>");
	expect("{.empty}", "[]");
	expect("{\"a\\tb\\u00e9\\x41\\101\"}{'it\\'s'}", "a\tb\xc3\xa9"
							 "AA"
							 "it's");
	expect("{-1.5}", "-1.5");
}

TEST(lists_are_cut_and_joined)
{
	expect("{.book[*].t}", "one two three");
	expect("{.book[-1].t}", "three");
	expect("{.book[-2:].t}", "two three");
	expect("{.book[0:3:2].t}", "one three");
	expect("{.book[:1].t}", "one");
	expect("{.book[0,2].t}", "one three");
	expect("{.book[0]['t','n']}", "one 1");
	expect("{.empty[*]}", "");
	expect("{.book[3]}", "error: array index out of bounds: index 3, length 3");
	expect("{.book[2:1]}", "error: starting index 2 is greater than ending index 1");
	expect("{.kind[0]}", "error: string is not array or slice");
}

TEST(filters_choose)
{
	expect("{.book[?(@.p<10.0)].t}", "one three");
	expect("{.book[?(@.isbn)].t}", "three");
	expect("{.book[?(@.t==\"two\")].n}", "2");
	expect("{.book[?(@.t!='two')].n}", "1 3");
	expect("{.book[?(@.n>=2)].t}", "two three");
	expect("{.book[?(@.n==\"1\")].t}", "error: incompatible types for comparison");
	expect("{.book[?(@.n=1)].t}", "error: unrecognized filter operator =");
}

TEST(descent_goes_everywhere)
{
	expect("{..t}", "one two three");
	expect("{..isbn}", "x");
	expect("{....t}", "error: invalid multiple recursive descent");
}

TEST(ranges_repeat_what_stands_in_them)
{
	expect("{range .book[*]}[{.t}={.n}]{end}.", "[one=1][two=2][three=3].");
	expect("{range .book[*]}{range .t}{@}{end};{end}", "one;two;three;");
	expect("{range .empty[*]}x{end}y", "y");
	expect("{end}", "error: not in range, nothing to end");
}

TEST(wrong_paths_are_told_in_upstreams_words)
{
	expect("{.kind", "error: unclosed action");
	expect("{.book[0}", "error: unterminated array");
	expect("{.book[x]}", "error: invalid array index x");
	expect("{.book[?(@.t}", "error: unterminated filter");
	expect("{.book[?(@.t)}", "error: unclosed array expect ]");
	expect("{nope}", "error: unrecognized identifier nope");
	expect("{\"x}", "error: unterminated quoted string");
	expect("{.nope}", "error: nope is not found");
}

TEST(missing_fields_may_be_let_pass)
{
	_cleanup_(arena_done) struct arena a, b;

	EXPECT_STR(ask(&a, "{.nope.more[0]}", true), "");
	EXPECT_STR(ask(&b, "<{.nope}>", true), "<>");
}

TEST(better_versions_come_first)
{
	static const char *const names[] = {"v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1",
		"v12alpha1", "v11alpha2", "foo1", "foo10"};

	for (size_t i = 0; i + 1 < ARRAY_LEN(names); i++) {
		test_context("%s %s", names[i], names[i + 1]);
		EXPECT(api_version_compare(str_from(names[i]), str_from(names[i + 1])) > 0);
		EXPECT(api_version_compare(str_from(names[i + 1]), str_from(names[i])) < 0);
		test_context_end();
	}
	EXPECT_INT(api_version_compare(STR("v1"), STR("v1")), 0);
	EXPECT(api_version_compare(STR("v99999999999999999999"), STR("v1alpha1")) < 0);
}
