#include <kube/json.h>
#include <kube/mem.h>

#include "test.h"

#include <stdio.h>

/* Parses a heap copy of exactly the given size, so that a read beyond it is noticed. */
static int parse(struct arena *a, struct str text, const struct json_options *options,
	struct cJSON **root, struct err *err)
{
	char *copy = mem_copy(text.at, text.len);
	int rc = json_parse(a, str_make(copy, text.len), options, root, err);
	mem_free(copy);
	return rc;
}

static void expect_prints(const char *file, int line, struct str text, const char *wanted)
{
	struct arena a = {0};
	struct err err = {0};
	struct buf out = BUF_INIT(MIB);
	struct cJSON *root = NULL;
	if (parse(&a, text, NULL, &root, &err) != 0) {
		test_fail(file, line, "%.*s: %s", STRF(text), err_text(&err));
	} else {
		json_print(&out, root, JSON_COMPACT);
		test_expect_str(file, line, "printed", buf_str(&out), str_from(wanted));
	}
	buf_done(&out);
	err_done(&err);
	arena_done(&a);
}
#define EXPECT_PRINTS(text, wanted) expect_prints(__FILE__, __LINE__, STR(text), wanted)
#define EXPECT_SAME(text)           EXPECT_PRINTS(text, text)

static void expect_refused(const char *file, int line, struct str text, const char *wanted)
{
	struct arena a = {0};
	struct err err = {0};
	struct cJSON *root = NULL;
	int rc = parse(&a, text, NULL, &root, &err);
	if (rc == 0)
		test_fail(file, line, "accepted: %.*s", STRF(text));
	else if (rc != ERR_SYNTAX || err.code != rc || root)
		test_fail(file, line, "code %d for %.*s", rc, STRF(text));
	else if (wanted)
		test_expect_str(file, line, "message", str_from(err_text(&err)), str_from(wanted));
	err_done(&err);
	arena_done(&a);
}
#define EXPECT_REFUSED(text)         expect_refused(__FILE__, __LINE__, STR(text), NULL)
#define EXPECT_MESSAGE(text, wanted) expect_refused(__FILE__, __LINE__, STR(text), wanted)

TEST(values_of_every_type_are_read)
{
	EXPECT_SAME("null");
	EXPECT_SAME("true");
	EXPECT_SAME("false");
	EXPECT_SAME("0");
	EXPECT_SAME("-1");
	EXPECT_SAME("\"\"");
	EXPECT_SAME("[]");
	EXPECT_SAME("{}");
	EXPECT_SAME("[[],{},[[]],{\"a\":{}},null,true,false,12,\"x\"]");
	EXPECT_SAME("{\"\":0,\"a\":[1,2,{\"b\":null}],\"c\":{\"d\":{\"e\":[]}}}");
	EXPECT_PRINTS(" \t\r\n[ 1 , 2 ,\n{ \"a\" : [ ] , \"b\" : { } } ] \n",
		"[1,2,{\"a\":[],\"b\":{}}]");
}

TEST(structure_that_is_not_json_is_refused)
{
	static const struct str texts[] = {STR_INIT(""), STR_INIT(" "), STR_INIT("["),
		STR_INIT("]"), STR_INIT("{"), STR_INIT("}"), STR_INIT("[}"), STR_INIT("{]"),
		STR_INIT("[1"), STR_INIT("[1,"), STR_INIT("[1,]"), STR_INIT("[,1]"),
		STR_INIT("[,]"), STR_INIT("[1,,2]"), STR_INIT("[1 2]"), STR_INIT("[1:2]"),
		STR_INIT("[\"a\":1]"), STR_INIT("[1]]"), STR_INIT("[1}"), STR_INIT("{\"a\"}"),
		STR_INIT("{\"a\":}"), STR_INIT("{\"a\":1,}"), STR_INIT("{\"a\":1,,}"),
		STR_INIT("{,}"), STR_INIT("{\"a\" 1}"), STR_INIT("{\"a\",1}"), STR_INIT("{a:1}"),
		STR_INIT("{1:1}"), STR_INIT("{'a':1}"), STR_INIT("{null:1}"),
		STR_INIT("{\"a\":1 \"b\":2}"), STR_INIT("{\"a\":1]"), STR_INIT("{\"a\"::1}"),
		STR_INIT("{\"a\":1}}"), STR_INIT("{\"a\":1}{}"), STR_INIT("1 2"), STR_INIT("[]x"),
		STR_INIT("\"a\"\"b\""), STR_INIT("tru"), STR_INIT("true1"), STR_INIT("True"),
		STR_INIT("TRUE"), STR_INIT("nul"), STR_INIT("nullx"), STR_INIT("fals"),
		STR_INIT("undefined"), STR_INIT("NaN"), STR_INIT("Infinity"), STR_INIT("-Infinity"),
		STR_INIT("[nan]"), STR_INIT("// c\n1"), STR_INIT("/* c */1"), STR_INIT("[1]# c"),
		STR_INIT("'a'"), STR_INIT("\xef\xbb\xbf{}"), STR_INIT("\xff\xfe{\0}\0"),
		STR_INIT("[1]\0"), STR_INIT("\0"), STR_INIT("[\0]"), STR_INIT("\f1"),
		STR_INIT("\v1"), STR_INIT("\xc2\xa0 1"), STR_INIT("\xe2\x80\xa8 1"),
		STR_INIT("[1\xa0]"), STR_INIT("*"), STR_INIT("<a>"), STR_INIT("(1)"), STR_INIT("a"),
		STR_INIT("\\u005b]"), STR_INIT("\xe5")};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		test_context("text %zu", i);
		expect_refused(__FILE__, __LINE__, texts[i], NULL);
	}
	test_context_end();
}

TEST(every_cut_of_a_document_is_refused)
{
	struct str text = STR(
		"{\"a\":[1.5e3,-2,\"x\\u00e9\\n\",true,false,null,{\"b\":{}}],\"c\":\"\xc3\xa9\"}");
	for (size_t len = 0; len < text.len; len++) {
		test_context("cut at %zu", len);
		expect_refused(__FILE__, __LINE__, str_make(text.at, len), NULL);
	}
	test_context_end();
	expect_prints(__FILE__, __LINE__, text,
		"{\"a\":[1.5e3,-2,\"x\xc3\xa9\\n\",true,false,null,{\"b\":{}}],\"c\":"
		"\"\xc3\xa9\"}");
}

TEST(messages_are_those_of_go_with_the_position)
{
	EXPECT_MESSAGE("", "unexpected end of JSON input");
	EXPECT_MESSAGE("{\"a\":", "unexpected end of JSON input");
	EXPECT_MESSAGE("\"abc", "unexpected end of JSON input");
	EXPECT_MESSAGE("{\"a\":\n  [1,\n   }",
		"invalid character '}' looking for beginning of value"
		" at offset 15 (line 3, column 4)");
	EXPECT_MESSAGE("{a", "invalid character 'a' looking for beginning of object key string"
			     " at offset 1 (line 1, column 2)");
	EXPECT_MESSAGE("{\"a\" 1}",
		"invalid character '1' after object key at offset 5 (line 1, column 6)");
	EXPECT_MESSAGE("{\"a\":1;",
		"invalid character ';' after object key:value pair at offset 6 (line 1, column 7)");
	EXPECT_MESSAGE("[1'",
		"invalid character '\\'' after array element at offset 2 (line 1, column 3)");
	EXPECT_MESSAGE("1\n2",
		"invalid character '2' after top-level value at offset 2 (line 2, column 1)");
	EXPECT_MESSAGE("nuLl", "invalid character 'L' in literal null (expecting 'l')"
			       " at offset 2 (line 1, column 3)");
	EXPECT_MESSAGE("trux", "invalid character 'x' in literal true (expecting 'e')"
			       " at offset 3 (line 1, column 4)");
	EXPECT_MESSAGE("fx", "invalid character 'x' in literal false (expecting 'a')"
			     " at offset 1 (line 1, column 2)");
	EXPECT_MESSAGE("\"a\nb\"",
		"invalid character '\\n' in string literal at offset 2 (line 1, column 3)");
	EXPECT_MESSAGE("\"\\x\"",
		"invalid character 'x' in string escape code at offset 2 (line 1, column 3)");
	EXPECT_MESSAGE("\"\\u00g0\"", "invalid character 'g' in \\u hexadecimal character escape"
				      " at offset 5 (line 1, column 6)");
	EXPECT_MESSAGE(
		"-a", "invalid character 'a' in numeric literal at offset 1 (line 1, column 2)");
	EXPECT_MESSAGE("1.e", "invalid character 'e' after decimal point in numeric literal"
			      " at offset 2 (line 1, column 3)");
	EXPECT_MESSAGE("1e+x", "invalid character 'x' in exponent of numeric literal at offset 3 "
			       "(line 1, column 4)");
	EXPECT_MESSAGE("\xad", "invalid character '\\u00ad' looking for beginning of value"
			       " at offset 0 (line 1, column 1)");
	EXPECT_MESSAGE("\xef\xbb\xbf{}", "invalid character '\u00ef' looking for beginning of value"
					 " at offset 0 (line 1, column 1)");
	EXPECT_MESSAGE(
		"[\"\xff\"]", "invalid UTF-8 in string literal at offset 2 (line 1, column 3)");
}

TEST(numbers_are_read_as_the_grammar_has_them)
{
	static const char *const good[] = {"0", "-0", "1", "-1", "10", "123456789", "0.0", "-0.0",
		"0.5", "1.0", "1e5", "1E5", "1e+5", "1E-5", "0e0", "0e+1", "0E1", "1.25e10",
		"-1.5E-10", "1e308", "1e-400", "123456789012345678901234567890",
		"0.1234567890123456789",
		"0.00000000000000000000000000000000000000000000000000000000000000000000000001"};
	static const char *const bad[] = {"01", "-01", "00", "-", "--1", "+1", ".5", "-.5", "1.",
		"1.e1", "1e", "1e+", "1E-", "1e5.5", "1.2.3", "0x10", "1_000", "1,000", "1a", "0b1",
		"-a", "\xef\xbc\x91", "1e1e1", "- 1", "1 .5", "1e 5", "0.", "0e", "1..5", "1-2",
		"1+2"};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		expect_prints(__FILE__, __LINE__, str_from(good[i]), good[i]);
		char text[256];
		snprintf(text, sizeof(text), "[%s,{\"a\":%s}]", good[i], good[i]);
		expect_prints(__FILE__, __LINE__, str_from(text), text);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		expect_refused(__FILE__, __LINE__, str_from(bad[i]), NULL);
		char text[256];
		snprintf(text, sizeof(text), "{\"a\":%s}", bad[i]);
		expect_refused(__FILE__, __LINE__, str_from(text), NULL);
	}
}

TEST(numbers_beyond_any_double_are_refused)
{
	EXPECT_MESSAGE("[1e400]", "cannot unmarshal number 1e400 into Go value of type float64"
				  " at offset 1 (line 1, column 2)");
	EXPECT_REFUSED("-1e309");
	EXPECT_REFUSED("1e999999999999999999999999");
	EXPECT_SAME("0e999999999999999999999999");
	EXPECT_SAME("1e-999999999999999999999999");
	struct buf digits = BUF_INIT(MIB);
	for (int i = 0; i < 400; i++)
		buf_add_char(&digits, '9');
	expect_refused(__FILE__, __LINE__, buf_str(&digits), NULL);
	/* As many digits, but small. */
	digits.at[1] = '.';
	expect_prints(__FILE__, __LINE__, buf_str(&digits), buf_text(&digits));
	buf_done(&digits);
}

TEST(escapes_are_decoded)
{
	EXPECT_PRINTS("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
	EXPECT_PRINTS("\"\\u0041\\u00e9\\u20AC\\uFFFF\"", "\"A\xc3\xa9\xe2\x82\xac\xef\xbf\xbf\"");
	EXPECT_PRINTS("\"\\u0000\\u001f\\u007f\"", "\"\\u0000\\u001f\x7f\"");
	EXPECT_PRINTS("\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"");
	EXPECT_PRINTS("\"\\uD800\\uDC00\\udbff\\udfff\"", "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
	EXPECT_PRINTS("{\"\\u0061\":1}", "{\"a\":1}");
	EXPECT_REFUSED("\"\\\"");
	EXPECT_REFUSED("\"\\u\"");
	EXPECT_REFUSED("\"\\u12\"");
	EXPECT_REFUSED("\"\\u123\"");
	EXPECT_REFUSED("\"\\u:000\"");
	EXPECT_REFUSED("\"\\u000G\"");
	EXPECT_REFUSED("\"\\u000@\"");
	EXPECT_REFUSED("\"\\U0041\"");
	EXPECT_REFUSED("\"\\a\"");
	EXPECT_REFUSED("\"\\x41\"");
	EXPECT_REFUSED("\"\\0\"");
	EXPECT_REFUSED("\"\\'\"");
	EXPECT_REFUSED("\"\\\n\"");
	EXPECT_REFUSED("\"\\\xc3\xa9\"");
	EXPECT_REFUSED("\"\\ud800\\u\"");
	EXPECT_REFUSED("\"\\ud800\\u12\"");
}

TEST(lone_surrogates_become_the_replacement_character)
{
#define FFFD "\xef\xbf\xbd"
	EXPECT_PRINTS("\"\\ud800\"", "\"" FFFD "\"");
	EXPECT_PRINTS("\"\\udc00\"", "\"" FFFD "\"");
	EXPECT_PRINTS("\"\\ud800x\"", "\"" FFFD "x\"");
	EXPECT_PRINTS("\"\\ud800\\n\"", "\"" FFFD "\\n\"");
	EXPECT_PRINTS("\"\\ud800\\u0041\"", "\"" FFFD "A\"");
	EXPECT_PRINTS("\"\\ud800\\ud800\"", "\"" FFFD FFFD "\"");
	EXPECT_PRINTS("\"\\ud800\\ud83d\\ude00\"", "\"" FFFD "\xf0\x9f\x98\x80\"");
	EXPECT_PRINTS("\"\\ude00\\ud83d\"", "\"" FFFD FFFD "\"");
}

TEST(utf8_is_checked_in_values_and_keys)
{
	static const char *const good[] = {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2",
		"\xc2\x20", "\xc2\xc2", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82", "\xe2\x82\x20",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
		"\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80",
		"\xfe", "\xff"};
	/* Before and behind, so that the character stands on either side of a block of sixteen. */
	for (int before = 0; before < 20; before++) {
		for (size_t i = 0; i < ARRAY_LEN(good) + ARRAY_LEN(bad); i++) {
			bool ok = i < ARRAY_LEN(good);
			const char *c = ok ? good[i] : bad[i - ARRAY_LEN(good)];
			char text[64], key[64];
			snprintf(text, sizeof(text), "\"%.*s%s%.*s\"", before,
				"aaaaaaaaaaaaaaaaaaaa", c, before, "bbbbbbbbbbbbbbbbbbbb");
			snprintf(key, sizeof(key), "{\"%.*s%s\":1}", before, "aaaaaaaaaaaaaaaaaaaa",
				c);
			test_context("character %zu behind %d", i, before);
			if (ok) {
				expect_prints(__FILE__, __LINE__, str_from(text), text);
				expect_prints(__FILE__, __LINE__, str_from(key), key);
			} else {
				expect_refused(__FILE__, __LINE__, str_from(text), NULL);
				expect_refused(__FILE__, __LINE__, str_from(key), NULL);
			}
		}
	}
	test_context_end();
}

TEST(control_characters_are_refused_wherever_they_stand)
{
	for (int c = 0; c < 0x20; c++) {
		for (size_t at = 1; at < 41; at++) {
			char text[42];
			memset(text, 'a', sizeof(text));
			text[0] = text[41] = '"';
			text[at] = (char)c;
			test_context("control %d at %zu", c, at);
			expect_refused(__FILE__, __LINE__, str_make(text, sizeof(text)), NULL);
		}
	}
	test_context_end();
}

TEST(strings_of_every_length_come_through)
{
	char text[103], wanted[103];
	for (size_t len = 0; len <= 100; len++) {
		for (size_t i = 0; i < len; i++)
			text[i + 1] = (char)('a' + i % 26);
		text[0] = text[len + 1] = '"';
		memcpy(wanted, text, len + 2);
		wanted[len + 2] = 0;
		test_context("length %zu", len);
		expect_prints(__FILE__, __LINE__, str_make(text, len + 2), wanted);
	}
	test_context_end();
}

TEST(strings_with_nul_keep_their_length)
{
	struct arena a = {0};
	struct cJSON *root;
	struct err err = {0};
	REQUIRE_OK(parse(&a, STR("{\"k\\u0000y\":\"a\\u0000b\\u0000\"}"), NULL, &root, &err), &err);
	struct cJSON *n = json_get(root, STR("k\0y"));
	REQUIRE(n);
	EXPECT(!json_get(root, STR("k")));
	EXPECT(str_eq(json_str(n), STR("a\0b\0")));
	EXPECT(str_eq(json_key(n), STR("k\0y")));
	EXPECT_INT(json_str(n).at[4], 0);
	arena_done(&a);
}

/* ---- limits ---- */

static int parse_deep(
	int depth, int max_depth, const char *open, const char *close, struct err *err)
{
	struct arena a = {0};
	struct buf text = BUF_INIT(4 * MIB), out = BUF_INIT(4 * MIB);
	struct json_options options = {.limits = {.max_depth = max_depth, .max_bytes = 4 * MIB}};
	struct cJSON *root;
	for (int i = 0; i < depth; i++)
		buf_add_text(&text, open);
	buf_add_text(&text, "1");
	for (int i = 0; i < depth; i++)
		buf_add_text(&text, close);
	int rc = parse(&a, buf_str(&text), &options, &root, err);
	if (rc == 0) {
		json_print(&out, root, JSON_COMPACT);
		EXPECT(str_eq(buf_str(&text), buf_str(&out)));
		buf_clear(&out);
		json_print(&out, root, JSON_SORTED);
		EXPECT(str_eq(buf_str(&text), buf_str(&out)));
		struct cJSON *copy = json_copy(&a, root);
		EXPECT(json_equal(root, copy) && copy != root);
	}
	buf_done(&text);
	buf_done(&out);
	arena_done(&a);
	return rc;
}

TEST(depth_is_limited)
{
	struct err err = {0};
	EXPECT_OK(parse_deep(1000, 0, "[", "]", &err), &err);
	EXPECT_OK(parse_deep(1000, 0, "{\"a\":", "}", &err), &err);
	EXPECT_INT(parse_deep(1001, 0, "{\"a\":", "}", NULL), ERR_SYNTAX);
	EXPECT_INT(parse_deep(1001, 0, "[", "]", &err), ERR_SYNTAX);
	EXPECT_TEXT(err_text(&err),
		"invalid character '[' exceeded max depth at offset 1000 (line 1, column 1001)");
	err_done(&err);
	EXPECT_OK(parse_deep(10000, 10000, "[", "]", &err), &err);
	EXPECT_OK(parse_deep(100000, 100000, "{\"a\":[", "]}", &err) == ERR_SYNTAX ? 0 : -1, &err);
	err_done(&err);
	EXPECT_OK(parse_deep(100000, 200000, "{\"a\":[", "]}", &err), &err);
	EXPECT_OK(parse_deep(2, 2, "[", "]", &err), &err);
	EXPECT_INT(parse_deep(3, 2, "[", "]", NULL), ERR_SYNTAX);
}

TEST(closed_containers_do_not_count_as_depth)
{
	struct arena a = {0};
	struct err err = {0};
	struct cJSON *root;
	struct json_options options = {.limits = {.max_depth = 2}};
	EXPECT_OK(parse(&a, STR("[[],[],{},{\"a\":1},[2],{}]"), &options, &root, &err), &err);
	EXPECT(parse(&a, STR("[[],[],{},{\"a\":[]},[2],{}]"), &options, &root, NULL) != 0);
	arena_done(&a);
}

TEST(bytes_and_values_are_limited)
{
	struct arena a = {0};
	struct err err = {0};
	struct cJSON *root = NULL;
	struct json_options options = {.limits = {.max_bytes = 8}};
	EXPECT_OK(parse(&a, STR("[1,2,34]"), &options, &root, &err), &err);
	EXPECT_INT(parse(&a, STR("[1,2,345]"), &options, &root, &err), ERR_TOO_LARGE);
	EXPECT_TEXT(err_text(&err), "JSON of 9 bytes is over the limit of 8");
	options.limits = (struct json_limits){.max_nodes = 4};
	EXPECT_OK(parse(&a, STR("[1,2,3]"), &options, &root, &err), &err);
	EXPECT_INT(parse(&a, STR("[1,2,3,4]"), &options, &root, &err), ERR_TOO_LARGE);
	EXPECT_TEXT(err_text(&err), "JSON has too many values at offset 7 (line 1, column 8)");
	EXPECT_INT(parse(&a, STR("{\"a\":1,\"b\":2,\"c\":{\"d\":3}}"), &options, &root, &err),
		ERR_TOO_LARGE);
	err_done(&err);

	size_t len = 3 * MIB;
	char *big = mem_alloc(len + 1);
	memset(big, 'x', len + 1);
	big[0] = big[len - 1] = '"';
	EXPECT_OK(json_parse(&a, str_make(big, len), NULL, &root, &err), &err);
	EXPECT_INT(json_str(root).len, len - 2);
	EXPECT_INT(json_parse(&a, str_make(big, len + 1), NULL, &root, NULL), ERR_TOO_LARGE);
	mem_free(big);
	arena_done(&a);
}

/* ---- duplicates ---- */

static void note_path(void *ctx, struct str path)
{
	struct buf *b = ctx;
	buf_add_str(b, path);
	buf_add_char(b, '\n');
}

static void expect_duplicates(const char *text, const char *paths, const char *printed)
{
	struct arena a = {0};
	struct err err = {0};
	struct buf seen = BUF_INIT(MIB), out = BUF_INIT(MIB);
	struct json_options options = {.duplicate = note_path, .ctx = &seen};
	struct cJSON *root;
	if (EXPECT_OK(parse(&a, str_from(text), &options, &root, &err), &err)) {
		EXPECT_STR(buf_str(&seen), paths);
		json_print(&out, root, JSON_COMPACT);
		EXPECT_STR(buf_str(&out), printed);
	}
	buf_done(&seen);
	buf_done(&out);
	arena_done(&a);
}

TEST(duplicate_keys_are_reported_and_the_last_value_wins_in_place)
{
	expect_duplicates("{\"a\":1,\"b\":2}", "", "{\"a\":1,\"b\":2}");
	expect_duplicates("{\"a\":1,\"b\":2,\"a\":3}", "a\n", "{\"a\":3,\"b\":2}");
	expect_duplicates("{\"a\":1,\"a\":\"x\"}", "a\n", "{\"a\":\"x\"}");
	expect_duplicates("{\"a\":{\"x\":1},\"b\":2,\"a\":[]}", "a\n", "{\"a\":[],\"b\":2}");
	expect_duplicates(
		"{\"b\":0,\"a\":[1],\"a\":{\"x\":1}}", "a\n", "{\"b\":0,\"a\":{\"x\":1}}");
	expect_duplicates("{\"a\":1,\"a\":2,\"a\":3}", "a\na\n", "{\"a\":3}");
	expect_duplicates("{\"a\":1,\"\\u0061\":2}", "a\n", "{\"a\":2}");
	expect_duplicates("{\"\":1,\"\":2}", "\n", "{\"\":2}");
	expect_duplicates("{\"a\":1,\"A\":2}", "", "{\"a\":1,\"A\":2}");
	expect_duplicates("{\"a\":1,\"a\":2,\"b\":3,\"a\":null,\"b\":4}", "a\na\nb\n",
		"{\"a\":null,\"b\":4}");
	expect_duplicates("{\"a\":{\"k\":1},\"a\":{\"k\":2}}", "a\n", "{\"a\":{\"k\":2}}");
}

TEST(duplicate_paths_lead_through_objects_and_arrays)
{
	expect_duplicates("{\"spec\":{\"containers\":[{\"name\":\"a\",\"name\":\"b\"}]}}",
		"spec.containers[0].name\n", "{\"spec\":{\"containers\":[{\"name\":\"b\"}]}}");
	expect_duplicates("{\"a\":[1,[{},{\"b\":[[],[],{\"c\":1,\"c\":2}]}]]}", "a[1][1].b[2].c\n",
		"{\"a\":[1,[{},{\"b\":[[],[],{\"c\":2}]}]]}");
	expect_duplicates("[0,{\"a\":1,\"a\":2}]", "[1].a\n", "[0,{\"a\":2}]");
	/* In the order of the document: the outer one is met first. */
	expect_duplicates("{\"a\":1,\"a\":{\"b\":1,\"b\":2}}", "a\na.b\n", "{\"a\":{\"b\":2}}");
}

static void add_member(struct buf *b, int i, int value)
{
	buf_print(
		b, "%s\"key-%d\":%d", b->len > 1 && b->at[b->len - 1] != '{' ? "," : "", i, value);
}

TEST(duplicates_are_found_in_objects_of_any_size)
{
	for (int count = 1; count < 600; count += count < 70 ? 1 : 100) {
		struct buf text = BUF_INIT(MIB), paths = BUF_INIT(MIB), wanted = BUF_INIT(MIB);
		buf_add_char(&text, '{');
		buf_add_char(&wanted, '{');
		for (int i = 0; i < count; i++) {
			add_member(&text, i, i);
			add_member(&wanted, i, i % 7 == 0 ? 1000 + i : i);
		}
		for (int i = 0; i < count; i += 7) {
			add_member(&text, i, 1000 + i);
			if (i / 7 < 100)
				buf_print(&paths, "key-%d\n", i);
		}
		buf_add_char(&text, '}');
		buf_add_char(&wanted, '}');
		test_context("%d members", count);
		expect_duplicates(buf_text(&text), buf_text(&paths), buf_text(&wanted));
		buf_done(&text);
		buf_done(&paths);
		buf_done(&wanted);
	}
	test_context_end();
}

/* The index of a large object must forget what a later duplicate of that object replaced. */
TEST(a_replaced_large_object_leaves_nothing_behind)
{
	struct buf text = BUF_INIT(MIB), wanted = BUF_INIT(MIB);
	buf_add_text(&text, "{\"o\":{");
	for (int i = 0; i < 50; i++)
		add_member(&text, i, 1);
	buf_add_text(&text, "},\"o\":{");
	buf_add_text(&wanted, "{\"o\":{");
	for (int i = 100; i < 150; i++) {
		add_member(&text, i, 2);
		add_member(&wanted, i, 2);
	}
	for (int i = 10; i < 20; i++) {
		add_member(&text, i, 3);
		add_member(&wanted, i, 3);
	}
	buf_add_text(&text, "}}");
	buf_add_text(&wanted, "}}");
	expect_duplicates(buf_text(&text), "o\n", buf_text(&wanted));
	buf_done(&text);
	buf_done(&wanted);
}

TEST(reports_of_duplicates_are_bounded)
{
	struct buf text = BUF_INIT(MIB), paths = BUF_INIT(MIB);
	buf_add_text(&text, "{\"a\":1");
	for (int i = 0; i < 500; i++)
		buf_add_text(&text, ",\"a\":1");
	buf_add_char(&text, '}');
	for (int i = 0; i < 100; i++)
		buf_add_text(&paths, "a\n");
	expect_duplicates(buf_text(&text), buf_text(&paths), "{\"a\":1}");
	buf_clear(&text);
	buf_clear(&paths);

	/* What does not fit loses its beginning. */
	for (int i = 0; i < 600; i++)
		buf_add_text(&text, "{\"abc\":");
	buf_add_text(&text, "{\"x\":1,\"x\":1}");
	struct str head = buf_str(&text);
	struct buf wanted = BUF_INIT(MIB);
	buf_add(&wanted, head.at, head.len - 7);
	buf_add_char(&wanted, '}');
	for (int i = 0; i < 600; i++) {
		buf_add_char(&text, '}');
		buf_add_char(&wanted, '}');
	}
	for (int i = 0; i < 255; i++)
		buf_add_text(&paths, "abc.");
	buf_add_text(&paths, "x\n");
	struct buf cut = BUF_INIT(MIB);
	buf_add_char(&cut, '.');
	buf_add_str(&cut, buf_str(&paths));
	expect_duplicates(buf_text(&text), buf_text(&cut), buf_text(&wanted));
	buf_done(&text);
	buf_done(&paths);
	buf_done(&wanted);
	buf_done(&cut);
}

TEST(a_failed_parse_needs_no_err)
{
	struct arena a = {0};
	struct cJSON *root = NULL;
	EXPECT_INT(
		json_parse(&a, STR("{\"a\":1,\"b\":{\"c\":[1,2,}"), NULL, &root, NULL), ERR_SYNTAX);
	EXPECT(!root);
	EXPECT_INT(json_parse(&a, (struct str){0}, NULL, &root, NULL), ERR_SYNTAX);
	arena_done(&a);
}
