#include "test.h"

#include <kube/mem.h>
#include <kube/yaml.h>

#include <stdlib.h>

/* One reading: the tree as compact JSON, or the error's text. */
struct reading {
	struct arena arena;
	struct err err;
	struct cJSON *root;
	struct buf printed;
	int code;
};

static struct str read_with(struct reading *r, struct str text, const struct yaml_options *options)
{
	*r = (struct reading){.printed = BUF_INIT(16 * MIB)};
	arena_init(&r->arena);
	r->code = yaml_read(&r->arena, text, options, &r->root, &r->err);
	if (r->code)
		return str_from(err_text(&r->err));
	json_print(&r->printed, r->root, JSON_COMPACT);
	return buf_str(&r->printed);
}

static void reading_done(struct reading *r)
{
	buf_done(&r->printed);
	err_done(&r->err);
	arena_done(&r->arena);
}

static void expect_read(const char *text, const char *wanted)
{
	struct reading r;

	EXPECT_STR(read_with(&r, str_from(text), NULL), wanted);
	reading_done(&r);
}

static void expect_code(struct str text, const struct yaml_options *options, int code)
{
	struct reading r;

	read_with(&r, text, options);
	EXPECT_INT(r.code, code);
	reading_done(&r);
}

static struct str repeat(struct buf *b, const char *part, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_add_text(b, part);
	return buf_str(b);
}

TEST(integers_stay_exact_beyond_what_doubles_hold)
{
	expect_read("[9007199254740993, -9223372036854775808, 18446744073709551615, "
		    "0xffffffffffffffff]",
		"[9007199254740993,-9223372036854775808,18446744073709551615,"
		"18446744073709551615]");
	expect_read("[18446744073709551616]", "[18446744073709552000]");
}

TEST(nothing_is_null)
{
	expect_read("", "null");
	expect_read("# only this\n", "null");
	expect_read("---\n...\n", "null");
	expect_read("~", "null");
}

TEST(only_the_first_document_is_read)
{
	expect_read("a: 1\n---\nb: [\n", "{\"a\":1}");
	expect_read("---\na: 1\n...\n---\nb: 2\n", "{\"a\":1}");
}

TEST(errors_name_the_line_as_go_counts_it)
{
	expect_read("a: 1\nb: [1\nc: 2\n", "yaml: line 2: did not find expected ',' or ']'");
	expect_read("a:\n\t- b", "yaml: line 2: found character that cannot start any token");
	expect_read("a: b: c", "yaml: mapping values are not allowed in this context");
	expect_read("a: *b", "yaml: unknown anchor 'b' referenced");
	expect_read("a: 1\n? [b]\n: 1", "yaml: line 2: invalid map key: a sequence");
	expect_read("a: 1\n~: 1", "yaml: line 2: unsupported map key of type: null");
}

TEST(faults_of_form_come_before_faults_of_meaning)
{
	expect_read("a: .inf\nb: [\n", "yaml: line 2: did not find expected node content");
	expect_read(
		"a: !!int x\nb: @\n", "yaml: line 2: found character that cannot start any token");
	expect_read("a: *x\nb: @\n", "yaml: unknown anchor 'x' referenced");
	expect_read("a: *x\n---\nb: @\n", "yaml: unknown anchor 'x' referenced");
}

TEST(bytes_that_are_no_text_are_errors)
{
	static const struct {
		struct str bytes;
		const char *error;
	} cases[] = {
		{STR_INIT("a: \xff"), "yaml: invalid leading UTF-8 octet"},
		{STR_INIT("a: \xc3"), "yaml: incomplete UTF-8 octet sequence"},
		{STR_INIT("a: \xc3("), "yaml: invalid trailing UTF-8 octet"},
		{STR_INIT("a: \xc0\x80"), "yaml: invalid length of a UTF-8 sequence"},
		{STR_INIT("a: \xed\xa0\x80"), "yaml: invalid Unicode character"},
		{STR_INIT("a: b\0c"), "yaml: control characters are not allowed"},
		{STR_INIT("a: \x01"), "yaml: control characters are not allowed"},
		{STR_INIT("a: \x7f"), "yaml: control characters are not allowed"},
		{STR_INIT("\0"), "yaml: control characters are not allowed"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct reading r;
		EXPECT_STR(read_with(&r, cases[i].bytes, NULL), cases[i].error);
		EXPECT_INT(r.code, ERR_SYNTAX);
		reading_done(&r);
	}
}

TEST(other_encodings_are_told_by_their_mark)
{
	struct reading r;

	EXPECT_STR(read_with(&r,
			   STR("\xef\xbb\xbf"
			       "a: é"),
			   NULL),
		"{\"a\":\"é\"}");
	reading_done(&r);
	EXPECT_STR(read_with(&r,
			   STR("\xff\xfe"
			       "a\0:\0 \0\xe9\0"),
			   NULL),
		"{\"a\":\"é\"}");
	reading_done(&r);
	EXPECT_STR(read_with(&r, STR("\xfe\xff\0a\0:\0 \0\xe9"), NULL), "{\"a\":\"é\"}");
	reading_done(&r);
	EXPECT_STR(read_with(&r,
			   STR("\xff\xfe"
			       "a\0:\0 \0\x00\xd8"),
			   NULL),
		"yaml: incomplete UTF-16 surrogate pair");
	reading_done(&r);
}

TEST(nul_characters_come_through_in_escapes)
{
	struct reading r;

	read_with(&r, STR("a: \"x\\0y\""), NULL);
	EXPECT_INT(json_str(json_get(r.root, STR("a"))).len, 3);
	reading_done(&r);
}

/* ---- streams ---- */

struct documents {
	struct buf text;
	int stop_at, seen;
};

static int add_document(void *ctx, struct cJSON *root, int line, struct err *err)
{
	struct documents *d = ctx;

	if (++d->seen == d->stop_at)
		return err_set(err, ERR_CONFLICT, "enough");
	buf_print(&d->text, "%d:", line);
	json_print(&d->text, root, JSON_COMPACT);
	buf_add_char(&d->text, ' ');
	return 0;
}

TEST(streams_hand_over_each_document_and_leave_out_empty_ones)
{
	struct documents d = {.text = BUF_INIT(MIB)};
	struct arena a;
	struct err err = {0};

	arena_init(&a);
	EXPECT_OK(yaml_read_all(&a,
			  STR("---\n# nothing\n---\na: 1\n---\n---\n~\n---\n- x\n...\n%YAML "
			      "1.1\n---\nz\n"),
			  NULL, add_document, &d, &err),
		&err);
	EXPECT_STR(buf_str(&d.text), "4:{\"a\":1} 9:[\"x\"] 13:\"z\" ");
	buf_clear(&d.text);
	d = (struct documents){.text = d.text, .stop_at = 2};
	EXPECT_INT(yaml_read_all(&a, STR("a\n---\nb\n---\nc"), NULL, add_document, &d, &err),
		ERR_CONFLICT);
	EXPECT_TEXT(err_text(&err), "enough");
	EXPECT_STR(buf_str(&d.text), "1:\"a\" ");
	err_done(&err);
	/* What stood before a fault has been handed over. */
	d = (struct documents){.text = d.text};
	buf_clear(&d.text);
	EXPECT_INT(
		yaml_read_all(&a, STR("a\n---\n[b\n"), NULL, add_document, &d, &err), ERR_SYNTAX);
	EXPECT_STR(buf_str(&d.text), "1:\"a\" ");
	err_done(&err);
	buf_done(&d.text);
	arena_done(&a);
}

TEST(anchors_do_not_outlive_their_document)
{
	struct documents d = {.text = BUF_INIT(MIB)};
	struct arena a;
	struct err err = {0};

	arena_init(&a);
	EXPECT_INT(yaml_read_all(&a, STR("a: &x 1\n---\nb: *x\n"), NULL, add_document, &d, &err),
		ERR_SYNTAX);
	EXPECT_TEXT(err_text(&err), "yaml: unknown anchor 'x' referenced");
	err_done(&err);
	buf_done(&d.text);
	arena_done(&a);
}

/* ---- what is told along the way ---- */

static void note_duplicate(void *ctx, const struct yaml_duplicate *duplicate)
{
	struct buf *out = ctx;

	buf_print(out, "%.*s: ", STRF(duplicate->path));
	yaml_print_duplicate(out, duplicate);
	buf_add_char(out, '\n');
}

static void expect_duplicates(const char *text, const char *wanted)
{
	struct buf told = BUF_INIT(MIB);
	struct yaml_options options = {.duplicate = note_duplicate, .ctx = &told};
	struct reading r;

	read_with(&r, str_from(text), &options);
	EXPECT_INT(r.code, 0);
	EXPECT_STR(buf_str(&told), wanted);
	reading_done(&r);
	buf_done(&told);
}

TEST(duplicate_keys_are_told_with_path_and_line)
{
	expect_duplicates("a: 1\nb: 2\na: 3\n", "a: line 3: key \"a\" already set in map\n");
	expect_duplicates("s:\n  c:\n  - x\n  - p: 1\n    p: 2\n  - 1: a\n    \"1\": b\n",
		"s.c[1].p: line 5: key \"p\" already set in map\n"
		"s.c[2].1: line 7: key \"1\" already set in map\n");
	expect_duplicates("[[{a: 1,\na: 2}]]", "[0][0].a: line 2: key \"a\" already set in map\n");
	expect_duplicates(
		"a: &x {b: 1, b: 2}\nc: *x\n", "a.b: line 1: key \"b\" already set in map\n");
}

TEST(replacing_a_merged_key_is_no_duplicate)
{
	expect_duplicates("a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n", "");
	expect_duplicates("a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n  b: 3\n",
		"c.b: line 5: key \"b\" already set in map\n");
}

TEST(the_last_of_many_duplicates_wins)
{
	struct buf text = BUF_INIT(MIB);
	struct reading r;

	for (int i = 0; i < 300; i++)
		buf_print(&text, "k%d: %d\n", i % 100, i);
	read_with(&r, buf_str(&text), NULL);
	EXPECT_INT(json_count(r.root), 100);
	int64_t value = 0;
	json_int(json_get(r.root, STR("k42")), &value);
	EXPECT_INT(value, 242);
	reading_done(&r);
	buf_done(&text);
}

static void count_duplicate(void *ctx, const struct yaml_duplicate *duplicate)
{
	(void)duplicate;
	++*(int *)ctx;
}

TEST(of_very_many_duplicates_the_first_hundred_are_told)
{
	struct buf text = BUF_INIT(MIB);
	int told = 0;
	struct yaml_options options = {.duplicate = count_duplicate, .ctx = &told};

	repeat(&text, "a: 1\n", 1000);
	expect_code(buf_str(&text), &options, 0);
	EXPECT_INT(told, 100);
	buf_done(&text);
}

static void note_key(void *ctx, struct str key, int line)
{
	buf_print(ctx, "%d:%.*s ", line, STRF(key));
}

TEST(keys_of_the_outermost_mapping_are_told_with_their_lines)
{
	struct buf told = BUF_INIT(MIB);
	struct yaml_options options = {.key = note_key, .ctx = &told};
	struct reading r;

	read_with(&r, STR("a:\n  b: 1\n\n1:\n- c: 2\n? d\n: 3\n"), &options);
	EXPECT_STR(buf_str(&told), "1:a 4:1 6:d ");
	reading_done(&r);
	buf_done(&told);
}

/* ---- limits ---- */

TEST(text_over_the_limit_is_refused)
{
	struct yaml_options options = {.limits = {.max_bytes = 10}};

	expect_code(STR("a: 1234567"), &options, 0);
	expect_code(STR("a: 12345678"), &options, ERR_TOO_LARGE);
}

TEST(depth_over_the_limit_is_refused)
{
	struct yaml_options options = {.limits = {.max_depth = 3}};
	struct buf text = BUF_INIT(4 * MIB);

	expect_code(STR("[[[1]]]"), &options, 0);
	expect_code(STR("[[[[1]]]]"), &options, ERR_TOO_LARGE);
	expect_code(STR("a:\n  b:\n    c: {}\n"), &options, ERR_TOO_LARGE);
	expect_code(STR("a: &x [[1]]\nb: [*x]\n"), &options, ERR_TOO_LARGE);
	expect_code(repeat(&text, "[", 1000000), NULL, ERR_TOO_LARGE);
	buf_clear(&text);
	expect_code(repeat(&text, "- ", 1000000), NULL, ERR_TOO_LARGE);
	buf_clear(&text);
	expect_code(repeat(&text, "? ", 1000000), NULL, ERR_SYNTAX);
	buf_clear(&text);
	expect_code(repeat(&text, "{a: ", 300000), NULL, ERR_TOO_LARGE);
	buf_done(&text);
}

TEST(depth_within_the_limit_needs_no_stack)
{
	struct yaml_options options = {.limits = {.max_depth = 5000}};
	struct buf text = BUF_INIT(4 * MIB), out = BUF_INIT(64 * MIB);
	struct reading r;

	for (int i = 0; i < 2000; i++)
		buf_add_text(&text, "- ");
	buf_add_text(&text, "x\n");
	read_with(&r, buf_str(&text), &options);
	EXPECT_INT(r.code, 0);
	yaml_write(&out, r.root);
	EXPECT_INT(out.len, 2000 * 2 + 2);
	reading_done(&r);
	buf_done(&out);
	buf_done(&text);
}

TEST(a_billion_laughs_are_refused)
{
	struct buf text = BUF_INIT(MIB);

	buf_add_text(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 12; i++) {
		buf_print(&text, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			buf_print(&text, "*a%d, ", i - 1);
		buf_add_text(&text, "]\n");
	}
	struct reading r;
	EXPECT_STR(
		read_with(&r, buf_str(&text), NULL), "yaml: document contains excessive aliasing");
	EXPECT_INT(r.code, ERR_TOO_LARGE);
	EXPECT(r.arena.size < 64 * MIB);
	reading_done(&r);
	buf_done(&text);
}

TEST(merges_cannot_laugh_either)
{
	struct buf text = BUF_INIT(MIB);

	buf_add_text(&text, "a0: &a0 {a: 1, b: 2, c: 3}\n");
	for (int i = 1; i < 30; i++)
		buf_print(&text, "a%d: &a%d {<<: *a%d, x%d: *a%d, y%d: *a%d}\n", i, i, i - 1, i,
			i - 1, i, i - 1);
	expect_code(buf_str(&text), NULL, ERR_TOO_LARGE);
	buf_done(&text);
}

TEST(nodes_over_the_limit_are_refused)
{
	struct yaml_options options = {.limits = {.max_expanded = 4}};

	expect_code(STR("[1, 2, 3]"), &options, 0);
	expect_code(STR("[1, 2, 3, 4]"), &options, ERR_TOO_LARGE);
	expect_code(STR("[&x 1, *x, *x, *x]"), &options, ERR_TOO_LARGE);
}

TEST(few_aliases_of_something_large_are_fine)
{
	struct buf text = BUF_INIT(MIB);

	buf_add_text(&text, "a: &a [");
	repeat(&text, "x, ", 3000);
	buf_add_text(&text, "]\nb: [*a, *a, *a, *a, *a]\n");
	expect_code(buf_str(&text), NULL, 0);
	buf_done(&text);
}

/* libyaml alone would take minutes for these. */
TEST(much_text_in_deep_brackets_is_refused)
{
	struct buf text = BUF_INIT(4 * MIB);

	repeat(&text, "[", 900);
	repeat(&text, "1,", 1000000);
	expect_code(buf_str(&text), NULL, ERR_TOO_LARGE);
	buf_clear(&text);
	repeat(&text, "{a: ", 900);
	repeat(&text, "b,", 1000000);
	expect_code(buf_str(&text), NULL, ERR_TOO_LARGE);
	buf_done(&text);
}

TEST(many_keys_and_many_anchors_are_found_quickly)
{
	struct buf text = BUF_INIT(4 * MIB);
	struct reading r;

	for (int i = 0; i < 60000; i++)
		buf_print(&text, "k%d: &a%d %d\n", i, i, i);
	for (int i = 0; i < 60000; i++)
		buf_print(&text, "x%d: *a%d\n", i, i);
	read_with(&r, buf_str(&text), NULL);
	EXPECT_INT(r.code, 0);
	EXPECT_INT(json_count(r.root), 120000);
	reading_done(&r);
	buf_done(&text);
}

/* ---- JSON or YAML ---- */

static void expect_any(const char *text, const char *wanted)
{
	struct arena a;
	struct err err = {0};
	struct cJSON *root = NULL;
	struct buf out = BUF_INIT(MIB);

	arena_init(&a);
	if (yaml_read_any(&a, str_from(text), NULL, &root, &err))
		buf_add_text(&out, err_text(&err));
	else
		json_print(&out, root, JSON_COMPACT);
	EXPECT_STR(buf_str(&out), wanted);
	buf_done(&out);
	err_done(&err);
	arena_done(&a);
}

TEST(what_begins_with_a_brace_is_json_first)
{
	expect_any("{\"a\": \"\\ud83d\\ude00\"}", "{\"a\":\"😀\"}");
	expect_any(" \n{\"a\":1}", "{\"a\":1}");
	expect_any("{a: n}", "{\"a\":false}");
	expect_any("a: n", "{\"a\":false}");
	expect_any("", "null");
	expect_any("[1, n]", "[1,false]");
}

TEST(what_is_neither_json_nor_yaml_gets_the_error_of_json)
{
	struct arena a;
	struct err err = {0}, json = {0};
	struct cJSON *root = NULL;

	arena_init(&a);
	EXPECT_INT(yaml_read_any(&a, STR("{\"a\": [}"), NULL, &root, &err), ERR_SYNTAX);
	json_parse(&a, STR("{\"a\": [}"), NULL, &root, &json);
	EXPECT_TEXT(err_text(&err), err_text(&json));
	err_done(&err);
	err_done(&json);
	arena_done(&a);
}

TEST(duplicates_in_json_are_told_in_its_words)
{
	struct buf told = BUF_INIT(MIB);
	struct yaml_options options = {.duplicate = note_duplicate, .ctx = &told};
	struct arena a;
	struct cJSON *root;

	arena_init(&a);
	EXPECT_INT(yaml_read_any(&a, STR("{\"s\":{\"a\":1,\"a\":2}}"), &options, &root, NULL), 0);
	EXPECT_STR(buf_str(&told), "s.a: duplicate field \"s.a\"\n");
	buf_done(&told);
	arena_done(&a);
}

/* ---- writing ---- */

static void expect_written(struct str json, const char *wanted)
{
	struct arena a;
	struct err err = {0};
	struct cJSON *root = NULL;
	struct buf out = BUF_INIT(MIB);

	arena_init(&a);
	if (EXPECT_OK(json_parse(&a, json, NULL, &root, &err), &err)) {
		yaml_write(&out, root);
		EXPECT_STR(buf_str(&out), wanted);
	}
	buf_done(&out);
	err_done(&err);
	arena_done(&a);
}

TEST(roots_of_every_kind_are_written)
{
	struct buf out = BUF_INIT(MIB);

	expect_written(STR("null"), "null\n");
	expect_written(STR("true"), "true\n");
	expect_written(STR("1"), "1\n");
	expect_written(STR("\"n\""), "\"n\"\n");
	expect_written(STR("\"a b\""), "a b\n");
	expect_written(STR("\"a\\nb\""), "|-\n  a\n  b\n");
	expect_written(STR("\"a\\n\""), "|\n  a\n");
	expect_written(STR("[]"), "[]\n");
	expect_written(STR("{}"), "{}\n");
	expect_written(STR("[1,[2,{\"a\":3}]]"), "- 1\n- - 2\n  - a: 3\n");
	yaml_write(&out, NULL);
	EXPECT_STR(buf_str(&out), "null\n");
	buf_done(&out);
}

TEST(large_integers_are_written_exactly)
{
	expect_written(STR("[12345678901234567890,18446744073709551615,9007199254740993]"),
		"- 12345678901234567890\n- 18446744073709551615\n- 9007199254740993\n");
}

/* kubectl prints this key plainly, which nobody can read back. */
TEST(a_key_that_looks_like_a_merge_is_quoted)
{
	expect_written(STR("{\"<<\":\"<<\"}"), "\"<<\": <<\n");
}

/* kubectl fails on these: its own reader takes the raw character for a fault. */
TEST(characters_that_yaml_forbids_are_escaped)
{
	expect_written(STR("[\"a\x7f\", \"\\u0080\", \"\xc2\x85\", \"\\ufffe\", \"\\u0000\"]"),
		"- \"a\\x7F\"\n- \"\\x80\"\n- \"\\N\"\n- \"\\uFFFE\"\n- \"\\0\"\n");
}

TEST(a_full_buffer_is_noticed_at_the_end)
{
	struct arena a;
	struct cJSON *root;
	struct buf out = BUF_INIT(16);

	arena_init(&a);
	REQUIRE(json_parse(&a, STR("{\"abcdefgh\":\"ijklmnop\",\"q\":[1,2,3]}"), NULL, &root,
			NULL) == 0);
	yaml_write(&out, root);
	EXPECT(buf_over(&out) && out.len == 0);
	buf_done(&out);
	arena_done(&a);
}

/* Each line alone is indented by 2,000 columns: hours of work if the ceiling did not end it. */
TEST(deep_trees_end_at_the_ceiling)
{
	struct arena a;
	struct buf out = BUF_INIT(64 * KIB);

	arena_init(&a);
	struct cJSON *root = json_new(&a, JSON_ARRAY), *in = root;
	for (int i = 0; i < 999; i++) {
		struct cJSON *deeper = json_new(&a, JSON_ARRAY);
		json_append(in, deeper);
		in = deeper;
	}
	for (int i = 0; i < 300000; i++)
		json_append(in, json_new_int(&a, i));
	buf_add_text(&out, "before\n");
	yaml_write(&out, root);
	EXPECT(buf_over(&out));
	EXPECT_STR(buf_str(&out), "before\n");
	buf_done(&out);
	arena_done(&a);
}

/* The keys' order is upstream's and not transitive: whatever comes out, every key does, once. */
TEST(keys_of_any_kind_are_all_written)
{
	struct arena a;
	struct buf out = BUF_INIT(MIB);
	struct cJSON *again;

	arena_init(&a);
	struct cJSON *root = json_new(&a, JSON_OBJECT);
	srandom(3);
	for (int i = 0; i < 500; i++) {
		char key[6];
		for (size_t k = 0; k < sizeof(key); k++)
			key[k] = "019abAB-_./ "[random() % 12];
		json_set(&a, root, str_make(key, 1 + (size_t)random() % 6), json_new_int(&a, i));
	}
	yaml_write(&out, root);
	REQUIRE(yaml_read(&a, buf_str(&out), NULL, &again, NULL) == 0);
	EXPECT(json_equal(root, again));
	buf_done(&out);
	arena_done(&a);
}

TEST(many_tag_directives_are_refused)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	for (int i = 0; i < 60; i++)
		buf_print(&text, "%%TAG !%d! tag:x,\n", i);
	buf_add_text(&text, "---\n- !7!a b\n- 100%TAG\n");
	expect_code(buf_str(&text), NULL, 0);
	/* Only lines that begin so are directives. */
	repeat(&text, "- %TAG\n", 1000);
	expect_code(buf_str(&text), NULL, ERR_SYNTAX);
	buf_clear(&text);
	buf_add_text(&text, "a: |\n");
	expect_code(repeat(&text, "  %TAG\n", 1000), NULL, 0);
	buf_clear(&text);
	for (int i = 0; i < 100000; i++)
		buf_print(&text, "%%TAG !%d! tag:x,\n", i);
	buf_add_text(&text, "---\na\n");
	expect_code(buf_str(&text), NULL, ERR_TOO_LARGE);
	buf_clear(&text);
	buf_add(&text, "\xff\xfe", 2);
	for (int i = 0; i < 1000; i++)
		buf_add(&text, "%\0T\0A\0G\0 \0!\0a\0!\0 \0b\0\n\0", 22);
	expect_code(buf_str(&text), NULL, ERR_TOO_LARGE);
}

/* A few bytes that stand for a key of a million, time and again. */
TEST(long_keys_used_again_and_again_are_refused)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	buf_add_text(&text, "- &k ");
	repeat(&text, "k", 1000 * 1000);
	buf_add_text(&text, "\n- {*k : 1, a: 2}\n- {*k : 3}\n");
	expect_code(buf_str(&text), NULL, 0);
	buf_add_text(&text, "- {");
	repeat(&text, "*k : 1, ", 100 * 1000);
	buf_add_text(&text, "a: 2}\n");
	expect_code(buf_str(&text), NULL, ERR_TOO_LARGE);
	buf_clear(&text);
	buf_add_text(&text, "- &a\n");
	for (int i = 0; i < 32; i++) {
		buf_add_text(&text, "  ? ");
		repeat(&text, "k", 50 * 1000);
		buf_print(&text, "%d\n  : 1\n", i);
	}
	expect_code(repeat(&text, "- {<<: *a}\n", 10), NULL, 0);
	expect_code(repeat(&text, "- {<<: *a}\n", 10 * 1000), NULL, ERR_TOO_LARGE);
}

static void count_by_kind(void *ctx, const struct yaml_duplicate *duplicate)
{
	*(int *)ctx += duplicate->line == 0 ? 1 : 100;
}

TEST(reading_any_tells_of_a_duplicate_once)
{
	struct arena a;
	struct cJSON *root;
	int told = 0;
	struct yaml_options options = {.duplicate = count_by_kind, .ctx = &told};

	arena_init(&a);
	REQUIRE(yaml_read_any(&a, STR("{\"a\": 1, \"a\": 2}"), &options, &root, NULL) == 0);
	EXPECT_INT(told, 1);
	told = 0;
	REQUIRE(yaml_read_any(&a, STR("{\"a\": 1, \"a\": 2, b: 3}"), &options, &root, NULL) == 0);
	EXPECT_INT(told, 100);
	arena_done(&a);
}
