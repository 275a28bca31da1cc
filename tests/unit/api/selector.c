/* Selectors in what is odd about them; the answers are upstream's. */
#include "test.h"

#include <kube/selector.h>

static struct arena arena;

static struct str label_error(const char *text)
{
	_cleanup_(err_done) struct err err = {0};
	struct selector s = {0};

	if (!label_selector_parse(&arena, str_from(text), &s, &err))
		return STR("");
	return arena_str(&arena, str_from(err_text(&err)));
}

static struct str field_error(const char *text)
{
	_cleanup_(err_done) struct err err = {0};
	struct selector s = {0};

	if (!field_selector_parse(&arena, str_from(text), &s, &err))
		return STR("");
	return arena_str(&arena, str_from(err_text(&err)));
}

TEST(an_empty_pair_of_brackets_holds_the_empty_value)
{
	struct selector s = {0};

	arena_init(&arena);
	EXPECT_STR(label_error("a in ()"), "");
	EXPECT_INT(label_selector_parse(&arena, STR("a in ()"), &s, NULL), 0);
	EXPECT_INT(s.count, 1);
	EXPECT(label_selector_matches_text(&s, STR("{\"a\":\"\"}")));
	EXPECT(!label_selector_matches_text(&s, STR("{\"a\":\"x\"}")));
	EXPECT_STR(
		label_error("a notin b"), "unable to parse requirement: found 'b' expected: '('");
	arena_done(&arena);
}

TEST(a_selector_of_commas_takes_no_more_than_it_needs)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	struct selector s = {0};

	arena_init(&arena);
	buf_add_text(&text, "a in (");
	for (int i = 0; i < 60000; i++)
		buf_add_char(&text, ',');
	buf_add_char(&text, ')');
	label_selector_parse(&arena, buf_str(&text), &s, NULL);
	EXPECT(arena.size < 8 * MIB);
	arena_done(&arena);
}

TEST(an_unescaped_character_of_a_field_is_told_by_its_number)
{
	arena_init(&arena);
	EXPECT_STR(field_error("metadata.name=a=b"),
		"invalid field selector: unescaped character in value: 61");
	EXPECT_STR(field_error("metadata.name=a\\b"),
		"invalid field selector: invalid escape sequence: \\b");
	arena_done(&arena);
}
