#include <kube/json.h>
#include <kube/mem.h>

#include "test.h"

#include <stdio.h>

/* Everything the reader gave: items each on a line, then the rest. */
struct outcome {
	struct buf text;
	size_t items, stop_at;
};

static int take_item(void *ctx, struct str item, struct err *err)
{
	struct outcome *o = ctx;
	if (++o->items == o->stop_at)
		return err_set(err, ERR_CANCELLED, "enough");
	struct arena a = {0};
	struct cJSON *n;
	int rc = json_parse(&a, item, NULL, &n, err);
	if (rc == 0) {
		buf_add_str(&o->text, item);
		buf_add_char(&o->text, '\n');
	}
	arena_done(&a);
	return rc;
}

struct limits {
	size_t item, rest;
};
static const struct limits wide = {MIB, MIB};

/* Feeds the text in chunks of `size`, each a heap copy of its own, so that overreads show. */
static int read_chunks(struct outcome *o, const char *path, struct str text, size_t size,
	struct limits limits, struct err *err)
{
	struct json_reader *r = json_reader_new(path, limits.item, limits.rest, take_item, o);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < text.len; i += size) {
		struct str part = str_sub(text, i, MIN(i + size, text.len));
		char *copy = mem_copy(part.at, part.len);
		rc = json_reader_feed(r, str_make(copy, part.len), err);
		mem_free(copy);
	}
	struct str rest;
	if (rc == 0)
		rc = json_reader_end(r, &rest, err);
	if (rc == 0)
		buf_add_str(&o->text, rest);
	json_reader_free(r);
	return rc;
}

/* In one piece, in two pieces cut everywhere, in small pieces: always the same. */
static void expect_read(
	const char *file, int line, const char *path, const char *text, const char *wanted)
{
	struct str whole = str_from(text);
	for (size_t size = 1; size <= whole.len; size++) {
		struct outcome o = {.text = BUF_INIT(MIB)};
		struct err err = {0};
		test_context("chunks of %zu", size);
		if (read_chunks(&o, path, whole, size, wide, &err) != 0)
			test_fail(file, line, "%s: %s", text, err_text(&err));
		else
			test_expect_str(file, line, "read", buf_str(&o.text), str_from(wanted));
		err_done(&err);
		buf_done(&o.text);
	}
	for (size_t cut = 0; cut <= whole.len; cut++) {
		struct outcome o = {.text = BUF_INIT(MIB)};
		struct json_reader *r = json_reader_new(path, MIB, MIB, take_item, &o);
		struct str rest = {0};
		test_context("cut at %zu", cut);
		if (json_reader_feed(r, str_sub(whole, 0, cut), NULL) ||
			json_reader_feed(r, str_skip(whole, cut), NULL) ||
			json_reader_end(r, &rest, NULL))
			test_fail(file, line, "%s", text);
		buf_add_str(&o.text, rest);
		test_expect_str(file, line, "read", buf_str(&o.text), str_from(wanted));
		json_reader_free(r);
		buf_done(&o.text);
	}
	test_context_end();
}
#define EXPECT_READ(path, text, wanted) expect_read(__FILE__, __LINE__, path, text, wanted)

static void expect_refused(const char *file, int line, const char *path, struct str text,
	struct limits limits, int code, const char *message)
{
	for (size_t size = 1; size <= text.len + 1; size++) {
		struct outcome o = {.text = BUF_INIT(MIB)};
		struct err err = {0};
		test_context("chunks of %zu", size);
		int rc = read_chunks(&o, path, text, size, limits, &err);
		if (rc != code || err.code != code)
			test_fail(file, line, "%.*s: code %d, %s", STRF(text), rc, err_text(&err));
		else if (message)
			test_expect_str(
				file, line, "message", str_from(err_text(&err)), str_from(message));
		err_done(&err);
		buf_done(&o.text);
	}
	test_context_end();
}
#define EXPECT_REFUSED(path, text, message)                                                        \
	expect_refused(__FILE__, __LINE__, path, STR(text), wide, ERR_SYNTAX, message)

TEST(items_are_handed_over_and_the_rest_is_kept)
{
	EXPECT_READ("items",
		" { \"kind\" : \"List\", \"items\" : [ {\"a\":[1,{}]} , "
		"12,\n-1.5e3,\"x\\\"]}\xc3\xa9\" ,[],[[2]],"
		"null,true,false, {} ], \"metadata\":{\"items\":[7,8]},\"z\":[{\"items\":[9]}] } ",
		"{\"a\":[1,{}]}\n12\n-1.5e3\n\"x\\\"]}\xc3\xa9\"\n[]\n[[2]]\nnull\ntrue\nfalse\n{}"
		"\n"
		" { \"kind\" : \"List\", \"items\" : [], \"metadata\":{\"items\":[7,8]},"
		"\"z\":[{\"items\":[9]}] } ");
}

static int stop_with_a_number(void *ctx, struct str item, struct err *err)
{
	(void)ctx, (void)item, (void)err;
	return 7;
}

TEST(what_a_callback_stops_with_is_kept)
{
	_cleanup_(err_done) struct err err = {0};
	struct str rest;
	struct json_reader *r = json_reader_new("items", 10, 100, stop_with_a_number, NULL);
	EXPECT_INT(json_reader_feed(r, STR("{\"items\":[1"), &err), 0);
	EXPECT_INT(json_reader_feed(r, STR(",2"), &err), 7);
	EXPECT_INT(json_reader_feed(r, STR("]}"), &err), 7);
	EXPECT_INT(json_reader_end(r, &rest, &err), 7);
	EXPECT_INT(err.code, 0);
	json_reader_free(r);
}

TEST(an_array_may_be_empty_absent_or_something_else)
{
	EXPECT_READ("items", "{\"items\":[],\"a\":1}", "{\"items\":[],\"a\":1}");
	EXPECT_READ("items", "{\"items\":[ \n ]}", "{\"items\":[]}");
	EXPECT_READ("items", "{}", "{}");
	EXPECT_READ("items", "{\"a\":[1,2]}", "{\"a\":[1,2]}");
	EXPECT_READ("items", "{\"items\":null}", "{\"items\":null}");
	EXPECT_READ("items", "{\"items\":{\"items\":[1]}}", "{\"items\":{\"items\":[1]}}");
	EXPECT_READ("items", "{\"items\":\"[1]\",\"x\":[2]}", "{\"items\":\"[1]\",\"x\":[2]}");
	EXPECT_READ("items", "{\"Items\":[1],\"item\":[2],\"itemss\":[3]}",
		"{\"Items\":[1],\"item\":[2],\"itemss\":[3]}");
	EXPECT_READ("items", "{\"x\":\"items\",\"y\":[4]}", "{\"x\":\"items\",\"y\":[4]}");
}

TEST(a_path_leads_through_objects_only)
{
	EXPECT_READ("a.b.c",
		"{\"b\":{\"c\":[0]},\"c\":[0],\"a\":{\"c\":[0],\"b\":{\"a\":{\"b\":{\"c\":[0]}},"
		"\"c\":[1,{\"a\":{\"b\":{\"c\":[2]}}}],\"d\":[3]},\"x\":[4]},\"y\":[5]}",
		"1\n{\"a\":{\"b\":{\"c\":[2]}}}\n{\"b\":{\"c\":[0]},\"c\":[0],\"a\":{\"c\":[0],"
		"\"b\":"
		"{\"a\":{\"b\":{\"c\":[0]}},\"c\":[],\"d\":[3]},\"x\":[4]},\"y\":[5]}");
	EXPECT_READ("a.b", "{\"a\":[{\"b\":[1]}],\"x\":{\"a\":{\"b\":[2]}}}",
		"{\"a\":[{\"b\":[1]}],\"x\":{\"a\":{\"b\":[2]}}}");
	EXPECT_READ("a.b", "{\"a\":{\"x\":1},\"a\":{\"b\":[1]}}",
		"1\n{\"a\":{\"x\":1},\"a\":{\"b\":[]}}");
	EXPECT_READ("a.b", "{\"a\":{},\"b\":[1]}", "{\"a\":{},\"b\":[1]}");
}

TEST(keys_are_compared_decoded)
{
	EXPECT_READ("items", "{\"it\\u0065ms\":[1]}", "1\n{\"it\\u0065ms\":[]}");
	EXPECT_READ("items", "{\"items\\\"\":[1],\"\\\"items\":[2],\"items\\u0000\":[3]}",
		"{\"items\\\"\":[1],\"\\\"items\":[2],\"items\\u0000\":[3]}");
}

TEST(a_path_that_comes_again_after_the_array_is_refused)
{
	EXPECT_REFUSED("items", "{\"items\":[1],\"items\":[2]}", "duplicate field \"items\"");
	EXPECT_REFUSED("items", "{\"items\":[1],\"items\":null}", "duplicate field \"items\"");
	EXPECT_REFUSED(
		"a.items", "{\"a\":{\"items\":[1],\"items\":2}}", "duplicate field \"a.items\"");
	EXPECT_REFUSED("a.items", "{\"a\":{\"items\":[1]},\"a\":0}", "duplicate field \"a\"");
	EXPECT_READ("items", "{\"items\":null,\"items\":[1]}", "1\n{\"items\":null,\"items\":[]}");
}

TEST(what_is_no_object_is_refused)
{
	EXPECT_REFUSED("items", "", "unexpected end of JSON input");
	EXPECT_REFUSED("items", "  ", "unexpected end of JSON input");
	EXPECT_REFUSED("items", "[1]",
		"invalid character '[' looking for beginning of object at offset 0");
	EXPECT_REFUSED(
		"items", " 1", "invalid character '1' looking for beginning of object at offset 1");
	EXPECT_REFUSED("items", "null", NULL);
}

TEST(malformed_structure_is_refused)
{
	static const struct str texts[] = {STR_INIT("{"), STR_INIT("{\"items\""),
		STR_INIT("{\"items\":"), STR_INIT("{\"items\":["), STR_INIT("{\"items\":[1"),
		STR_INIT("{\"items\":[1,"), STR_INIT("{\"items\":[1]"),
		STR_INIT("{\"items\":[,1]}"), STR_INIT("{\"items\":[1,]}"),
		STR_INIT("{\"items\":[1 2]}"), STR_INIT("{\"items\":[1,,2]}"),
		STR_INIT("{\"items\":[1}}"), STR_INIT("{\"items\":[1]]"),
		STR_INIT("{\"items\":[{]}}"), STR_INIT("{\"items\":[[}]}"),
		STR_INIT("{\"items\":[1],}"), STR_INIT("{\"items\":[1]}}"),
		STR_INIT("{\"items\":[1]}1"), STR_INIT("{\"items\":[\"a]}"),
		STR_INIT("{\"items\":[\"a\\\"]}"), STR_INIT("{\"items\" [1]}"),
		STR_INIT("{\"items\"::[1]}"), STR_INIT("{items:[1]}"), STR_INIT("{\"items\":[x]}"),
		STR_INIT("{\"items\":[1:2]}"), STR_INIT("{\"items\":[1\"a\"]}"),
		STR_INIT("{\"items\":[1[2]]}"), STR_INIT("{\"a\":1 \"items\":[1]}"),
		STR_INIT("{,\"items\":[1]}"), STR_INIT("{\"items\":}"),
		STR_INIT("\xef\xbb\xbf{\"items\":[]}"), STR_INIT("{\"items\":[]}\0")};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		expect_refused(__FILE__, __LINE__, "items", texts[i], wide, ERR_SYNTAX, NULL);
}

TEST(malformed_values_are_refused_by_whoever_parses_them)
{
	static const struct str texts[] = {STR_INIT("{\"items\":[01]}"),
		STR_INIT("{\"items\":[tru]}"), STR_INIT("{\"items\":[1e]}"),
		STR_INIT("{\"items\":[\"\\x\"]}"), STR_INIT("{\"items\":[\"\n\"]}"),
		STR_INIT("{\"items\":[\"\xff\"]}"), STR_INIT("{\"items\":[{\"a\":nul}]}"),
		STR_INIT("{\"a\":tru,\"items\":[]}"), STR_INIT("{\"items\":[],\"a\":-}"),
		STR_INIT("{\"a\":\"\xc3\",\"items\":[]}"), STR_INIT("{\"\\z\":1}"),
		STR_INIT("{\"items\":[1e400]}")};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		expect_refused(__FILE__, __LINE__, "items", texts[i], wide, ERR_SYNTAX, NULL);
	EXPECT_REFUSED("items", "{\"items\":[],\"a\":nulL}",
		"outside of items: invalid character 'L' in literal null (expecting 'l')"
		" at offset 19 (line 1, column 20)");
}

TEST(every_cut_off_list_is_refused)
{
	struct str text = STR(
		"{\"kind\":\"L\",\"items\":[{\"a\":\"\\u00e9\"},[1.5],\"x\"],\"b\":{\"c\":null}}");
	for (size_t len = 0; len < text.len; len++)
		expect_refused(__FILE__, __LINE__, "items", str_make(text.at, len), wide,
			ERR_SYNTAX, "unexpected end of JSON input");
}

TEST(items_are_bounded)
{
	struct limits limits = {.item = 10, .rest = 100};
	struct str good = STR("{\"items\":[   \"12345678\"   ,\"\",1234567890,{\"a\":[1]}]}");
	for (size_t size = 1; size <= good.len; size++) {
		struct outcome o = {.text = BUF_INIT(KIB)};
		struct err err = {0};
		EXPECT_OK(read_chunks(&o, "items", good, size, limits, &err), &err);
		EXPECT_INT(o.items, 4);
		buf_done(&o.text);
	}
	static const struct str texts[] = {STR_INIT("{\"items\":[1,\"123456789\"]}"),
		STR_INIT("{\"items\":[2,12345678901]}"),
		STR_INIT("{\"items\":[3,{\"a\":[1,2,3]}]}"),
		STR_INIT("{\"items\":[4,[          ]]}")};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		expect_refused(__FILE__, __LINE__, "items", texts[i], limits, ERR_TOO_LARGE,
			"element 1 of items is over the limit of 10 bytes");
}

TEST(the_rest_is_bounded_and_items_do_not_count)
{
	struct limits limits = {.item = 100, .rest = 21};
	struct str good = STR("{\"a\":\"12\",\"items\":[1111111111,222222222,       3]}");
	struct str bad = STR("{\"a\":\"123\",\"items\":[1]}"),
		   behind = STR("{\"items\":[1],\"a\":\"123\"}");
	for (size_t size = 1; size <= good.len; size++) {
		struct outcome o = {.text = BUF_INIT(KIB)};
		struct err err = {0};
		EXPECT_OK(read_chunks(&o, "items", good, size, limits, &err), &err);
		buf_done(&o.text);
	}
	expect_refused(__FILE__, __LINE__, "items", bad, limits, ERR_TOO_LARGE,
		"what surrounds items is over the limit of 21 bytes");
	expect_refused(__FILE__, __LINE__, "items", behind, limits, ERR_TOO_LARGE, NULL);
	expect_refused(__FILE__, __LINE__, "items", STR("{\"a key that is too long\":1}"), limits,
		ERR_TOO_LARGE, NULL);
}

TEST(depth_is_limited_inside_items_and_outside)
{
	static const char *const heads[] = {"{\"items\":[", "{\"x\":["};
	for (size_t h = 0; h < ARRAY_LEN(heads); h++) {
		for (int extra = 0; extra < 2; extra++) {
			struct buf text = BUF_INIT(MIB);
			struct outcome o = {.text = BUF_INIT(MIB)};
			struct err err = {0};
			buf_add_text(&text, heads[h]);
			for (int i = 0; i < 998 + extra; i++)
				buf_add_char(&text, '[');
			for (int i = 0; i < 998 + extra; i++)
				buf_add_char(&text, ']');
			buf_add_text(&text, "]}");
			int rc = read_chunks(&o, "items", buf_str(&text), 77, wide, &err);
			EXPECT_INT(rc, extra ? ERR_SYNTAX : 0);
			if (extra)
				EXPECT(strstr(err_text(&err), "exceeded max depth"));
			err_done(&err);
			buf_done(&text);
			buf_done(&o.text);
		}
	}
}

TEST(a_callback_that_fails_stops_the_reader_for_good)
{
	struct outcome o = {.text = BUF_INIT(KIB), .stop_at = 2};
	struct json_reader *r = json_reader_new("items", KIB, KIB, take_item, &o);
	struct err err = {0};
	struct str rest = {0};
	EXPECT_INT(json_reader_feed(r, STR("{\"items\":[1,2,3,4"), &err), ERR_CANCELLED);
	EXPECT_TEXT(err_text(&err), "enough");
	EXPECT_INT(o.items, 2);
	EXPECT_INT(json_reader_feed(r, STR("]}"), &err), ERR_CANCELLED);
	EXPECT_TEXT(err_text(&err), "reading items has failed before");
	EXPECT_INT(json_reader_end(r, &rest, NULL), ERR_CANCELLED);
	EXPECT(!rest.at);
	err_done(&err);
	json_reader_free(r);
	json_reader_free(NULL);
	buf_done(&o.text);
}

TEST(nothing_is_held_that_came_in_one_chunk)
{
	struct outcome o = {.text = BUF_INIT(KIB)};
	struct json_reader *r = json_reader_new("items", KIB, KIB, take_item, &o);
	struct str rest;
	EXPECT_INT(json_reader_feed(r, (struct str){0}, NULL), 0);
	EXPECT_INT(json_reader_feed(r, STR("{\"items\":[{\"a\":1},"), NULL), 0);
	EXPECT_INT(o.items, 1);
	EXPECT_INT(json_reader_feed(r, STR("2"), NULL), 0);
	EXPECT_INT(o.items, 1); /* 2 may go on */
	EXPECT_INT(json_reader_feed(r, STR("3]"), NULL), 0);
	EXPECT_INT(o.items, 2);
	EXPECT_INT(json_reader_end(r, &rest, NULL), ERR_SYNTAX);
	EXPECT_STR(buf_str(&o.text), "{\"a\":1}\n23\n");
	json_reader_free(r);
	buf_done(&o.text);
}
