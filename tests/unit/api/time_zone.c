/* How far zones are from UTC, by their tables and by the rules behind them. */
#include "test.h"
#include "zone_file.h"

#include <kube/time.h>
#include <kube/zone.h>

static int64_t at(const char *text)
{
	int64_t wall = 0;

	EXPECT_INT(time_parse(str_from(text), &wall, NULL), 0);
	return wall;
}

static int64_t offset_by(const char *rule, const char *when)
{
	_cleanup_(buf_done) struct buf file = BUF_INIT(MIB);
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct zone *zone = NULL;

	arena_init(&a);
	zone_file(&file, 0, NULL, 0, rule);
	return EXPECT_OK(zone_parse(&a, buf_str(&file), &zone, &err), &err)
		       ? zone_offset(zone, at(when))
		       : -1;
}

TEST(rules_say_when_summer_begins_and_ends)
{
	static const struct {
		const char *rule, *when;
		int64_t offset;
	} table[] = {
		{"UTC0", "2026-07-01T00:00:00Z", 0},
		{"<+0545>-5:45", "2026-07-01T00:00:00Z", 20700},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", 3600},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", 7200},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T00:59:59Z", 7200},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z", 3600},
		{"EST5EDT,M3.2.0,M11.1.0", "2026-03-08T06:59:59Z", -18000},
		{"EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", -14400},
		{"EST5EDT,M3.2.0,M11.1.0", "2026-11-01T06:00:00Z", -18000},
		/* The year begins in summer; half an hour is enough; so is one after midnight. */
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-15T00:00:00Z", 39600},
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-15T00:00:00Z", 36000},
		{"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-12-01T00:00:00Z", 39600},
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", -7200},
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600},
		/* Winter may be what is put back. */
		{"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-15T00:00:00Z", 0},
		{"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-15T00:00:00Z", 3600},
		/* Days of the year, with and without those of leap years. */
		{"A0B,J60,J300", "2028-03-01T02:00:00Z", 3600},
		{"A0B,J60,J300", "2028-03-01T01:59:59Z", 0},
		{"A0B,59,299", "2028-02-29T02:00:00Z", 3600},
		{"A0B,59,299", "2028-02-29T01:59:59Z", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		test_context("row %zu", i);
		EXPECT_INT(offset_by(table[i].rule, table[i].when), table[i].offset);
	}
	test_context_end();
}

TEST(tables_hold_until_the_rule_takes_over)
{
	const struct zone_change changes[] = {
		{at("1950-01-01T00:00:00Z") / SEC, 1800}, {at("2000-01-01T00:00:00Z") / SEC, 3600}};
	_cleanup_(buf_done) struct buf file = BUF_INIT(MIB);
	_cleanup_(arena_done) struct arena a;
	struct zone *zone = NULL;

	arena_init(&a);
	zone_file(&file, 1172, changes, 2, "EET-2");
	REQUIRE(zone_parse(&a, buf_str(&file), &zone, NULL) == 0);
	EXPECT_INT(zone_offset(zone, at("1900-01-01T00:00:00Z")), 1172);
	EXPECT_INT(zone_offset(zone, at("1949-12-31T23:59:59Z")), 1172);
	EXPECT_INT(zone_offset(zone, at("1950-01-01T00:00:00Z")), 1800);
	EXPECT_INT(zone_offset(zone, at("1999-12-31T23:59:59Z")), 1800);
	EXPECT_INT(zone_offset(zone, at("2000-01-01T00:00:00Z")), 7200);
	EXPECT_INT(zone_offset(NULL, at("2000-01-01T00:00:00Z")), 0);
	/* Of a file without a rule the last change lasts. */
	buf_clear(&file);
	zone_file(&file, 1172, changes, 2, "");
	REQUIRE(zone_parse(&a, buf_str(&file), &zone, NULL) == 0);
	EXPECT_INT(zone_offset(zone, at("2030-01-01T00:00:00Z")), 3600);
}

TEST(what_is_no_zone_is_refused)
{
	static const char *const rules[] = {"A", "AAA", "AAA25", "AAA1BBB", "AAA1BBB,M3.5.0",
		"AAA1BBB,M13.1.0,M3.5.0", "AAA1BBB,M3.6.0,M10.5.0", "AAA1BBB,J0,J300",
		"AAA1BBB,M3.5.0,M10.5.0/168", "<AAA1", "AAA1BBB,M3.5.0,M10.5.0x"};
	_cleanup_(buf_done) struct buf file = BUF_INIT(MIB);
	_cleanup_(arena_done) struct arena a;
	struct zone *zone;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		test_context("rule %s", rules[i]);
		buf_clear(&file);
		zone_file(&file, 0, NULL, 0, rules[i]);
		EXPECT_INT(zone_parse(&a, buf_str(&file), &zone, NULL), ERR_SYNTAX);
	}
	buf_clear(&file);
	zone_file(&file, 0, NULL, 0, "UTC0");
	for (size_t len = 0; len < file.len; len++) {
		test_context("cut at %zu", len);
		EXPECT_INT(zone_parse(&a, str_make(file.at, len), &zone, NULL), ERR_SYNTAX);
	}
	test_context_end();
}
