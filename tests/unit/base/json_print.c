#include <kube/json.h>

#include "test.h"

static void expect_style(
	const char *file, int line, const char *text, enum json_style style, const char *wanted)
{
	struct arena a = {0};
	struct err err = {0};
	struct buf out = BUF_INIT(MIB);
	struct cJSON *root;
	if (json_parse(&a, str_from(text), NULL, &root, &err) != 0) {
		test_fail(file, line, "%s: %s", text, err_text(&err));
	} else {
		json_print(&out, root, style);
		test_expect_str(file, line, "printed", buf_str(&out), str_from(wanted));
	}
	err_done(&err);
	buf_done(&out);
	arena_done(&a);
}
#define EXPECT_STYLE(text, style, wanted) expect_style(__FILE__, __LINE__, text, style, wanted)

TEST(pretty_output_is_that_of_go_with_four_spaces)
{
	EXPECT_STYLE("{\"a\":1,\"b\":[true,{\"c\":null}],\"d\":{},\"e\":[],\"f\":[[]]}",
		JSON_PRETTY,
		"{\n"
		"    \"a\": 1,\n"
		"    \"b\": [\n"
		"        true,\n"
		"        {\n"
		"            \"c\": null\n"
		"        }\n"
		"    ],\n"
		"    \"d\": {},\n"
		"    \"e\": [],\n"
		"    \"f\": [\n"
		"        []\n"
		"    ]\n"
		"}");
	EXPECT_STYLE("[]", JSON_PRETTY, "[]");
	EXPECT_STYLE("{}", JSON_PRETTY, "{}");
	EXPECT_STYLE("\"<\"", JSON_PRETTY, "\"\\u003c\"");
}

TEST(html_is_escaped_unless_told_otherwise)
{
	const char *text = "{\"<k>\":\"a<b>c&d\"}";
	EXPECT_STYLE(text, JSON_COMPACT, "{\"\\u003ck\\u003e\":\"a\\u003cb\\u003ec\\u0026d\"}");
	EXPECT_STYLE(text, JSON_SORTED, "{\"\\u003ck\\u003e\":\"a\\u003cb\\u003ec\\u0026d\"}");
	EXPECT_STYLE(text, JSON_COMPACT_RAW_HTML, text);
}

TEST(line_separators_are_escaped_in_every_style)
{
	const char *text = "\"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xe2\x82\xac\"";
	const char *wanted = "\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\xe2\x82\xac\"";
	EXPECT_STYLE(text, JSON_COMPACT, wanted);
	EXPECT_STYLE(text, JSON_COMPACT_RAW_HTML, wanted);
}

TEST(sorted_output_has_keys_in_byte_order_at_every_level)
{
	EXPECT_STYLE("{\"b\":[{\"z\":1,\"y\":2},3],\"a\":{\"d\":{\"q\":1,\"p\":{}},\"c\":2},\"\":0,"
		     "\"B\":1,"
		     "\"ab\":1,\"\xc3\xa9\":1,\"~\":{}}",
		JSON_SORTED,
		"{\"\":0,\"B\":1,\"a\":{\"c\":2,\"d\":{\"p\":{},\"q\":1}},\"ab\":1,"
		"\"b\":[{\"y\":2,\"z\":1},3],\"~\":{},\"\xc3\xa9\":1}");
	EXPECT_STYLE("[{\"b\":{\"b\":{\"b\":1,\"a\":0},\"a\":0},\"a\":0},{}]", JSON_SORTED,
		"[{\"a\":0,\"b\":{\"a\":0,\"b\":{\"a\":0,\"b\":1}}},{}]");
}

TEST(a_part_of_a_tree_prints_by_itself)
{
	struct arena a = {0};
	struct cJSON *root;
	REQUIRE(json_parse(&a, STR("{\"x\":[1,{\"b\":1,\"a\":[2]},3],\"y\":0}"), NULL, &root,
			NULL) == 0);
	static const struct {
		const char *path;
		enum json_style style;
		const char *wanted;
	} parts[] = {
		{"x.1", JSON_COMPACT, "{\"b\":1,\"a\":[2]}"},
		{"x.1", JSON_SORTED, "{\"a\":[2],\"b\":1}"},
		{"x.1.a", JSON_PRETTY, "[\n    2\n]"},
		{"x.0", JSON_SORTED, "1"},
		{"y", JSON_COMPACT, "0"},
		{"absent", JSON_COMPACT, "null"},
	};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct buf out = BUF_INIT(KIB);
		json_print(&out, json_path(root, parts[i].path), parts[i].style);
		EXPECT_STR(buf_str(&out), parts[i].wanted);
		buf_done(&out);
	}
	arena_done(&a);
}

static void expect_quoted(struct str s, const char *wanted)
{
	struct buf out = BUF_INIT(KIB);
	json_print_str(&out, s);
	EXPECT_STR(buf_str(&out), wanted);
	buf_done(&out);
}

TEST(strings_are_escaped_as_go_does)
{
	expect_quoted((struct str){0}, "\"\"");
	expect_quoted(STR("a\"\\/\b\f\n\r\t\0\x01\x0b\x1f\x7f"),
		"\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u0001\\u000b\\u001f\x7f\"");
	expect_quoted(STR("<>&='"), "\"\\u003c\\u003e\\u0026='\"");
	/* What is not UTF-8 becomes U+FFFD byte by byte. */
	expect_quoted(STR("a\xff\xfe"
			  "b\xc3"),
		"\"a\\ufffd\\ufffdb\\ufffd\"");
	expect_quoted(STR("\xed\xa0\x80\xe2\x80\xa8"), "\"\\ufffd\\ufffd\\ufffd\\u2028\"");
	expect_quoted(STR("\xef\xbf\xbd"), "\"\xef\xbf\xbd\"");
}

/* Every special byte at every place of a string, around the blocks the fast path works in. */
TEST(escapes_are_found_wherever_they_stand)
{
	static const struct {
		char c;
		const char *escape;
	} specials[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {0, "\\u0000"},
		{0x1f, "\\u001f"}, {'<', "\\u003c"}, {'>', "\\u003e"}, {'&', "\\u0026"}, {'=', "="},
		{'?', "?"}, {' ', " "}, {0x7f, "\x7f"}};
	for (size_t k = 0; k < ARRAY_LEN(specials); k++) {
		for (size_t len = 1; len < 52; len++) {
			for (size_t at = 0; at < len; at++) {
				char text[52];
				struct buf wanted = BUF_INIT(KIB);
				memset(text, 'a', len);
				text[at] = specials[k].c;
				buf_add_char(&wanted, '"');
				buf_add(&wanted,
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", at);
				buf_add_text(&wanted, specials[k].escape);
				buf_add(&wanted,
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
					len - at - 1);
				buf_add_char(&wanted, '"');
				test_context("%s at %zu of %zu", specials[k].escape, at, len);
				expect_quoted(str_make(text, len), buf_text(&wanted));
				buf_done(&wanted);
			}
		}
	}
	test_context_end();
}

TEST(output_over_the_ceiling_is_dropped_whole)
{
	static const char text[] = "{\"a\":[1,\"some longer text\",\"x\\ny\"],\"b\":{\"c\":-12.5}}";
	static const enum json_style styles[] = {
		JSON_COMPACT, JSON_PRETTY, JSON_COMPACT_RAW_HTML, JSON_SORTED};
	struct arena a = {0};
	struct cJSON *root;
	REQUIRE(json_parse(&a, str_from(text), NULL, &root, NULL) == 0);
	for (size_t s = 0; s < ARRAY_LEN(styles); s++) {
		struct buf whole = BUF_INIT(KIB);
		json_print(&whole, root, styles[s]);
		for (size_t max = 0; max <= whole.len + 2; max++) {
			struct buf out = BUF_INIT(max + 3);
			buf_add_text(&out, "abc");
			json_print(&out, root, styles[s]);
			test_context("style %zu, ceiling %zu", s, max);
			EXPECT_INT(buf_over(&out), max < whole.len);
			EXPECT_INT(out.len, max < whole.len ? 3 : 3 + whole.len);
			EXPECT(memcmp(out.at + 3, whole.at, out.len - 3) == 0);
			/* And nothing is added after that. */
			size_t len = out.len;
			json_print(&out, root, styles[s]);
			json_print_str(&out, STR("x"));
			if (max < whole.len)
				EXPECT_INT(out.len, len);
			buf_done(&out);
		}
		buf_done(&whole);
	}
	test_context_end();
	arena_done(&a);
}

TEST(a_string_over_the_ceiling_is_dropped_whole)
{
	static const char text[] = "plain \n text that is longer than sixteen bytes \xff";
	struct buf whole = BUF_INIT(KIB);
	json_print_str(&whole, str_from(text));
	for (size_t max = 0; max <= whole.len; max++) {
		struct buf out = BUF_INIT(max);
		json_print_str(&out, str_from(text));
		test_context("ceiling %zu", max);
		EXPECT_INT(buf_over(&out), max < whole.len);
		EXPECT_INT(out.len, max < whole.len ? 0 : whole.len);
		buf_done(&out);
	}
	test_context_end();
	buf_done(&whole);
}
