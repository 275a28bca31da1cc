/* Schedules: what is read, and what is refused in which words. */
#include "test.h"

#include <kube/cron.h>

static void refused(const char *text, const char *words)
{
	_cleanup_(err_done) struct err err = {0};
	struct cron_schedule s;

	EXPECT(cron_parse(str_from(text), &s, &err) == ERR_BAD_REQUEST);
	EXPECT_STR(str_from(err_text(&err)), words);
}

TEST(fields_become_bits)
{
	struct cron_schedule s;

	EXPECT(!cron_parse(STR("*/15 0,12 1-3 jan mon"), &s, NULL));
	EXPECT(s.minutes == ((1ULL << 0) | (1ULL << 15) | (1ULL << 30) | (1ULL << 45)));
	EXPECT(s.hours == ((1ULL << 0) | (1ULL << 12)));
	EXPECT(s.days == 0xe && s.months == 2 && s.weekdays == 2);
	EXPECT(!s.any_day && !s.any_weekday);
}

TEST(descriptors_stand_for_fields)
{
	struct cron_schedule s;

	EXPECT(!cron_parse(STR("@hourly"), &s, NULL));
	EXPECT(s.minutes == 1 && s.hours == (1ULL << 24) - 1 && s.any_day);
	EXPECT(!cron_parse(STR("@every 1h30m"), &s, NULL));
	EXPECT(s.every == 90LL * 60 * 1000000000);
}

TEST(what_is_wrong_is_said)
{
	refused("* * * *", "expected exactly 5 fields, found 4: [* * * *]");
	refused("60 * * * *", "end of range (60) above maximum (59): 60");
	refused("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1");
	refused("*/0 * * * *", "step of range should be a positive number: */0");
	refused("*/1/2 * * * *", "too many slashes: */1/2");
	refused("1-2-3 * * * *", "too many hyphens: 1-2-3");
	refused("@never", "unrecognized descriptor: @never");
	refused("0 0 * FOO *",
		"failed to parse int from FOO: strconv.Atoi: parsing \"FOO\": invalid syntax");
}

TEST(zones_are_those_of_the_database)
{
	EXPECT(time_zone_known(STR("Europe/Berlin")) && time_zone_known(STR("UTC")));
	EXPECT(!time_zone_known(STR("europe/berlin")) && !time_zone_known(STR("No/Where")));
}
