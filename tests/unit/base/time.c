#include <kube/random.h>
#include <kube/time.h>

#include <test.h>
#include <time.h>

static const char *printed(void (*print)(struct buf *, int64_t), int64_t value)
{
	static char text[64];
	_cleanup_(buf_done) struct buf b = BUF_INIT(sizeof(text) - 1);
	print(&b, value);
	EXPECT(!buf_over(&b));
	return strcpy(text, buf_text(&b));
}

TEST(time_prints_rfc3339)
{
	EXPECT_TEXT(printed(time_print, 0), "1970-01-01T00:00:00Z");
	EXPECT_TEXT(printed(time_print, 1767366245 * SEC), "2026-01-02T15:04:05Z");
	EXPECT_TEXT(printed(time_print, 1767366245 * SEC + 999999999), "2026-01-02T15:04:05Z");
	EXPECT_TEXT(printed(time_print, -1), "1969-12-31T23:59:59Z");
	EXPECT_TEXT(printed(time_print_micro, 1767366245 * SEC + 123456789),
		"2026-01-02T15:04:05.123456Z");
	EXPECT_TEXT(printed(time_print_micro, 0), "1970-01-01T00:00:00.000000Z");
	EXPECT_TEXT(printed(time_print_micro, -1), "1969-12-31T23:59:59.999999Z");
	EXPECT_TEXT(printed(time_print_micro, INT64_MAX), "2262-04-11T23:47:16.854775Z");
	EXPECT_TEXT(printed(time_print_micro, INT64_MIN), "1677-09-21T00:12:43.145224Z");
}

TEST(time_prints_http_dates)
{
	EXPECT_TEXT(printed(time_print_http, 1136214245 * SEC), "Mon, 02 Jan 2006 15:04:05 GMT");
	EXPECT_TEXT(printed(time_print_http, 0), "Thu, 01 Jan 1970 00:00:00 GMT");
	EXPECT_TEXT(printed(time_print_http, -1), "Wed, 31 Dec 1969 23:59:59 GMT");
	EXPECT_TEXT(printed(time_print_http, 784111777 * SEC), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(time_split_agrees_with_the_c_library)
{
	struct rng r;
	rng_init(&r, 1);
	for (int i = 0; i < 20000; i++) {
		int64_t ns = (int64_t)rng_u64(&r);
		time_t seconds = ns / SEC - (ns % SEC < 0);
		struct tm tm;
		gmtime_r(&seconds, &tm);
		struct time_parts p = time_split(ns);
		EXPECT_INT(p.year, tm.tm_year + 1900);
		EXPECT_INT(p.month, tm.tm_mon + 1);
		EXPECT_INT(p.day, tm.tm_mday);
		EXPECT_INT(p.hour, tm.tm_hour);
		EXPECT_INT(p.minute, tm.tm_min);
		EXPECT_INT(p.second, tm.tm_sec);
		EXPECT_INT(p.weekday, tm.tm_wday);
		EXPECT_INT(time_join(&p), ns);
	}
	struct time_parts first = time_split(INT64_MIN), last = time_split(INT64_MAX);
	EXPECT_INT(time_join(&first), INT64_MIN);
	EXPECT_INT(time_join(&last), INT64_MAX);
}

static int64_t parsed(const char *text)
{
	int64_t ns = -7;
	struct err err = {0};
	EXPECT_OK(time_parse(str_from(text), &ns, &err), &err);
	err_done(&err);
	return ns;
}

TEST(time_reads_what_go_reads)
{
	EXPECT_INT(parsed("2026-01-02T15:04:05Z"), 1767366245 * SEC);
	EXPECT_INT(parsed("2026-01-02T15:04:05.5Z"), 1767366245 * SEC + 500 * MSEC);
	EXPECT_INT(parsed("2026-01-02T15:04:05.123456Z"), 1767366245 * SEC + 123456 * USEC);
	EXPECT_INT(parsed("2026-01-02T15:04:05.123456789999Z"), 1767366245 * SEC + 123456789);
	EXPECT_INT(parsed("2026-01-02T15:04:05,25Z"), 1767366245 * SEC + 250 * MSEC);
	EXPECT_INT(parsed("2026-01-02T17:04:05+02:00"), 1767366245 * SEC);
	EXPECT_INT(parsed("2026-01-02T07:34:05.000-07:30"), 1767366245 * SEC);
	EXPECT_INT(parsed("2026-01-02T15:04:05+00:00"), 1767366245 * SEC);
	EXPECT_INT(parsed("2026-01-02T15:04:05-00:00"), 1767366245 * SEC);
	EXPECT_INT(parsed("2026-01-03T15:04:05+24:00"), 1767366245 * SEC);
	EXPECT_INT(parsed("1970-01-01T5:00:00Z"), 5 * HOUR);
	EXPECT_INT(parsed("2024-02-29T00:00:00Z"), 1709164800 * SEC);
	EXPECT_INT(parsed("2000-02-29T00:00:00Z"), 951782400 * SEC);
	EXPECT_INT(parsed("1969-12-31T23:59:59.999999999Z"), -1);
}

TEST(time_outside_of_int64_becomes_the_nearest_end)
{
	EXPECT_INT(parsed("0001-01-01T00:00:00Z"), INT64_MIN);
	EXPECT_INT(parsed("0000-01-01T00:00:00Z"), INT64_MIN);
	EXPECT_INT(parsed("9999-12-31T23:59:59Z"), INT64_MAX);
	EXPECT_INT(parsed("2262-04-11T23:47:16.854775808Z"), INT64_MAX);
	EXPECT_INT(parsed("2262-04-11T23:47:16.854775806Z"), INT64_MAX - 1);
}

TEST(time_parts_hold_every_year)
{
	static const char *const texts[] = {"0000-02-29T00:00:00Z", "0001-01-01T00:00:00Z",
		"1600-02-29T12:00:00Z", "9999-12-31T23:59:59Z"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct time_parts p;
		struct err err = {0};
		_cleanup_(buf_done) struct buf b = BUF_INIT(64);
		EXPECT_OK(time_parse_parts(str_from(texts[i]), &p, &err), &err);
		time_print_parts(&b, &p);
		EXPECT_STR(buf_str(&b), texts[i]);
		err_done(&err);
	}
}

TEST(time_refuses_what_go_refuses_in_its_words)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{"", "parsing time \"\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as "
		     "\"2006\""},
		{"foo", "parsing time \"foo\" as \"2006-01-02T15:04:05Z07:00\": cannot parse "
			"\"foo\" as "
			"\"2006\""},
		{"2026", "parsing time \"2026\" as \"2006-01-02T15:04:05Z07:00\": cannot parse "
			 "\"\" as "
			 "\"-\""},
		{"2026-1-02T15:04:05Z",
			"parsing time \"2026-1-02T15:04:05Z\" as "
			"\"2006-01-02T15:04:05Z07:00\": cannot parse \"1-02T15:04:05Z\" as "
			"\"01\""},
		{"2026-13-02T15:04:05Z",
			"parsing time \"2026-13-02T15:04:05Z\": month out of range"},
		{"2026-00-02T15:04:05Z",
			"parsing time \"2026-00-02T15:04:05Z\": month out of range"},
		{"2026-01-00T15:04:05Z", "parsing time \"2026-01-00T15:04:05Z\": day out of range"},
		{"2026-02-29T15:04:05Z", "parsing time \"2026-02-29T15:04:05Z\": day out of range"},
		{"1900-02-29T15:04:05Z", "parsing time \"1900-02-29T15:04:05Z\": day out of range"},
		{"2026-04-31T15:04:05Z", "parsing time \"2026-04-31T15:04:05Z\": day out of range"},
		{"2026-01-02T24:00:00Z",
			"parsing time \"2026-01-02T24:00:00Z\": hour out of range"},
		{"2026-01-02T15:60:00Z",
			"parsing time \"2026-01-02T15:60:00Z\": minute out of range"},
		{"2016-12-31T23:59:60Z",
			"parsing time \"2016-12-31T23:59:60Z\": second out of range"},
		{"2026-01-02t15:04:05Z",
			"parsing time \"2026-01-02t15:04:05Z\" as "
			"\"2006-01-02T15:04:05Z07:00\": cannot parse \"t15:04:05Z\" as "
			"\"T\""},
		{"2026-01-02 15:04:05Z",
			"parsing time \"2026-01-02 15:04:05Z\" as "
			"\"2006-01-02T15:04:05Z07:00\": cannot parse \" 15:04:05Z\" as "
			"\"T\""},
		{"2026-01-02T15:04:05z",
			"parsing time \"2026-01-02T15:04:05z\" as "
			"\"2006-01-02T15:04:05Z07:00\": cannot parse \"z\" as \"Z07:00\""},
		{"2026-01-02T15:04:05",
			"parsing time \"2026-01-02T15:04:05\" as "
			"\"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"Z07:00\""},
		{"2026-01-02T15:04:05.Z", "parsing time \"2026-01-02T15:04:05.Z\" as "
					  "\"2006-01-02T15:04:05Z07:00\": cannot parse \".Z\" as "
					  "\"Z07:00\""},
		{"2026-01-02T15:04:05+0200",
			"parsing time \"2026-01-02T15:04:05+0200\" as "
			"\"2006-01-02T15:04:05Z07:00\": cannot parse \"+0200\" as "
			"\"Z07:00\""},
		{"1970-01-01T00:00:00+0x:00", "parsing time \"1970-01-01T00:00:00+0x:00\" as "
					      "\"2006-01-02T15:04:05Z07:00\": "
					      "cannot parse \"+0x:00\" as \"Z07:00\""},
		{"1970-01-01T00:00:00*01:00", "parsing time \"1970-01-01T00:00:00*01:00\" as "
					      "\"2006-01-02T15:04:05Z07:00\": "
					      "cannot parse \"*01:00\" as \"Z07:00\""},
		{"2026-01-02T15:04:05+25:00", "parsing time \"2026-01-02T15:04:05+25:00\": time "
					      "zone offset hour out of range"},
		{"2026-01-02T15:04:05+02:61",
			"parsing time \"2026-01-02T15:04:05+02:61\": time zone "
			"offset minute out of range"},
		{"2026-01-02T15:04:05Zx",
			"parsing time \"2026-01-02T15:04:05Zx\": extra text: \"x\""},
		{"2026-01-02T15:04:05+02:00Z",
			"parsing time \"2026-01-02T15:04:05+02:00Z\": extra text: \"Z\""},
		{"\xff\n\"",
			"parsing time \"\\xff\\x0a\\\"\" as \"2006-01-02T15:04:05Z07:00\": cannot "
			"parse \"\\xff\\x0a\\\"\" as \"2006\""},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ns = 42;
		struct err err = {0};
		test_context("%s", rows[i].text);
		EXPECT_INT(time_parse(str_from(rows[i].text), &ns, &err), ERR_SYNTAX);
		EXPECT_TEXT(err_text(&err), rows[i].said);
		EXPECT_INT(ns, 42);
		err_done(&err);
	}
}

TEST(time_refuses_every_truncation)
{
	static const char whole[] = "2026-01-02T15:04:05.123+02:00";
	int64_t ns;
	for (size_t len = 0; len < sizeof(whole) - 1; len++)
		EXPECT_INT(time_parse(str_make(whole, len), &ns, NULL), ERR_SYNTAX);
	EXPECT_INT(time_parse((struct str){0}, &ns, NULL), ERR_SYNTAX);
	char huge[5000];
	memset(huge, 'x', sizeof(huge));
	struct err err = {0};
	EXPECT_INT(time_parse(str_make(huge, sizeof(huge)), &ns, &err), ERR_SYNTAX);
	EXPECT(strlen(err_text(&err)) <= 1024);
	err_done(&err);
}

TEST(time_reads_back_what_it_prints)
{
	struct rng r;
	rng_init(&r, 2);
	for (int i = 0; i < 2000; i++) {
		int64_t ns = (int64_t)rng_u64(&r), micro = ns - ns % USEC;
		if (ns % USEC < 0)
			micro -= USEC;
		EXPECT_INT(parsed(printed(time_print_micro, ns)), micro);
	}
}

TEST(clocks_run)
{
	EXPECT(clock_wall() > 1700000000 * SEC);
	int64_t before = clock_mono();
	EXPECT(clock_mono() >= before);
}
