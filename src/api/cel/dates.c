/* Dates, and what expressions ask of times: in UTC, or in the zone they name. */
#include "dates.h"

#include "functions.h"
#include "go_number.h"

enum { OFFSET_MAX = 1000000 };

/* Days are counted in eras of 400 years that begin on the first of March. */
int64_t days_of_date(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct time_parts date_of_days(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;
	struct time_parts t = {0};

	t.day = (int)(of_year - (153 * m + 2) / 5 + 1);
	t.month = (int)(m < 10 ? m + 3 : m - 9);
	t.year = (int)(y + era * 400 + (t.month <= 2));
	t.weekday = (int)(((days + 4) % 7 + 7) % 7);
	return t;
}

/* ---- zones ---- */

static const struct cel_zones *zones_known;

void cel_use_zones(const struct cel_zones *zones)
{
	zones_known = zones;
}

void cel_forget_zones(const struct cel_zones *zones)
{
	if (zones_known == zones)
		zones_known = NULL;
}

/* "+02:00", "-00:15", "02:00": as Go's Atoi reads both parts; false: *error. */
static bool read_offset(struct call *c, struct str hours, struct str minutes, int64_t *offset,
	struct cel_value *error)
{
	bool minus = str_starts(hours, STR("-"));
	int64_t h, m;
	struct str bad = !go_read_decimal(hours, &h)     ? hours
			 : !go_read_decimal(minutes, &m) ? minutes
							 : (struct str){0};

	if (bad.at) {
		*error = cel_error(
			c->arena, "strconv.Atoi: parsing \"%.*s\": invalid syntax", STRF(bad));
		return false;
	}
	/* Beyond what a day can be told from there is nothing to see. */
	h = MIN(MAX(h, -OFFSET_MAX), OFFSET_MAX);
	m = MIN(MAX(m, -OFFSET_MAX), OFFSET_MAX);
	*offset = (h * 60 + (minus ? -m : m)) * 60;
	return true;
}

static bool is_path(struct str name)
{
	return name.at[0] == '/' || name.at[0] == '\\' || str_find(name, STR("..")) >= 0;
}

/* Seconds east of UTC at the time; false: *error. */
static bool offset_in_zone(
	struct call *c, struct str name, int64_t at, int64_t *offset, struct cel_value *error)
{
	const struct zone *zone;
	struct str hours, minutes;

	*offset = 0;
	if (!name.len || str_eq_text(name, "UTC"))
		return true;
	if (str_cut(name, ':', &hours, &minutes))
		return read_offset(c, hours, minutes, offset, error);
	if (is_path(name)) {
		*error = value_error_text("time: invalid location name");
		return false;
	}
	zone = zones_known ? zones_known->find(zones_known->ctx, name) : NULL;
	if (!zone) {
		*error = cel_error(c->arena, "unknown time zone %.*s", STRF(name));
		return false;
	}
	*offset = zone_offset_at(zone, at);
	return true;
}

/* ---- what is asked for ---- */

struct moment {
	struct time_parts date;
	int64_t second; /* of the day */
	int64_t days;
};

/* false: *error. */
static bool moment_of(struct call *c, struct moment *m, struct cel_value *error)
{
	int64_t offset = 0, local;

	if (!arg_is(c, 0, CEL_TIMESTAMP) || (c->count > 1 && !arg_is(c, 1, CEL_STRING))) {
		*error = value_no_overload();
		return false;
	}
	if (c->count > 1 &&
		!offset_in_zone(c, ARG_STR(c, 1), c->args[0].time.seconds, &offset, error))
		return false;
	local = c->args[0].time.seconds + offset;
	m->days = local / 86400;
	m->second = local % 86400;
	if (m->second < 0) {
		m->second += 86400;
		m->days--;
	}
	m->date = date_of_days(m->days);
	return true;
}

#define GETTER(name, expression)                                                                   \
	struct cel_value name(struct call *c)                                                      \
	{                                                                                          \
		struct cel_value error;                                                            \
		struct moment m;                                                                   \
                                                                                                   \
		return moment_of(c, &m, &error) ? cel_number(expression) : error;                  \
	}

GETTER(run_get_full_year, m.date.year)
GETTER(run_get_month, m.date.month - 1)
GETTER(run_get_date, m.date.day)
GETTER(run_get_day_of_month, m.date.day - 1)
GETTER(run_get_day_of_week, m.date.weekday)
GETTER(run_get_day_of_year, m.days - days_of_date(m.date.year, 1, 1))

static struct cel_value span_or_time(struct call *c, int64_t unit, int64_t per_day, int64_t wrap)
{
	struct cel_value error;
	struct moment m;

	if (arg_is(c, 0, CEL_DURATION))
		return cel_number(c->args[0].i / unit);
	if (!moment_of(c, &m, &error))
		return error;
	return cel_number(m.second / per_day % wrap);
}

struct cel_value run_get_hours(struct call *c)
{
	return span_or_time(c, HOUR, 3600, 24);
}

struct cel_value run_get_minutes(struct call *c)
{
	return span_or_time(c, MINUTE, 60, 60);
}

struct cel_value run_get_seconds(struct call *c)
{
	return span_or_time(c, SEC, 1, 60);
}

struct cel_value run_get_milliseconds(struct call *c)
{
	struct cel_value error;
	struct moment m;

	if (arg_is(c, 0, CEL_DURATION))
		return cel_number(c->args[0].i / MSEC);
	if (!moment_of(c, &m, &error))
		return error;
	return cel_number(c->args[0].nanos / 1000000);
}
