#include "time_quote.h"

#include <time.h>

enum { DAY_SECONDS = 24 * 60 * 60 };

/*
 * Days since 1970-01-01 of the proleptic Gregorian calendar. Years are taken to begin in March,
 * which puts the leap day at their end, and are counted in eras of 400 years, which all have
 * 146097 days.
 */
static int64_t days_from_date(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, struct time_parts *parts)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;
	parts->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
	parts->month = (int)(month < 10 ? month + 3 : month - 9);
	parts->year = (int)(year_of_era + era * 400 + (parts->month <= 2));
}

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int month, int year)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static struct time_parts split_seconds(int64_t seconds, int nanosecond)
{
	struct time_parts p = {.nanosecond = nanosecond};
	int64_t days = floor_div(seconds, DAY_SECONDS);
	int rest = (int)(seconds - days * DAY_SECONDS);
	date_from_days(days, &p);
	p.hour = rest / 3600;
	p.minute = rest / 60 % 60;
	p.second = rest % 60;
	p.weekday = (int)(days + 4 - floor_div(days + 4, 7) * 7); /* 1970 began on a Thursday */
	return p;
}

static int64_t join_seconds(const struct time_parts *p)
{
	return days_from_date(p->year, p->month, p->day) * DAY_SECONDS + p->hour * 3600 +
	       p->minute * 60 + p->second;
}

struct time_parts time_split(int64_t wall_ns)
{
	int64_t seconds = floor_div(wall_ns, SEC);
	/* seconds * SEC may lie just below INT64_MIN. */
	return split_seconds(seconds, (int)((uint64_t)wall_ns - (uint64_t)seconds * (uint64_t)SEC));
}

int64_t time_join(const struct time_parts *parts)
{
	__int128 ns = (__int128)join_seconds(parts) * SEC + parts->nanosecond;
	return ns > INT64_MAX ? INT64_MAX : ns < INT64_MIN ? INT64_MIN : (int64_t)ns;
}

static void print_date_and_time(struct buf *b, const struct time_parts *p)
{
	buf_print(b, "%04d-%02d-%02dT%02d:%02d:%02d", p->year, p->month, p->day, p->hour, p->minute,
		p->second);
}

void time_print_parts(struct buf *b, const struct time_parts *parts)
{
	print_date_and_time(b, parts);
	buf_add_char(b, 'Z');
}

void time_print(struct buf *b, int64_t wall_ns)
{
	struct time_parts p = time_split(wall_ns);
	time_print_parts(b, &p);
}

void time_print_micro(struct buf *b, int64_t wall_ns)
{
	struct time_parts p = time_split(wall_ns);
	print_date_and_time(b, &p);
	buf_print(b, ".%06dZ", p.nanosecond / 1000);
}

void time_print_http(struct buf *b, int64_t wall_ns)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct time_parts p = time_split(wall_ns);
	buf_print(b, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[p.weekday], p.day,
		months[p.month - 1], p.year, p.hour, p.minute, p.second);
}

/* Reading: one element of Go's layout after the other; `rest` is what is still to be read. */
struct time_reader {
	struct str whole, rest;
	struct err *err;
};

/* An err keeps 1 KiB of it. */
enum { REFUSAL_MAX = 8 * 1024, QUOTED_MAX = 1024 };

static int cannot_parse(struct time_reader *r, struct str rest, const char *element)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(REFUSAL_MAX);
	time_quote(&b, str_sub(r->whole, 0, QUOTED_MAX / 2));
	buf_add_text(&b, " as \"2006-01-02T15:04:05Z07:00\": cannot parse ");
	time_quote(&b, str_sub(rest, 0, QUOTED_MAX));
	return err_set(r->err, ERR_SYNTAX, "parsing time %s as \"%s\"", buf_text(&b), element);
}

static int out_of_range(struct time_reader *r, const char *what)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(REFUSAL_MAX);
	time_quote(&b, str_sub(r->whole, 0, QUOTED_MAX / 2));
	return err_set(r->err, ERR_SYNTAX, "parsing time %s: %s out of range", buf_text(&b), what);
}

static int extra_text(struct time_reader *r)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(REFUSAL_MAX);
	time_quote(&b, str_sub(r->whole, 0, QUOTED_MAX / 2));
	buf_add_text(&b, ": extra text: ");
	time_quote(&b, str_sub(r->rest, 0, QUOTED_MAX));
	return err_set(r->err, ERR_SYNTAX, "parsing time %s", buf_text(&b));
}

static bool digit_at(struct str s, size_t i)
{
	return i < s.len && s.at[i] >= '0' && s.at[i] <= '9';
}

static int read_char(struct time_reader *r, char c)
{
	if (r->rest.len == 0 || r->rest.at[0] != c)
		return cannot_parse(r, r->rest, (char[]){c, 0});
	r->rest = str_skip(r->rest, 1);
	return 0;
}

/* Two digits at i, or -1. */
static int two_digits(struct str s, size_t i)
{
	return digit_at(s, i) && digit_at(s, i + 1) ? (s.at[i] - '0') * 10 + s.at[i + 1] - '0' : -1;
}

static int read_two(struct time_reader *r, const char *element, int *value)
{
	*value = two_digits(r->rest, 0);
	if (*value < 0)
		return cannot_parse(r, r->rest, element);
	r->rest = str_skip(r->rest, 2);
	return 0;
}

static int read_date(struct time_reader *r, struct time_parts *p)
{
	int high = two_digits(r->rest, 0), low = two_digits(r->rest, 2), code;
	if (high < 0 || low < 0)
		return cannot_parse(r, r->rest, "2006");
	p->year = high * 100 + low;
	r->rest = str_skip(r->rest, 4);
	if ((code = read_char(r, '-')) || (code = read_two(r, "01", &p->month)))
		return code;
	if (p->month < 1 || p->month > 12)
		return out_of_range(r, "month");
	if ((code = read_char(r, '-')) || (code = read_two(r, "02", &p->day)))
		return code;
	return 0;
}

static int read_clock(struct time_reader *r, struct time_parts *p)
{
	int code;
	/* Go takes an hour of one digit; the others must have two. */
	if (digit_at(r->rest, 0) && !digit_at(r->rest, 1)) {
		p->hour = r->rest.at[0] - '0';
		r->rest = str_skip(r->rest, 1);
	} else if ((code = read_two(r, "15", &p->hour))) {
		return code;
	}
	if (p->hour > 23)
		return out_of_range(r, "hour");
	if ((code = read_char(r, ':')) || (code = read_two(r, "04", &p->minute)))
		return code;
	if (p->minute > 59)
		return out_of_range(r, "minute");
	if ((code = read_char(r, ':')) || (code = read_two(r, "05", &p->second)))
		return code;
	/* Go knows no leap seconds. */
	return p->second > 59 ? out_of_range(r, "second") : 0;
}

/* Optional: a point or, in Go, a comma, and digits, of which nine count. */
static void read_fraction(struct time_reader *r, struct time_parts *p)
{
	p->nanosecond = 0;
	if (!digit_at(r->rest, 1) || (r->rest.at[0] != '.' && r->rest.at[0] != ','))
		return;
	int unit = 100 * 1000 * 1000;
	size_t i = 1;
	for (; digit_at(r->rest, i); i++, unit /= 10)
		p->nanosecond += (r->rest.at[i] - '0') * unit;
	r->rest = str_skip(r->rest, i);
}

static int read_zone(struct time_reader *r, int *offset)
{
	struct str s = r->rest;
	*offset = 0;
	if (s.len > 0 && s.at[0] == 'Z') {
		r->rest = str_skip(s, 1);
		return 0;
	}
	if (s.len < 6 || s.at[3] != ':')
		return cannot_parse(r, s, "Z07:00");
	int hours = two_digits(s, 1), minutes = two_digits(s, 4);
	/* Some people write offsets of 24 hours or 60 minutes, and Go lets them. */
	if (hours > 24)
		return out_of_range(r, "time zone offset hour");
	if (hours >= 0 && minutes > 60)
		return out_of_range(r, "time zone offset minute");
	if (hours < 0 || minutes < 0 || (s.at[0] != '+' && s.at[0] != '-'))
		return cannot_parse(r, s, "Z07:00");
	*offset = (hours * 60 + minutes) * 60 * (s.at[0] == '-' ? -1 : 1);
	r->rest = str_skip(s, 6);
	return 0;
}

int time_parse_parts(struct str s, struct time_parts *parts, struct err *err)
{
	struct time_reader r = {s, s, err};
	struct time_parts p = {0};
	int offset, code;
	if ((code = read_date(&r, &p)) || (code = read_char(&r, 'T')) ||
		(code = read_clock(&r, &p)))
		return code;
	read_fraction(&r, &p);
	if ((code = read_zone(&r, &offset)))
		return code;
	if (r.rest.len > 0)
		return extra_text(&r);
	if (p.day < 1 || p.day > days_in(p.month, p.year))
		return out_of_range(&r, "day");
	*parts = split_seconds(join_seconds(&p) - offset, p.nanosecond);
	return 0;
}

int time_parse(struct str s, int64_t *wall_ns, struct err *err)
{
	struct time_parts parts;
	int code = time_parse_parts(s, &parts, err);
	if (code == 0)
		*wall_ns = time_join(&parts);
	return code;
}

static int64_t clock_read(clockid_t clock)
{
	struct timespec now;
	int failed = clock_gettime(clock, &now);
	assert(!failed);
	return (int64_t)now.tv_sec * SEC + now.tv_nsec;
}

int64_t clock_wall(void)
{
	return clock_read(CLOCK_REALTIME);
}

int64_t clock_mono(void)
{
	return clock_read(CLOCK_MONOTONIC);
}
