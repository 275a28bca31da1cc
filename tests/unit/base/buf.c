#include <kube/buf.h>
#include <kube/mem.h>

#include <test.h>

TEST(buf_collects_what_is_added)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1000);
	buf_add_text(&b, "a");
	buf_add_char(&b, ' ');
	buf_add_u64(&b, UINT64_MAX);
	buf_add_char(&b, ' ');
	buf_add_i64(&b, INT64_MIN);
	buf_print(&b, " %s=%d", "x", 7);
	buf_add_str(&b, (struct str){0});
	EXPECT_STR(buf_str(&b), "a 18446744073709551615 -9223372036854775808 x=7");
	EXPECT_TEXT(buf_text(&b), "a 18446744073709551615 -9223372036854775808 x=7");
	EXPECT(!buf_over(&b));
}

TEST(buf_adds_characters_as_utf8)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(100);
	static const uint32_t runes[] = {
		0x7f, 0x80, 0x7ff, 0x800, 0xfffd, 0xffff, 0x10000, 0x10ffff};
	for (size_t i = 0; i < ARRAY_LEN(runes); i++)
		buf_add_rune(&b, runes[i]);
	EXPECT_STR(buf_str(&b), "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbd\xef\xbf\xbf"
				"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	EXPECT(str_is_utf8(buf_str(&b)));
}

TEST(buf_text_of_an_empty_buffer_is_empty)
{
	struct buf b = BUF_INIT(0);
	EXPECT_TEXT(buf_text(&b), "");
	size_t len = 9;
	char *taken = buf_take(&b, &len);
	EXPECT_TEXT(taken, "");
	EXPECT_INT(len, 0);
	mem_free(taken);
}

TEST(buf_holds_exactly_its_ceiling_and_the_nul_does_not_count)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(5);
	buf_add_text(&b, "12345");
	EXPECT(!buf_over(&b));
	EXPECT_TEXT(buf_text(&b), "12345");
	EXPECT_INT(b.cap, 5);
	buf_add_str(&b, (struct str){0});
	EXPECT(!buf_over(&b));
	buf_add_char(&b, '6');
	EXPECT(buf_over(&b));
	EXPECT_TEXT(buf_text(&b), "12345");
}

TEST(buf_drops_an_addition_over_the_ceiling_whole_and_all_later_ones)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(5);
	buf_add_text(&b, "123");
	buf_add_text(&b, "456");
	EXPECT(buf_over(&b));
	buf_add_char(&b, 'x');
	buf_print(&b, "%d", 1);
	EXPECT(!buf_reserve(&b, 1));
	EXPECT_STR(buf_str(&b), "123");
	buf_clear(&b);
	EXPECT(!buf_over(&b));
	buf_print(&b, "%s", "abcde");
	EXPECT_STR(buf_str(&b), "abcde");
	EXPECT(!buf_over(&b));
}

TEST(buf_print_over_the_ceiling_leaves_the_bytes)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(70);
	buf_add_text(&b, "start ");
	buf_print(&b, "%080d", 1);
	EXPECT(buf_over(&b));
	EXPECT_STR(buf_str(&b), "start ");
	EXPECT_TEXT(buf_text(&b), "start ");
}

TEST(buf_print_fits_at_every_length)
{
	for (int n = 0; n <= 300; n++) {
		test_context("length %d", n);
		_cleanup_(buf_done) struct buf b = BUF_INIT(300);
		buf_print(&b, "%*s", n, "");
		EXPECT_INT(b.len, n);
		buf_print(&b, "%*s", 300 - n, "");
		EXPECT_INT(b.len, 300);
		EXPECT(!buf_over(&b));
		EXPECT_INT(strlen(buf_text(&b)), 300);
	}
}

TEST(buf_grows_in_few_steps_and_never_above_the_ceiling)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 * MIB + 1);
	size_t steps = 0, cap = 0;
	for (size_t i = 0; i < 1 * MIB + 1; i++) {
		buf_add_char(&b, (char)i);
		steps += b.cap != cap;
		cap = b.cap;
		if (b.cap > b.max)
			EXPECT(b.cap <= b.max);
	}
	EXPECT(!buf_over(&b));
	EXPECT(steps < 32);
	for (size_t i = 0; i < b.len; i++)
		if (b.at[i] != (char)i)
			REQUIRE(b.at[i] == (char)i);
}

TEST(buf_reserve_gives_room_that_advance_claims)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(100);
	char *room = buf_reserve(&b, 100);
	REQUIRE(room);
	memcpy(room, "hello", 5);
	EXPECT_INT(b.len, 0);
	buf_advance(&b, 5);
	EXPECT_STR(buf_str(&b), "hello");
	EXPECT(buf_reserve(&b, 0));
	EXPECT(!buf_reserve(&b, 96));
	EXPECT(buf_over(&b));
}

TEST(buf_reserve_survives_absurd_wishes)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(SIZE_MAX);
	buf_add_text(&b, "x");
	EXPECT(!buf_reserve(&b, SIZE_MAX));
	EXPECT(buf_over(&b));
	EXPECT_STR(buf_str(&b), "x");
}

TEST(buf_drops_from_the_front_and_cuts_the_end)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(100);
	buf_drop_front(&b, 0);
	buf_add_text(&b, "0123456789");
	buf_drop_front(&b, 3);
	EXPECT_STR(buf_str(&b), "3456789");
	buf_cut(&b, 2);
	EXPECT_TEXT(buf_text(&b), "34");
	buf_drop_front(&b, 2);
	EXPECT_INT(b.len, 0);
}

TEST(buf_take_hands_over_and_leaves_a_usable_buffer)
{
	_cleanup_(buf_done) struct buf b;
	buf_init(&b, 10);
	buf_add_text(&b, "abc");
	size_t len;
	_cleanup_(mem_done) char *taken = buf_take(&b, &len);
	EXPECT_TEXT(taken, "abc");
	EXPECT_INT(len, 3);
	buf_add_text(&b, "defghijklm");
	EXPECT_STR(buf_str(&b), "defghijklm");
}
