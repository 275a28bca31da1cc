/* Dates, times, spans. */
#include "formats.h"

#include <kube/time.h>

static bool two(const char *at, int *value)
{
	if (!is_digit(at[0]) || !is_digit(at[1]))
		return false;
	*value = (at[0] - '0') * 10 + (at[1] - '0');
	return true;
}

bool format_date(struct str s)
{
	static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int century, year, month, day;

	if (s.len != 10 || s.at[4] != '-' || s.at[7] != '-' || !two(s.at, &century) ||
		!two(s.at + 2, &year) || !two(s.at + 5, &month) || !two(s.at + 8, &day))
		return false;
	year += century * 100;
	if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	return month != 2 || day != 29 || (year % 4 == 0 && (year % 100 || year % 400 == 0));
}

static bool is_clock(struct str s)
{
	int hour, minute, second;

	return s.len >= 8 && two(s.at, &hour) && s.at[2] == ':' && two(s.at + 3, &minute) &&
	       s.at[5] == ':' && two(s.at + 6, &second) && hour <= 23 && minute <= 59 &&
	       second <= 59;
}

/* Digits behind any one character are a fraction; of the zone only the digits are asked. */
bool format_date_time(struct str s)
{
	struct str date, clock, zone;
	size_t t = 0, end = 8;
	int ignored;

	while (t < s.len && s.at[t] != 't' && s.at[t] != 'T')
		t++;
	date = str_sub(s, 0, t);
	clock = str_skip(s, t + 1);
	if (t == s.len || !format_date(date) || !is_clock(clock))
		return false;
	if (clock.len > 9 && is_digit(clock.at[9]) && clock.at[8] != '\n') {
		end = 9;
		while (end < clock.len && is_digit(clock.at[end]))
			end++;
		/* a zone such as +01:00 begins like a fraction */
		if (end < clock.len && clock.at[end] == ':')
			end = 8;
	}
	zone = str_skip(clock, end);
	if (zone.len == 1)
		return zone.at[0] == 'z' || zone.at[0] == 'Z';
	return zone.len == 6 && (zone.at[0] == '+' || zone.at[0] == '-') &&
	       two(zone.at + 1, &ignored) && zone.at[3] == ':' && two(zone.at + 4, &ignored);
}

/* ---- spans ---- */

static bool is_unit(struct str unit)
{
	static const char *const whole[] = {
		"ns", "us", "\xc2\xb5s", "ms", "s", "m", "h", "hr", "d", "w", "wk", NULL};
	static const char *const begun[] = {
		"nano", "micro", "milli", "sec", "min", "hour", "day", "week", NULL};

	for (size_t i = 0; whole[i]; i++)
		if (str_eq_nocase(unit, str_from(whole[i])))
			return true;
	for (size_t i = 0; begun[i]; i++)
		if (str_starts_nocase(unit, str_from(begun[i])))
			return true;
	return false;
}

static bool in_unit(struct str s, size_t i)
{
	return is_letter(s.at[i]) || s.at[i] == '\xc2' || s.at[i] == '\xb5';
}

/* Numbers with units, blanks between them: "5 minutes", "2 days 3h". One known unit will do. */
bool format_duration(struct str s)
{
	bool known = false;
	int64_t ns;
	size_t i = 0;

	if (!duration_parse(s, &ns, NULL))
		return true;
	while (i < s.len && is_blank(s.at[i]))
		i++;
	if (i == s.len)
		return false;
	while (i < s.len) {
		size_t from = i, unit;
		int64_t number;

		while (i < s.len && is_digit(s.at[i]))
			i++;
		if (i == from || !str_to_i64(str_sub(s, from, i), &number))
			return false;
		while (i < s.len && is_blank(s.at[i]))
			i++;
		unit = i;
		while (i < s.len && in_unit(s, i))
			i++;
		if (i == unit)
			return false;
		known |= is_unit(str_sub(s, unit, i));
		while (i < s.len && is_blank(s.at[i]))
			i++;
	}
	return known;
}
