#include "test.h"

#include <kube/gzip.h>
#include <kube/mem.h>

TEST(what_is_packed_unpacks)
{
	for (size_t size = 0; size < 300 * KIB; size = size * 3 + 1) {
		_cleanup_(buf_done) struct buf packed = BUF_INIT(MIB), back = BUF_INIT(MIB);
		_cleanup_(err_done) struct err err = {0};
		char *text = mem_alloc(size + 1);
		for (size_t i = 0; i < size; i++)
			text[i] = (char)(i * i >> 7);
		test_context("size %zu", size);
		EXPECT_OK(gzip_encode(str_make(text, size), 1, &packed, &err), &err);
		EXPECT_OK(gzip_decode(buf_str(&packed), &back, &err), &err);
		EXPECT(str_eq(buf_str(&back), str_make(text, size)));
		mem_free(text);
	}
}

TEST(without_a_frame_what_is_packed_unpacks_too)
{
	_cleanup_(buf_done) struct buf packed = BUF_INIT(MIB), back = BUF_INIT(MIB);
	_cleanup_(err_done) struct err err = {0};
	struct str text = STR("hello, hello, hello, hello");

	EXPECT_OK(deflate_encode(text, 9, &packed, &err), &err);
	EXPECT(packed.len < text.len);
	EXPECT_INT(gzip_decode(buf_str(&packed), &back, NULL), ERR_SYNTAX);
	buf_clear(&back);
	buf_add_text(&packed, "what follows is not ours");
	EXPECT_OK(deflate_decode(buf_str(&packed), &back, &err), &err);
	EXPECT(str_eq(buf_str(&back), text));
	EXPECT_INT(deflate_decode(STR("\x05"), &back, NULL), ERR_SYNTAX);
}

TEST(bombs_stop_at_the_ceiling)
{
	_cleanup_(buf_done) struct buf packed = BUF_INIT(MIB), back = BUF_INIT(1000),
				       exact = BUF_INIT(100000);
	char *zeros = mem_new(100000);

	EXPECT_INT(gzip_encode(str_make(zeros, 100000), 9, &packed, NULL), 0);
	EXPECT_INT(gzip_decode(buf_str(&packed), &back, NULL), ERR_TOO_LARGE);
	EXPECT(back.len <= 1000);
	EXPECT_INT(gzip_decode(buf_str(&packed), &exact, NULL), 0);
	EXPECT_INT(exact.len, 100000);
	mem_free(zeros);
}

TEST(a_packed_text_may_not_outgrow_its_ceiling)
{
	_cleanup_(buf_done) struct buf packed = BUF_INIT(10);

	EXPECT_INT(gzip_encode(STR("hello, hello, hello"), 1, &packed, NULL), ERR_TOO_LARGE);
}

TEST(every_truncation_and_bit_flip_is_survived)
{
	_cleanup_(buf_done) struct buf packed = BUF_INIT(MIB);

	EXPECT_INT(
		gzip_encode(STR("some text, some text, and some more of it"), 6, &packed, NULL), 0);
	for (size_t cut = 0; cut < packed.len; cut++) {
		_cleanup_(buf_done) struct buf back = BUF_INIT(4096);
		test_context("cut %zu", cut);
		EXPECT(gzip_decode(str_make(packed.at, cut), &back, NULL) != 0);
	}
	for (size_t bit = 0; bit < packed.len * 8; bit++) {
		_cleanup_(buf_done) struct buf back = BUF_INIT(4096);
		packed.at[bit / 8] ^= (char)(1 << bit % 8);
		gzip_decode(buf_str(&packed), &back, NULL);
		packed.at[bit / 8] ^= (char)(1 << bit % 8);
	}
}

TEST(a_flushed_piece_is_readable_at_once)
{
	_cleanup_(buf_done) struct buf wire = BUF_INIT(MIB), back = BUF_INIT(MIB);
	struct gzip *out = gzip_new_encoder(1), *in = gzip_new_decoder();

	for (int i = 0; i < 5; i++) {
		buf_clear(&wire);
		buf_clear(&back);
		EXPECT_INT(gzip_add(out, STR("event\n"), true, &wire, NULL), 0);
		for (size_t k = 0; k < wire.len; k++)
			EXPECT_INT(gzip_add(in, str_make(wire.at + k, 1), false, &back, NULL), 0);
		EXPECT_STR(buf_str(&back), "event\n");
	}
	buf_clear(&wire);
	EXPECT_INT(gzip_end(in, &back, NULL), ERR_SYNTAX);
	EXPECT_INT(gzip_end(out, &wire, NULL), 0);
	EXPECT_INT(gzip_add(in, buf_str(&wire), false, &back, NULL), 0);
	EXPECT_INT(gzip_end(in, &back, NULL), 0);
	gzip_free(out);
	gzip_free(in);
}

TEST(members_in_a_row_are_one_text)
{
	_cleanup_(buf_done) struct buf packed = BUF_INIT(MIB), back = BUF_INIT(MIB);

	gzip_encode(STR("one "), 1, &packed, NULL);
	gzip_encode(STR("two"), 1, &packed, NULL);
	EXPECT_INT(gzip_decode(buf_str(&packed), &back, NULL), 0);
	EXPECT_STR(buf_str(&back), "one two");
	buf_add_text(&packed, "junk");
	EXPECT(gzip_decode(buf_str(&packed), &back, NULL) != 0);
}
