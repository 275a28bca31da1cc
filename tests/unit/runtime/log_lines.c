#include "runtime/log_lines.h"
#include "test.h"

#include <kube/mem.h>

#define STAMP "1970-01-01T00:00:01.000000002Z"
#define WALL  1000000002

TEST(lines_get_their_time_stream_and_mark)
{
	struct log_lines l;
	struct buf out = BUF_INIT(MIB);

	log_lines_init(&l, "stdout");
	log_lines_add(&l, STR("one\ntw"), WALL, &out);
	EXPECT_STR(buf_str(&out), STAMP " stdout F one\n");
	log_lines_add(&l, STR("o\n\n"), WALL, &out);
	log_lines_add(&l, STR("rest"), WALL, &out);
	log_lines_end(&l, WALL, &out);
	EXPECT_STR(buf_str(&out), STAMP " stdout F one\n" STAMP " stdout F two\n" STAMP
					" stdout F \n" STAMP " stdout P rest\n");
	log_lines_end(&l, WALL, &out);
	log_lines_done(&l);
	buf_done(&out);
}

static size_t count(struct str text, const char *what)
{
	size_t n = 0;

	for (ssize_t at; (at = str_find(text, str_from(what))) >= 0; n++)
		text = str_skip(text, (size_t)at + 1);
	return n;
}

TEST(long_lines_are_written_in_pieces)
{
	struct log_lines l;
	struct buf out = BUF_INIT(4 * MIB);
	char *line = mem_alloc(40 * KIB + 1);

	memset(line, 'x', 40 * KIB);
	line[40 * KIB] = '\n';
	log_lines_init(&l, "stderr");
	/* However it arrives: two whole pieces and the rest. */
	for (size_t step = 1; step < 50000; step = step * 7 + 1) {
		buf_clear(&out);
		for (size_t at = 0; at <= 40 * KIB; at += step)
			log_lines_add(
				&l, str_make(line + at, MIN(step, 40 * KIB + 1 - at)), WALL, &out);
		EXPECT_INT(count(buf_str(&out), " P x"), 2);
		EXPECT_INT(count(buf_str(&out), " F x"), 1);
		EXPECT_INT(count(buf_str(&out), "x"), 40 * KIB);
		EXPECT_INT(l.rest.len, 0);
	}
	/* A line of just a piece's length is whole. */
	buf_clear(&out);
	log_lines_add(&l, str_make(line, LOG_LINE_MAX), WALL, &out);
	EXPECT_INT(out.len, 0);
	log_lines_add(&l, STR("\n"), WALL, &out);
	EXPECT_INT(count(buf_str(&out), " F x"), 1);
	log_lines_done(&l);
	mem_free(line);
	buf_done(&out);
}
