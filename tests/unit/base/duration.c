#include <kube/random.h>
#include <kube/time.h>

#include <test.h>

static const char *printed(void (*print)(struct buf *, int64_t), int64_t value)
{
	static char text[64];
	_cleanup_(buf_done) struct buf b = BUF_INIT(sizeof(text) - 1);
	print(&b, value);
	EXPECT(!buf_over(&b));
	return strcpy(text, buf_text(&b));
}

TEST(durations_print_as_go_prints_them)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{0, "0s"},
		{1, "1ns"},
		{999, "999ns"},
		{1100, "1.1\xc2\xb5s"},
		{100 * USEC, "100\xc2\xb5s"},
		{2200 * USEC, "2.2ms"},
		{1500 * USEC, "1.5ms"},
		{999999999, "999.999999ms"},
		{SEC, "1s"},
		{3300 * MSEC, "3.3s"},
		{MINUTE, "1m0s"},
		{4 * MINUTE + 5 * SEC, "4m5s"},
		{4 * MINUTE + 5001 * MSEC, "4m5.001s"},
		{HOUR, "1h0m0s"},
		{HOUR + 500 * MSEC, "1h0m0.5s"},
		{5 * HOUR + 6 * MINUTE + 7001 * MSEC, "5h6m7.001s"},
		{8 * MINUTE + 1, "8m0.000000001s"},
		{-1, "-1ns"},
		{-90 * MINUTE, "-1h30m0s"},
		{INT64_MAX, "2562047h47m16.854775807s"},
		{INT64_MIN, "-2562047h47m16.854775808s"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		EXPECT_TEXT(printed(duration_print, rows[i].ns), rows[i].text);
}

TEST(durations_read_as_go_reads_them)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = {
		{"0", 0},
		{"+0", 0},
		{"-0", 0},
		{"5s", 5 * SEC},
		{"30s", 30 * SEC},
		{"1478s", 1478 * SEC},
		{"-5s", -5 * SEC},
		{"+5s", 5 * SEC},
		{"5.0s", 5 * SEC},
		{"5.6s", 5600 * MSEC},
		{"5.s", 5 * SEC},
		{".5s", 500 * MSEC},
		{"1.0s", SEC},
		{"1.004s", 1004 * MSEC},
		{"1.0040s", 1004 * MSEC},
		{"100.00100s", 100 * SEC + MSEC},
		{"10ns", 10},
		{"11us", 11 * USEC},
		{"12\xc2\xb5s", 12 * USEC},
		{"12\xce\xbcs", 12 * USEC},
		{"13ms", 13 * MSEC},
		{"15m", 15 * MINUTE},
		{"16h", 16 * HOUR},
		{"3h30m", 3 * HOUR + 30 * MINUTE},
		{"10.5s4m", 4 * MINUTE + 10500 * MSEC},
		{"-2m3.4s", -(2 * MINUTE + 3400 * MSEC)},
		{"1h2m3s4ms5us6ns", HOUR + 2 * MINUTE + 3 * SEC + 4 * MSEC + 5 * USEC + 6},
		{"39h9m14.425s", 39 * HOUR + 9 * MINUTE + 14425 * MSEC},
		{"52763797000ns", 52763797000},
		{"0.3333333333333333333h", 20 * MINUTE},
		{"9007199254740993ns", 9007199254740993},
		{"9223372036854775807ns", INT64_MAX},
		{"9223372036854775.807us", INT64_MAX},
		{"9223372036s854ms775us807ns", INT64_MAX},
		{"-9223372036854775808ns", INT64_MIN},
		{"-9223372036854775.808us", INT64_MIN},
		{"-9223372036s854ms775us808ns", INT64_MIN},
		{"-2562047h47m16.854775808s", INT64_MIN},
		{"0.100000000000000000000h", 6 * MINUTE},
		{"0.830103483285477580700h", 49 * MINUTE + 48 * SEC + 372539827},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ns = 42;
		struct err err = {0};
		test_context("%s", rows[i].text);
		EXPECT_OK(duration_parse(str_from(rows[i].text), &ns, &err), &err);
		EXPECT_INT(ns, rows[i].ns);
		err_done(&err);
	}
}

TEST(durations_are_refused_in_the_words_of_go)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{"", "time: invalid duration \"\""},
		{"3", "time: missing unit in duration \"3\""},
		{"3.5", "time: missing unit in duration \"3.5\""},
		{"1h3", "time: missing unit in duration \"1h3\""},
		{"abc", "time: invalid duration \"abc\""},
		{"-", "time: invalid duration \"-\""},
		{"s", "time: invalid duration \"s\""},
		{".", "time: invalid duration \".\""},
		{"-.", "time: invalid duration \"-.\""},
		{".s", "time: invalid duration \".s\""},
		{"+.s", "time: invalid duration \"+.s\""},
		{"--1s", "time: invalid duration \"--1s\""},
		{" 1s", "time: invalid duration \" 1s\""},
		{"1s ", "time: unknown unit \"s \" in duration \"1s \""},
		{"1d", "time: unknown unit \"d\" in duration \"1d\""},
		{"3x", "time: unknown unit \"x\" in duration \"3x\""},
		{"1s-1s", "time: unknown unit \"s-\" in duration \"1s-1s\""},
		{"3\xc3\xbc\"",
			"time: unknown unit \"\\xc3\\xbc\\\"\" in duration \"3\\xc3\\xbc\\\"\""},
		{"3000000h", "time: invalid duration \"3000000h\""},
		{"9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""},
		{"9223372036854775.808us", "time: invalid duration \"9223372036854775.808us\""},
		{"-9223372036854775809ns", "time: invalid duration \"-9223372036854775809ns\""},
		{"9223372036854ms775us808ns",
			"time: invalid duration \"9223372036854ms775us808ns\""},
		{"99999999999999999999s", "time: invalid duration \"99999999999999999999s\""},
		{"-9223372036854775808ns9223372036854775808ns",
			"time: invalid duration \"-9223372036854775808ns9223372036854775808ns\""},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ns = 42;
		struct err err = {0};
		test_context("%s", rows[i].text);
		EXPECT_INT(duration_parse(str_from(rows[i].text), &ns, &err), ERR_SYNTAX);
		EXPECT_TEXT(err_text(&err), rows[i].said);
		EXPECT_INT(ns, 42);
		err_done(&err);
	}
	char huge[5000];
	memset(huge, 0xff, sizeof(huge));
	struct err err = {0};
	int64_t ns;
	EXPECT_INT(duration_parse(str_make(huge, sizeof(huge)), &ns, &err), ERR_SYNTAX);
	huge[0] = '1';
	EXPECT_INT(duration_parse(str_make(huge, sizeof(huge)), &ns, &err), ERR_SYNTAX);
	EXPECT_INT(duration_parse((struct str){0}, &ns, NULL), ERR_SYNTAX);
	err_done(&err);
}

TEST(durations_read_back_what_they_print)
{
	struct rng r;
	rng_init(&r, 4);
	for (int i = 0; i < 5000; i++) {
		int64_t ns = (int64_t)(rng_u64(&r) >> rng_below(&r, 64)), back = 0;
		ns = rng_below(&r, 2) ? ns : -(ns == INT64_MIN ? 0 : ns);
		EXPECT_INT(duration_parse(str_from(printed(duration_print, ns)), &back, NULL), 0);
		EXPECT_INT(back, ns);
	}
}

TEST(ages_print_as_kubectl_prints_them)
{
	enum { DAY = 24 * 60 * 60 };
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
		{0, "0s"},
		{1, "1s"},
		{119, "119s"},
		{120, "2m"},
		{121, "2m1s"},
		{599, "9m59s"},
		{600, "10m"},
		{601, "10m"},
		{179 * 60 + 59, "179m"},
		{3 * 3600, "3h"},
		{3 * 3600 + 60, "3h1m"},
		{8 * 3600 - 1, "7h59m"},
		{8 * 3600, "8h"},
		{48 * 3600 - 1, "47h"},
		{2 * DAY, "2d"},
		{2 * DAY + 3600, "2d1h"},
		{8 * DAY - 1, "7d23h"},
		{8 * DAY, "8d"},
		{8 * DAY + 3600, "8d"},
		{2 * 365 * DAY - 1, "729d"},
		{2 * 365 * DAY, "2y"},
		{2 * 365 * DAY + DAY, "2y1d"},
		{(int64_t)8 * 365 * DAY - 1, "7y364d"},
		{(int64_t)8 * 365 * DAY, "8y"},
		{(int64_t)9 * 365 * DAY + DAY, "9y"},
		{-1, "0s"},
		{-2, "<invalid>"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		EXPECT_TEXT(printed(duration_print_human, rows[i].seconds * SEC), rows[i].text);
	EXPECT_TEXT(printed(duration_print_human, -1999 * MSEC), "0s");
	EXPECT_TEXT(printed(duration_print_human, -1), "0s");
	EXPECT_TEXT(printed(duration_print_human, INT64_MAX), "292y");
	EXPECT_TEXT(printed(duration_print_human, INT64_MIN), "<invalid>");
}
