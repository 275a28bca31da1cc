#include "net/http1_body.h"

#include <kube/mem.h>
#include <test.h>

/* Feeds the text in pieces of at most `step` bytes (0: at once), reads at most max at a time. */
static int read_all(struct http1_body *b, struct str in, size_t step, size_t max, struct buf *out,
	size_t *used_all)
{
	size_t at = 0, end = 0;
	while (!b->ended) {
		end = MIN(in.len, step ? end + step : in.len);
		for (;;) {
			size_t used = 0;
			struct err err = {0};
			ssize_t got = http1_body_read(
				b, str_make(in.at + at, end - at), &used, out, max, &err);
			err_done(&err);
			at += used;
			if (got < 0)
				return (int)got;
			EXPECT((size_t)got <= max);
			if (used == 0 || b->ended)
				break;
		}
		if (end == in.len)
			break;
	}
	*used_all = at;
	return 0;
}

static int decode(const char *text, size_t step, size_t max, struct buf *out, size_t *used,
	bool *ended, struct buf *trailer)
{
	struct http1_body b;
	http1_body_init(&b, HTTP1_BODY_CHUNKED, 0);
	buf_clear(out);
	int code = read_all(&b, str_from(text), step, max, out, used);
	*ended = b.ended;
	buf_clear(trailer);
	buf_add_str(trailer, buf_str(&b.trailer));
	http1_body_done(&b);
	return code;
}

TEST(chunks_are_decoded_at_every_split)
{
	static const struct {
		const char *text, *body, *trailer;
		size_t used;
	} cases[] = {
		{"0\r\n\r\nNEXT", "", "", 5},
		{"5\r\nhello\r\n0\r\n\r\n", "hello", "", 15},
		{"5;a=b;c=\"d\"\r\nhello\r\n6 \r\n world\r\n0000\r\n\r\n", "hello world", "", 40},
		{"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\nGET /", "01234567890123456789", "",
			35},
		{"1\r\nx\r\n0\r\nSum: 1\r\nB: 2\r\n\r\nmore", "x", "Sum: 1\r\nB: 2\r\n\r\n", 25},
	};
	struct buf out = BUF_INIT(KIB), trailer = BUF_INIT(KIB);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t step = 0; step < 50; step++)
			for (size_t max = 1; max < 8; max += 3) {
				test_context("case %zu, %zu bytes a time, max %zu", i, step, max);
				size_t used = 0;
				bool ended = false;
				EXPECT_INT(decode(cases[i].text, step, max, &out, &used, &ended,
						   &trailer),
					0);
				EXPECT(ended);
				EXPECT_STR(buf_str(&out), cases[i].body);
				EXPECT_STR(buf_str(&trailer), cases[i].trailer);
				EXPECT_INT(used, cases[i].used);
			}
	buf_done(&out);
	buf_done(&trailer);
}

TEST(malformed_chunks_are_refused)
{
	static const char *cases[] = {
		"\r\n",
		"x\r\n",
		"-1\r\n",
		"+1\r\n",
		" 1\r\nx\r\n0\r\n\r\n",
		"0x1\r\nx\r\n0\r\n\r\n",
		";a\r\n",
		"1\nx\r\n0\r\n\r\n",
		"1\rx",
		"1\r\rx",
		"1\r\nx\n0\r\n\r\n",
		"1\r\nxy\r\n0\r\n\r\n",
		"1\r\nx\r0\r\n\r\n",
		"1;\n\r\nx",
		"1;a\x01\r\nx",
		"1 2\r\n",
		"ffffffffffffffff\r\n",
		"10000000000000000\r\n",
		"0000000000000001\r\nx",
		"0\r\nX: 1\n\r\n",
		"0\r\n\n",
		"0\r\n\rX",
	};
	struct buf out = BUF_INIT(KIB), trailer = BUF_INIT(KIB);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t step = 0; step < 4; step++) {
			test_context("%zu: %s", i, cases[i]);
			size_t used = 0;
			bool ended = false;
			int code = decode(cases[i], step, 100, &out, &used, &ended, &trailer);
			/* A bare CR in a trailer shows when its line ends. */
			if (i + 1 == ARRAY_LEN(cases))
				EXPECT(!ended);
			else
				EXPECT_INT(code, ERR_PROTOCOL);
		}
	buf_done(&out);
	buf_done(&trailer);
}

TEST(framing_that_outweighs_its_data_is_refused)
{
	/* Each chunk of one byte in a line of 1000: after some of them it is enough. */
	struct buf text = BUF_INIT(MIB), out = BUF_INIT(MIB);
	for (int i = 0; i < 50; i++) {
		buf_add_text(&text, "1;");
		for (int k = 0; k < 1000; k++)
			buf_add_char(&text, 'e');
		buf_add_text(&text, "\r\nx\r\n");
	}
	struct http1_body b;
	http1_body_init(&b, HTTP1_BODY_CHUNKED, 0);
	size_t used;
	EXPECT_INT(read_all(&b, buf_str(&text), 0, MIB, &out, &used), ERR_PROTOCOL);
	EXPECT(b.total < 20);
	http1_body_done(&b);

	/* Small chunks alone are fine: a watch sends nothing else. */
	buf_clear(&text);
	for (int i = 0; i < 5000; i++)
		buf_add_text(&text, "1\r\nx\r\n");
	buf_add_text(&text, "0\r\n\r\n");
	buf_clear(&out);
	http1_body_init(&b, HTTP1_BODY_CHUNKED, 0);
	EXPECT_INT(read_all(&b, buf_str(&text), 0, MIB, &out, &used), 0);
	EXPECT_INT(b.total, 5000);
	EXPECT(b.ended);
	http1_body_done(&b);

	/* A line without end, a trailer without end. */
	buf_clear(&text);
	buf_add_text(&text, "1;");
	for (int k = 0; k < 5000; k++)
		buf_add_char(&text, 'e');
	http1_body_init(&b, HTTP1_BODY_CHUNKED, 0);
	EXPECT_INT(read_all(&b, buf_str(&text), 0, MIB, &out, &used), ERR_PROTOCOL);
	http1_body_done(&b);
	buf_clear(&text);
	buf_add_text(&text, "0\r\n");
	for (int k = 0; k < 5000; k++)
		buf_add_text(&text, "a: b\r\n");
	http1_body_init(&b, HTTP1_BODY_CHUNKED, 0);
	EXPECT_INT(read_all(&b, buf_str(&text), 7, MIB, &out, &used), ERR_PROTOCOL);
	http1_body_done(&b);
	buf_done(&text);
	buf_done(&out);
}

TEST(a_body_of_known_length_ends_where_it_says)
{
	struct buf out = BUF_INIT(KIB);
	struct http1_body b;
	http1_body_init(&b, HTTP1_BODY_LENGTH, 5);
	size_t used = 0;
	EXPECT_INT(http1_body_read(&b, STR("hel"), &used, &out, 100, NULL), 3);
	EXPECT_INT(used, 3);
	EXPECT(!b.ended);
	EXPECT_INT(http1_body_read(&b, STR("loGET"), &used, &out, 1, NULL), 1);
	EXPECT_INT(http1_body_read(&b, STR("oGET"), &used, &out, 100, NULL), 1);
	EXPECT_INT(used, 1);
	EXPECT(b.ended);
	EXPECT_INT(http1_body_read(&b, STR("GET"), &used, &out, 100, NULL), 0);
	EXPECT_INT(used, 0);
	EXPECT_STR(buf_str(&out), "hello");
	http1_body_done(&b);
	http1_body_init(&b, HTTP1_BODY_NONE, 0);
	EXPECT(b.ended);
	http1_body_init(&b, HTTP1_BODY_LENGTH, 0);
	EXPECT(b.ended);
	http1_body_init(&b, HTTP1_BODY_CLOSE, 0);
	EXPECT_INT(http1_body_read(&b, STR("abc"), &used, NULL, 100, NULL), 3);
	EXPECT(!b.ended && http1_body_ends_at_close(&b));
	buf_done(&out);
}
