#include "test.h"

#include <kube/key.h>
#include <kube/mem.h>

/* Reads all blocks; returns how many; labels and contents joined for comparison. */
static int read_all(struct str text, struct buf *seen, struct err *err)
{
	struct pem_block block;
	int count = 0;
	while (pem_next(&text, &block, err)) {
		buf_print(seen, "%.*s=%.*s;", STRF(block.label), STRF(buf_str(&block.der)));
		pem_block_done(&block);
		count++;
	}
	return count;
}

static void expect_blocks(struct str text, const char *wanted)
{
	struct buf seen = BUF_INIT(4096);
	struct err err = {0};
	read_all(text, &seen, &err);
	EXPECT_INT(err.code, 0);
	EXPECT_STR(buf_str(&seen), wanted);
	buf_done(&seen);
	err_done(&err);
}

TEST(blocks_are_read_and_what_stands_around_them_is_ignored)
{
	expect_blocks(STR("subject=CN = x\n"
			  "-----BEGIN A-----\naGVsbG8=\n-----END A-----\n"
			  "some words ----- and dashes\n"
			  "-----BEGIN B C-----\r\naGVs\r\nbG8h\r\n-----END B C-----  \r\n"
			  "tail"),
		"A=hello;B C=hello!;");
}

TEST(a_text_without_blocks_has_none)
{
	expect_blocks(STR(""), "");
	expect_blocks(STR("nothing here\n-----END A-----\n"), "");
	expect_blocks(STR(" -----BEGIN A-----\naGVsbG8=\n-----END A-----\n"), "");
}

TEST(the_last_line_needs_no_end)
{
	expect_blocks(STR("-----BEGIN A-----\naGVsbG8=\n-----END A-----"), "A=hello;");
}

TEST(an_empty_block_is_one)
{
	expect_blocks(STR("-----BEGIN A-----\n-----END A-----\n"), "A=;");
}

TEST(malformed_blocks_are_errors)
{
	static const struct {
		const char *text, *said;
		int code;
	} cases[] = {
		{"-----BEGIN A-----\naGVsbG8=\n", "has no end", ERR_SYNTAX},
		{"-----BEGIN A-----\n", "has no end", ERR_SYNTAX},
		{"-----BEGIN A-----\naGVsbG8=\n-----END B-----\n", "ends as \"B\"", ERR_SYNTAX},
		{"-----BEGIN A-----\n-----BEGIN A-----\n-----END A-----\n", "has no end",
			ERR_SYNTAX},
		{"-----BEGIN A-----\naGVs!G8=\n-----END A-----\n", "PEM block \"A\"", 0},
		{"-----BEGIN A-----\naGVsbG8\n-----END A-----\n", "PEM block \"A\"", 0},
		{"-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\naGVs\n-----END A-----\n",
			"has headers", ERR_UNSUPPORTED},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf seen = BUF_INIT(4096);
		struct err err = {0};
		test_context("case %zu", i);
		EXPECT_INT(read_all(str_from(cases[i].text), &seen, &err), 0);
		EXPECT(err.code != 0);
		EXPECT(strstr(err_text(&err), cases[i].said) != NULL);
		if (cases[i].code)
			EXPECT_INT(err.code, cases[i].code);
		buf_done(&seen);
		err_done(&err);
	}
}

TEST(a_giant_block_is_refused)
{
	struct buf text = BUF_INIT(4 * MIB), seen = BUF_INIT(4096);
	struct err err = {0};
	buf_add_text(&text, "-----BEGIN A-----\n");
	for (size_t i = 0; i < 2 * MIB / 64; i++)
		buf_add_text(&text,
			"aGVsbG8haGVsbG8haGVsbG8haGVsbG8haGVsbG8haGVsbG8haGVsbG8haGVsbG8h\n");
	buf_add_text(&text, "-----END A-----\n");
	EXPECT_INT(read_all(buf_str(&text), &seen, &err), 0);
	EXPECT_INT(err.code, ERR_TOO_LARGE);
	buf_done(&text);
	buf_done(&seen);
	err_done(&err);
}

/* What a block costs depends on the block, not on what follows it. */
TEST(a_heap_of_empty_blocks_is_read)
{
	struct buf text = BUF_INIT(8 * MIB);
	for (int i = 0; i < 100000; i++)
		buf_add_text(&text, "-----BEGIN A-----\n-----END A-----\n");
	struct str rest = buf_str(&text);
	struct pem_block block;
	int count = 0;
	for (; pem_next(&rest, &block, NULL); count++)
		pem_block_done(&block);
	EXPECT_INT(count, 100000);
	buf_done(&text);
}

TEST(printed_blocks_have_lines_of_64_and_come_back)
{
	for (size_t len = 0; len < 200; len++) {
		char bytes[200];
		memset(bytes, 'k', sizeof(bytes));
		struct buf text = BUF_INIT(4096);
		struct pem_block block;
		struct err err = {0};
		pem_print(&text, STR("THING"), str_make(bytes, len));
		struct str rest = buf_str(&text), line, lines = rest;
		while (str_next(&lines, '\n', &line))
			EXPECT(line.len <= 64);
		EXPECT(pem_next(&rest, &block, &err));
		EXPECT(str_eq(buf_str(&block.der), str_make(bytes, len)));
		EXPECT_STR(block.label, "THING");
		pem_block_done(&block);
		buf_done(&text);
	}
}
