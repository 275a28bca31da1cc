/* Dates, and what expressions ask of times: in UTC, or in the zone they name. */
#include "dates.h"

#include "functions.h"

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

/* "+02:00", "-00:15", "02:00", "UTC": seconds; false: nobody knows it. */
static bool read_zone(struct str name, int64_t *offset)
{
	struct str hours, minutes;
	int64_t h, m;
	bool minus;

	*offset = 0;
	if (!name.len || str_eq_text(name, "UTC"))
		return true;
	if (!str_cut(name, ':', &hours, &minutes) || hours.len < 2 || minutes.len != 2)
		return false;
	minus = hours.at[0] == '-';
	if (minus || hours.at[0] == '+')
		hours = str_skip(hours, 1);
	if (hours.len != 2 || !str_to_i64(hours, &h) || !str_to_i64(minutes, &m) || h < 0 || m < 0)
		return false;
	*offset = (h * 3600 + m * 60) * (minus ? -1 : 1);
	return true;
}

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
	if (c->count > 1 && !read_zone(ARG_STR(c, 1), &offset)) {
		*error = cel_error(c->arena, "unknown time zone %.*s", STRF(ARG_STR(c, 1)));
		return false;
	}
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
