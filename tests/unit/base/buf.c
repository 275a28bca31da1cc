#include <kube/arena.h>
#include <kube/block.h>
#include <kube/buf.h>
#include <kube/mem.h>

#include <stdio.h>
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
	_cleanup_(buf_done) struct buf b = BUF_INIT(10);
	buf_add_text(&b, "abc");
	size_t len;
	_cleanup_(mem_done) char *taken = buf_take(&b, &len);
	EXPECT_TEXT(taken, "abc");
	EXPECT_INT(len, 3);
	buf_add_text(&b, "defghijklm");
	EXPECT_STR(buf_str(&b), "defghijklm");
}

TEST(arena_pieces_are_aligned_apart_and_keep_their_bytes)
{
	struct arena a;
	arena_init(&a);
	unsigned char *piece[600];
	size_t total = 0;
	for (size_t i = 0; i < ARRAY_LEN(piece); i++) {
		size_t size = (i * 37) % 700;
		piece[i] = i % 50 == 49 ? arena_new(&a, size += 70000) : arena_alloc(&a, size);
		EXPECT_INT((uintptr_t)piece[i] % 16, 0);
		memset(piece[i], (int)i, size);
		total += size;
	}
	EXPECT_INT(a.size, total);
	for (size_t i = 0; i < ARRAY_LEN(piece); i++)
		for (size_t k = 0, size = (i * 37) % 700 + (i % 50 == 49 ? 70000 : 0); k < size;
			k++)
			if (piece[i][k] != (unsigned char)i)
				EXPECT(piece[i][k] == (unsigned char)i);
	arena_reset(&a);
	EXPECT_INT(a.size, 0);
	struct arena_chunk *kept = a.chunks;
	EXPECT(arena_alloc(&a, 60000));
	EXPECT(a.chunks == kept);
	arena_done(&a);
	EXPECT(!a.chunks);
	arena_reset(&a);
	EXPECT_STR(arena_print(&a, "%s-%d", "x", 5), "x-5");
	arena_done(&a);
}

TEST(arena_copies_text_with_a_nul)
{
	_cleanup_(arena_done) struct arena a = {0};
	struct str s = arena_str(&a, STR("abc"));
	EXPECT_STR(s, "abc");
	EXPECT_TEXT(s.at, "abc");
	EXPECT_TEXT(arena_str(&a, (struct str){0}).at, "");
	EXPECT_TEXT(arena_text(&a, "text"), "text");
	EXPECT(memcmp(arena_copy(&a, "12", 2), "12", 2) == 0);
	const char *zeroed = arena_new(&a, 3);
	EXPECT(zeroed[0] == 0 && zeroed[2] == 0);
	struct str wide = arena_print(&a, "%5000d", 1);
	EXPECT_INT(wide.len, 5000);
	EXPECT_INT(strlen(wide.at), 5000);
}

TEST(block_lives_until_its_last_reference)
{
	struct block *b = block_from(STR("bytes"));
	EXPECT_INT(b->refs, 1);
	EXPECT(block_ref(b) == b);
	block_unref(b);
	EXPECT_STR(block_str(b), "bytes");
	block_unref(b);
	block_unref(NULL);
	EXPECT_INT(block_str(NULL).len, 0);
	b = block_new(0);
	EXPECT_INT(block_str(b).len, 0);
	block_unref(b);
}

TEST(mem_copies_prints_and_frees)
{
	_cleanup_(mem_done) char *copy = mem_copy_text("abc");
	EXPECT_TEXT(copy, "abc");
	_cleanup_(mem_done) char *printed = mem_print("%d %s", 1, "b");
	EXPECT_TEXT(printed, "1 b");
	char *zeroed = mem_new(8);
	EXPECT_INT(zeroed[0] | zeroed[7], 0);
	zeroed = mem_resize(zeroed, 16);
	mem_free_secret(zeroed, 16);
	mem_free_secret(NULL, 16);
	mem_free(mem_alloc(0));
	mem_free(mem_copy(NULL, 0));
	mem_free(mem_resize(mem_alloc(5), 0));
	mem_free(NULL);
	char *taken = mem_copy_text("x"), *mine = TAKE(taken);
	EXPECT(!taken);
	mem_free(mine);
}
