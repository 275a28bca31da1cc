#include "test.h"

#include <kube/buf.h>

#include "runtime/last_words.h"

#define T "2026-01-02T15:04:05.123456789Z "

TEST(pieces_are_put_together_and_both_streams_count)
{
	struct arena a;

	arena_init(&a);
	EXPECT_STR(
		last_words(&a,
			STR(T "stdout F one\n" T "stderr P tw\n" T "stderr F o\n" T "stdout F \n"),
			true),
		"one\ntwo\n\n");
	EXPECT_STR(last_words(&a, STR("ut F half\n" T "stdout F whole\n"), false), "whole\n");
	EXPECT_STR(last_words(&a, STR(""), true), "");
	EXPECT_STR(last_words(&a, STR("junk\n"), true), "");
	arena_done(&a);
}

TEST(eighty_lines_are_enough_and_two_thousand_bytes)
{
	_cleanup_(buf_done) struct buf log = BUF_INIT(MIB);
	struct arena a;

	arena_init(&a);
	for (int i = 0; i < 100; i++)
		buf_print(&log, T "stdout F %02d\n", i);
	struct str words = last_words(&a, buf_str(&log), true);
	EXPECT(str_starts(words, STR("20\n21\n")));
	EXPECT_INT(words.len, 240);
	buf_clear(&log);
	for (int i = 0; i < 30; i++)
		buf_print(&log, T "stdout F %099d\n", i);
	EXPECT_INT(last_words(&a, buf_str(&log), true).len, LAST_WORDS_BYTES);
	arena_done(&a);
}
