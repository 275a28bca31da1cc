/* Unknown and repeated fields come in the order in which they stand in the body. */
#include "test.h"

#include "apiserver/body_private.h"
#include "apiserver/represent_private.h"

static struct arena arena;

static struct str ordered(const char *json, const char *const *unknown)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	_cleanup_(err_done) struct err err = {0};
	struct decode_notes repeated = {.arena = &arena}, other = repeated, notes = repeated;
	struct cJSON *root;

	if (body_parse(&arena, str_from(json), false, &repeated, &root, &err))
		return arena_str(&arena, str_from(err_text(&err)));
	for (size_t i = 0; unknown[i]; i++)
		decode_note(&other, arena_print(&arena, "unknown field \"%s\"", unknown[i]));
	body_order_notes(&arena, str_from(json), &repeated, &other, &notes);
	for (size_t i = 0; i < notes.count; i++) {
		buf_add_text(&out, i ? ", " : "");
		buf_add_str(&out, notes.items[i]);
	}
	return arena_str(&arena, buf_str(&out));
}

TEST(notes_are_merged_in_the_order_of_the_document)
{
	static const char *const unknown[] = {"spec.foo", "spec.list[1].x", NULL};

	arena_init(&arena);
	EXPECT_STR(ordered("{\"spec\":{\"a\":1,\"a\":2,\"foo\":\"}{\\\"\",\"list\":[{\"n\":[1,2]},"
			   "{\"x\":1,\"b\":0,\"b\":1}],\"c\":1,\"c\":2}}",
			   unknown),
		"duplicate field \"spec.a\", unknown field \"spec.foo\", "
		"unknown field \"spec.list[1].x\", duplicate field \"spec.list[1].b\", "
		"duplicate field \"spec.c\"");
	arena_done(&arena);
}

TEST(notes_of_one_kind_stay_as_they_are)
{
	static const char *const none[] = {NULL}, *const two[] = {"z", "a", NULL};

	arena_init(&arena);
	EXPECT_STR(ordered("{\"z\":1,\"a\":2}", two), "unknown field \"z\", unknown field \"a\"");
	EXPECT_STR(ordered("{\"z\":1,\"z\":2}", none), "duplicate field \"z\"");
	arena_done(&arena);
}

TEST(a_note_whose_place_is_not_found_is_not_lost)
{
	static const char *const odd[] = {"not.there", NULL};

	arena_init(&arena);
	EXPECT_STR(ordered("{\"z\":1,\"z\":2}", odd),
		"duplicate field \"z\", unknown field \"not.there\"");
	arena_done(&arena);
}

TEST(parse_errors_are_gos_without_our_position)
{
	static const char *const none[] = {NULL};

	arena_init(&arena);
	EXPECT_STR(ordered("{\"a\":", none), "unexpected end of JSON input");
	EXPECT_STR(ordered("{'a':1}", none),
		"invalid character '\\'' looking for beginning of object key string");
	arena_done(&arena);
}

TEST(json_is_indented_by_two)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	indent_json(&out, STR("{\"a\":[],\"b\":{},\"c\":[1,{\"d\":\"x:,{\\\"\"}],\"e\":null}"));
	EXPECT_STR(buf_str(&out), "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n"
				  "      \"d\": \"x:,{\\\"\"\n    }\n  ],\n  \"e\": null\n}");
}
