/* Regular expressions: RE2's syntax and Go's complaints, the leftmost match, in linear time. */
#include "test.h"

#include <kube/regex.h>

#include <kube/buf.h>

/* What is matched first, between <>; "no"; or the complaint. */
static struct str first(struct arena *a, struct str pattern, struct str text)
{
	struct str why;
	struct regex *r = regex_compile(a, pattern, &why);
	size_t start, end;

	if (!r)
		return why;
	if (!regex_find(regex_start(r, a), text, 0, &start, &end))
		return STR("no");
	return arena_print(a, "<%.*s>", STRF(str_sub(text, start, end)));
}

TEST(a_repetition_may_stand_anywhere_in_a_long_expression)
{
	struct arena a;

	arena_init(&a);
	for (int before = 0; before < 140; before++) {
		_cleanup_(buf_done) struct buf pattern = BUF_INIT(KIB), text = BUF_INIT(KIB);

		for (int i = 0; i < before; i++)
			buf_add_text(&pattern, "x");
		buf_add_str(&text, buf_str(&pattern));
		buf_add_text(&pattern, "([a-z]b)*$");
		buf_add_text(&text, "ababab");
		test_context("%d characters before it", before);
		EXPECT_INT(first(&a, buf_str(&pattern), buf_str(&text)).len, before + 8);
	}
	test_context_end();
	arena_done(&a);
}

TEST(the_leftmost_match_is_found_and_earlier_alternatives_first)
{
	static const struct {
		const char *pattern, *text, *match;
	} rows[] = {
		{"", "abc", "<>"},
		{"a|ab", "xab", "<a>"},
		{"ab|a", "xab", "<ab>"},
		{"a*", "aaa", "<aaa>"},
		{"a*?", "aaa", "<>"},
		{"a+?b", "xaab", "<aab>"},
		{"a{2,3}", "aaaa", "<aaa>"},
		{"a{2,}", "aaaa", "<aaaa>"},
		{"a{,2}", "a{,2}", "<a{,2}>"},
		{"(a|b)*c", "ababc", "<ababc>"},
		{"^b", "ab", "no"},
		{"(?m)^b", "a\nb", "<b>"},
		{"a$", "ba\n", "no"},
		{"(?m)a$", "ba\n", "<a>"},
		{"\\Aa\\z", "a", "<a>"},
		{"\\bfoo\\b", "a foo b", "<foo>"},
		{"\\Boo", "foo", "<oo>"},
		{"[^a-c]+", "abcxyz", "<xyz>"},
		{"[]a]+", "]a", "<]a>"},
		{"[a\\-c]+", "b-a", "<-a>"},
		{"[[:digit:][:upper:]]+", "abC1d", "<C1>"},
		{"[[:^alpha:]]", "a1", "<1>"},
		{"\\d+\\.\\d*", "v10.", "<10.>"},
		{"\\D\\W\\S", "a b", "<a b>"},
		{"(?i)straSSe", "STRASSE", "<STRASSE>"},
		{"(?i)ÄRGER", "ärger", "<ärger>"},
		{"(?i)[k]", "\xe2\x84\xaa", "<\xe2\x84\xaa>"}, /* the sign of Kelvin */
		{"(?s)a.b", "a\nb", "<a\nb>"},
		{"(?U)a+", "aaa", "<a>"},
		{"(?i:a)b", "Ab", "<Ab>"},
		{"(?i:a)b", "AB", "no"},
		{"(?P<name>a)(?<other>b)", "ab", "<ab>"},
		{"\\x41\\x{42}\\103", "ABC", "<ABC>"},
		{"\\Qa.b\\E+", "xa.bb", "<a.bb>"},
		{"\\pN+", "a12", "<12>"},
		{"\\p{Greek}+", "abγδ", "<γδ>"},
		{"\\P{L}", "a1", "<1>"},
		{"[\\p{Lu}\\d]+", "aB2c", "<B2>"},
		{".", "日本", "<日>"},
		{"(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "no"},
	};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str got = first(&a, str_from(rows[i].pattern), str_from(rows[i].text));
		if (!str_eq_text(got, rows[i].match))
			test_fail(__FILE__, __LINE__, "%s: %.*s, not %s", rows[i].pattern,
				STRF(got), rows[i].match);
	}
	arena_done(&a);
}

TEST(what_is_no_expression_is_refused_as_go_does)
{
	static const struct {
		const char *pattern, *why;
	} rows[] = {
		{"(", "missing closing ): `(`"},
		{"a)", "unexpected ): `a)`"},
		{"[a", "missing closing ]: `[a`"},
		{"*a", "missing argument to repetition operator: `*`"},
		{"a**", "invalid nested repetition operator: `**`"},
		{"a{1001}", "invalid repeat count: `{1001}`"},
		{"a{2,1}", "invalid repeat count: `{2,1}`"},
		{"(?=a)", "invalid or unsupported Perl syntax: `(?=`"},
		{"(?!a)", "invalid or unsupported Perl syntax: `(?!`"},
		{"(?<=a)", "invalid or unsupported Perl syntax: `(?<=`"},
		{"\\1", "invalid escape sequence: `\\1`"},
		{"\\8", "invalid escape sequence: `\\8`"},
		{"\\q", "invalid escape sequence: `\\q`"},
		{"a\\", "trailing backslash at end of expression: ``"},
		{"[b-a]", "invalid character class range: `b-a`"},
		{"[[:nope:]]", "invalid character class range: `[:nope:]`"},
		{"\\p{Nope}", "invalid character class range: `\\p{Nope}`"},
		{"(?P<n", "invalid named capture: `(?P<n`"},
	};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str got = first(&a, str_from(rows[i].pattern), STR("a"));
		struct str wanted = arena_print(&a, "error parsing regexp: %s", rows[i].why);
		if (!str_eq(got, wanted))
			test_fail(__FILE__, __LINE__, "%s: %.*s, not %.*s", rows[i].pattern,
				STRF(got), STRF(wanted));
	}
	arena_done(&a);
}

/* A machine that goes back would need longer than there is for these. */
TEST(time_is_linear_in_the_text)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	struct arena a;

	arena_init(&a);
	for (int i = 0; i < 20000; i++)
		buf_add_char(&text, 'a');
	EXPECT_STR(first(&a, STR("(a*)*(a*)*(a*)*b"), buf_str(&text)), "no");
	EXPECT_STR(first(&a, STR("(.*)(.*)(.*)x$"), buf_str(&text)), "no");
	EXPECT_STR(first(&a, STR("((a{0,30}){0,30})c"), buf_str(&text)), "no");
	arena_done(&a);
}

/* Wherever its code has to be moved while it is made. */
TEST(repeats_stand_at_any_place)
{
	_cleanup_(buf_done) struct buf pattern = BUF_INIT(KIB), text = BUF_INIT(KIB);
	struct arena a;

	arena_init(&a);
	for (int i = 0; i < 200; i++) {
		if (i % 3)
			buf_add_text(&pattern, "a+");
		else
			buf_add_text(&pattern, "(?:b|a+c)");
		buf_add_text(&text, i % 3 ? "aa" : "ac");
		EXPECT_STR(first(&a, buf_str(&pattern), buf_str(&text)),
			arena_print(&a, "<%.*s>", STRF(buf_str(&text))).at);
	}
	arena_done(&a);
}
