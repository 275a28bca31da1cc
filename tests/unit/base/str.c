#include <kube/mem.h>
#include <kube/str.h>

#include <test.h>

static const struct str none;

TEST(str_compares_by_bytes)
{
	EXPECT(str_eq(STR("a"), STR("a")));
	EXPECT(!str_eq(STR("a"), STR("ab")));
	EXPECT(str_eq(none, STR("")));
	EXPECT(str_eq_text(STR("x"), "x"));
	EXPECT(str_eq_text(none, NULL));
	EXPECT(str_cmp(STR("a"), STR("b")) < 0);
	EXPECT(str_cmp(STR("b"), STR("a")) > 0);
	EXPECT(str_cmp(STR("a"), STR("ab")) < 0);
	EXPECT(str_cmp(STR("ab"), STR("a")) > 0);
	EXPECT_INT(str_cmp(none, none), 0);
	EXPECT(str_cmp(STR("\xff"), STR("a")) > 0);
	EXPECT(str_eq_nocase(STR("Content-Type"), STR("content-tYPE")));
	EXPECT(!str_eq_nocase(STR("a["), STR("a{")));
	EXPECT(!str_eq_nocase(STR("a"), STR("aa")));
}

TEST(str_starts_ends_and_finds)
{
	EXPECT(str_starts(STR("abc"), STR("ab")));
	EXPECT(str_starts(STR("abc"), none));
	EXPECT(str_starts(none, none));
	EXPECT(!str_starts(STR("a"), STR("ab")));
	EXPECT(str_starts_nocase(STR("BEARER x"), STR("bearer ")));
	EXPECT(str_ends(STR("abc"), STR("bc")));
	EXPECT(str_ends(STR("abc"), none));
	EXPECT(!str_ends(STR("bc"), STR("abc")));
	EXPECT_INT(str_find(STR("hello"), STR("l")), 2);
	EXPECT_INT(str_find(STR("hello"), STR("lo")), 3);
	EXPECT_INT(str_find(STR("hello"), STR("hello!")), -1);
	EXPECT_INT(str_find(none, none), 0);
	EXPECT_INT(str_find(none, STR("x")), -1);
	EXPECT_INT(str_find_char(STR("a.b.c"), '.'), 1);
	EXPECT_INT(str_find_last_char(STR("a.b.c"), '.'), 3);
	EXPECT_INT(str_find_char(none, '.'), -1);
	EXPECT_INT(str_find_last_char(STR("a"), '.'), -1);
}

TEST(str_sub_and_skip_clip)
{
	EXPECT_STR(str_sub(STR("abcdef"), 1, 3), "bc");
	EXPECT_STR(str_sub(STR("abc"), 1, 99), "bc");
	EXPECT_STR(str_sub(STR("abc"), 99, 1), "");
	EXPECT_STR(str_skip(STR("abc"), 2), "c");
	EXPECT_STR(str_skip(STR("abc"), 9), "");
	EXPECT_STR(str_skip(none, 9), "");
	EXPECT_STR(str_trim(STR(" \t\r\n a b \n")), "a b");
	EXPECT_STR(str_trim(STR(" \n ")), "");
	EXPECT_STR(str_trim(none), "");
}

TEST(str_cut_splits_at_the_first_and_at_the_last)
{
	struct str head, tail;
	EXPECT(str_cut(STR("k=v=w"), '=', &head, &tail));
	EXPECT_STR(head, "k");
	EXPECT_STR(tail, "v=w");
	EXPECT(!str_cut(STR("k"), '=', &head, &tail));
	EXPECT_STR(head, "k");
	EXPECT_STR(tail, "");
	EXPECT(str_cut_last(STR("a:b:c"), ':', &head, &tail));
	EXPECT_STR(head, "a:b");
	EXPECT_STR(tail, "c");
	EXPECT(!str_cut_last(STR("a"), ':', &head, &tail));
	EXPECT_STR(head, "");
	EXPECT_STR(tail, "a");
	struct str s = STR("x/y");
	EXPECT(str_cut(s, '/', &s, &tail));
	EXPECT_STR(s, "x");
	EXPECT(!str_cut(none, '/', &head, &tail));
}

TEST(str_next_gives_every_piece_empty_ones_included)
{
	struct str rest = STR("a,,b,"), piece;
	REQUIRE(str_next(&rest, ',', &piece));
	EXPECT_STR(piece, "a");
	REQUIRE(str_next(&rest, ',', &piece));
	EXPECT_STR(piece, "");
	REQUIRE(str_next(&rest, ',', &piece));
	EXPECT_STR(piece, "b");
	REQUIRE(str_next(&rest, ',', &piece));
	EXPECT_STR(piece, "");
	EXPECT(!str_next(&rest, ',', &piece));
	EXPECT(!str_next(&rest, ',', &piece));
	rest = STR("");
	EXPECT(str_next(&rest, ',', &piece));
	EXPECT(!str_next(&rest, ',', &piece));
}

TEST(str_reads_integers_to_their_limits)
{
	uint64_t u;
	int64_t i;
	EXPECT(str_to_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
	EXPECT(str_to_u64(STR("0"), &u) && u == 0);
	EXPECT(str_to_u64(STR("007"), &u) && u == 7);
	u = 42;
	EXPECT(!str_to_u64(STR("18446744073709551616"), &u));
	EXPECT(!str_to_u64(STR("99999999999999999999"), &u));
	EXPECT(!str_to_u64(STR(""), &u));
	EXPECT(!str_to_u64(none, &u));
	EXPECT(!str_to_u64(STR("+1"), &u));
	EXPECT(!str_to_u64(STR(" 1"), &u));
	EXPECT(!str_to_u64(STR("1x"), &u));
	EXPECT_INT(u, 42);
	EXPECT(str_to_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
	EXPECT(str_to_i64(STR("9223372036854775807"), &i) && i == INT64_MAX);
	EXPECT(str_to_i64(STR("+5"), &i) && i == 5);
	EXPECT(str_to_i64(STR("-0"), &i) && i == 0);
	i = 42;
	EXPECT(!str_to_i64(STR("9223372036854775808"), &i));
	EXPECT(!str_to_i64(STR("-9223372036854775809"), &i));
	EXPECT(!str_to_i64(STR("-"), &i));
	EXPECT(!str_to_i64(STR("--1"), &i));
	EXPECT(!str_to_i64(STR("1\0"), &i));
	EXPECT_INT(i, 42);
}

TEST(str_reads_decimal_numbers_only)
{
	double d;
	EXPECT(str_to_double(STR("1.5"), &d) && d == 1.5);
	EXPECT(str_to_double(STR("-1e3"), &d) && d == -1000);
	EXPECT(str_to_double(STR(".5"), &d) && d == 0.5);
	EXPECT(str_to_double(STR("5."), &d) && d == 5);
	EXPECT(str_to_double(STR("1E-400"), &d) && d == 0);
	EXPECT(str_to_double(STR("0.1000000000000000055511151231257827021181583404541015625000000"),
		       &d) &&
		d == 0.1);
	char zeros[200];
	memset(zeros, '0', sizeof(zeros));
	zeros[1] = '.';
	zeros[199] = '5';
	EXPECT(str_to_double(str_make(zeros, sizeof(zeros)), &d) && d > 0 && d < 1e-190);
	d = 42;
	static const char *const bad[] = {"", ".", "e5", "1e", "1e+", "inf", "nan", "0x10", " 1",
		"1 ", "1e400", "1..2", "--1", "1f"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		test_context("%s", bad[i]);
		EXPECT(!str_to_double(str_from(bad[i]), &d));
	}
	EXPECT(d == 42);
}

TEST(str_knows_valid_utf8)
{
	EXPECT(str_is_utf8(none));
	EXPECT(str_is_utf8(STR("plain ascii text, longer than a word")));
	EXPECT(str_is_utf8(STR("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80 behind it")));
	EXPECT(str_is_utf8(STR("\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf")));
	EXPECT(str_is_utf8(STR("\xed\x9f\xbf\xee\x80\x80")));
	static const struct str bad[] = {STR_INIT("\x80"), STR_INIT("\xc0\x80"),
		STR_INIT("\xc1\xbf"), STR_INIT("\xc3"), STR_INIT("\xe2\x82"),
		STR_INIT("\xf0\x9f\x98"), STR_INIT("\xe0\x9f\xbf"), STR_INIT("\xed\xa0\x80"),
		STR_INIT("\xf0\x8f\xbf\xbf"), STR_INIT("\xf4\x90\x80\x80"),
		STR_INIT("\xf5\x80\x80\x80"), STR_INIT("\xff"), STR_INIT("12345678\xc3("),
		STR_INIT("a\xe2\x28\xa1")};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		test_context("case %zu", i);
		EXPECT(!str_is_utf8(bad[i]));
	}
}

TEST(str_dup_ends_in_nul)
{
	_cleanup_(mem_done) char *copy = str_dup(str_make("abcdef", 3));
	EXPECT_TEXT(copy, "abc");
	_cleanup_(mem_done) char *empty = str_dup(none);
	EXPECT_TEXT(empty, "");
}
