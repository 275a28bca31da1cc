#include "test.h"

#include <kube/mem.h>
#include <kubelet/server/log_text.h>

static const char file[] = "2026-01-02T15:04:05.000000001Z stdout F one\n"
			   "2026-01-02T15:04:05.000000002Z stderr F two\n"
			   "2026-01-02T15:04:06Z stdout P thr\n"
			   "2026-01-02T15:04:06.5Z stdout F ee\n"
			   "nonsense\n"
			   "2026-01-02T15:04:07Z stdout F \n"
			   "2026-01-02T15:04:08Z stdout F:X four words are here\n";

static void expect(struct log_wish wish, size_t piece, const char *wanted)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	struct log_text text;

	log_text_start(&text, &wish);
	for (size_t at = 0; at < sizeof(file) - 1; at += piece)
		EXPECT_INT(
			log_text_take(&text, str_sub(str_from(file), at, at + piece), &out, NULL),
			0);
	EXPECT_STR(buf_str(&out), wanted);
	log_text_stop(&text);
}

TEST(lines_are_shown_as_they_were_said_wherever_they_are_cut)
{
	for (size_t piece = 1; piece < sizeof(file); piece += 7)
		expect((struct log_wish){.limit = LOG_NO_LIMIT}, piece,
			"one\ntwo\nthree\n\nfour words are here\n");
}

TEST(each_line_has_one_time)
{
	expect((struct log_wish){.limit = LOG_NO_LIMIT, .timestamps = true}, 1000,
		"2026-01-02T15:04:05.000000001Z one\n2026-01-02T15:04:05.000000002Z two\n"
		"2026-01-02T15:04:06Z three\n2026-01-02T15:04:07Z \n"
		"2026-01-02T15:04:08Z four words are here\n");
}

TEST(wishes_narrow_what_is_shown)
{
	int64_t second = 1000000000, at = 1767366246LL * second;

	expect((struct log_wish){.limit = LOG_NO_LIMIT, .since = at}, 1000,
		"three\n\nfour words are here\n");
	expect((struct log_wish){.limit = LOG_NO_LIMIT, .stream = STR("stderr")}, 1000, "two\n");
	expect((struct log_wish){.limit = 6}, 1000, "one\ntw");
	expect((struct log_wish){.limit = 4}, 3, "one\n");
	expect((struct log_wish){.limit = 35, .timestamps = true}, 1000,
		"2026-01-02T15:04:05.000000001Z one\n");
}

TEST(a_line_without_end_is_no_line)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	char *long_text = mem_new(LOG_FILE_LINE_MAX + 1);
	struct log_wish wish = {.limit = LOG_NO_LIMIT};
	struct log_text text;

	log_text_start(&text, &wish);
	EXPECT_INT(log_text_take(&text, str_make(long_text, LOG_FILE_LINE_MAX + 1), &out, NULL),
		ERR_LIMIT);
	log_text_stop(&text);
	mem_free(long_text);
}

TEST(the_tail_is_counted_from_the_end)
{
	static const struct {
		const char *piece;
		bool last;
		int64_t count, at, left;
	} cases[] = {
		{"a\nb\nc\n", true, 1, 4, 0},
		{"a\nb\nc\n", true, 2, 2, 0},
		{"a\nb\nc\n", true, 3, 0, 1}, /* what stands before it decides */
		{"a\nb\nc", true, 1, 4, 0},
		{"a\nb\n", false, 1, 4, 0},
		{"a\nb\n", false, 2, 2, 0},
		{"", true, 2, 0, 2},
		{"\n", true, 1, 0, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t count = cases[i].count;

		test_context("case %zu", i);
		EXPECT_INT(log_text_back(str_from(cases[i].piece), cases[i].last, &count),
			cases[i].at);
		EXPECT_INT(count, cases[i].left);
	}
	test_context_end();
}
