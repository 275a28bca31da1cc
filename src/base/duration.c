/* Durations as Go's time package and kubectl write them. */
#include "time_quote.h"

enum { TEXT_MAX = 32 }; /* "-2562047h47m16.854775808s" */

/* The largest size of a negative duration, one above the largest positive one. */
static const uint64_t limit = (uint64_t)1 << 63;

/* Writes value / 10^places in front of `end`, without trailing zeros. */
static char *print_decimal(char *end, uint64_t value, int places)
{
	bool wanted = false;
	for (; places > 0; places--, value /= 10) {
		wanted |= value % 10 != 0;
		if (wanted)
			*--end = (char)('0' + value % 10);
	}
	if (wanted)
		*--end = '.';
	do
		*--end = (char)('0' + value % 10);
	while (value /= 10);
	return end;
}

static char *print_before(char *end, const char *text)
{
	size_t len = strlen(text);
	return memcpy(end - len, text, len);
}

void duration_print(struct buf *b, int64_t ns)
{
	char text[TEXT_MAX], *end = text + sizeof(text), *at = end;
	uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
	if (size == 0) {
		at = print_before(at, "0s");
	} else if (size < (uint64_t)USEC) {
		at = print_decimal(print_before(at, "ns"), size, 0);
	} else if (size < (uint64_t)MSEC) {
		at = print_decimal(print_before(at, "\xc2\xb5s"), size, 3); /* U+00B5 */
	} else if (size < (uint64_t)SEC) {
		at = print_decimal(print_before(at, "ms"), size, 6);
	} else {
		at = print_decimal(print_before(at, "s"), size % (uint64_t)MINUTE, 9);
		uint64_t minutes = size / (uint64_t)MINUTE;
		if (minutes > 0)
			at = print_decimal(print_before(at, "m"), minutes % 60, 0);
		if (minutes >= 60)
			at = print_decimal(print_before(at, "h"), minutes / 60, 0);
	}
	if (ns < 0)
		*--at = '-';
	buf_add(b, at, (size_t)(end - at));
}

void time_quote(struct buf *b, struct str s)
{
	buf_add_char(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c < ' ' || c >= 0x80) {
			buf_print(b, "\\x%02x", c);
			continue;
		}
		if (c == '"' || c == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, s.at[i]);
	}
	buf_add_char(b, '"');
}

static int refuse(struct err *err, const char *what, struct str unit, struct str whole)
{
	/* An err holds 1 KiB: longer text would be cut there. */
	_cleanup_(buf_done) struct buf b = BUF_INIT(8 * KIB);
	buf_print(&b, "time: %s", what);
	if (unit.len) {
		time_quote(&b, str_sub(unit, 0, 512));
		buf_add_text(&b, " in duration ");
	}
	time_quote(&b, str_sub(whole, 0, 1024));
	return err_set(err, ERR_SYNTAX, "%s", buf_text(&b));
}

static int refuse_invalid(struct err *err, struct str whole)
{
	return refuse(err, "invalid duration ", (struct str){0}, whole);
}

static bool digit_at(struct str s, size_t i)
{
	return i < s.len && s.at[i] >= '0' && s.at[i] <= '9';
}

/* Takes digits off *s; false when they exceed the limit. */
static bool take_whole(struct str *s, uint64_t *value)
{
	size_t i = 0;
	*value = 0;
	for (; digit_at(*s, i); i++) {
		if (*value > limit / 10)
			return false;
		*value = *value * 10 + (uint64_t)(s->at[i] - '0');
		if (*value > limit)
			return false;
	}
	*s = str_skip(*s, i);
	return true;
}

/* Takes digits off *s: the fraction is value / scale. What does not fit adds nothing. */
static uint64_t take_fraction(struct str *s, double *scale)
{
	uint64_t value = 0;
	size_t i = 0;
	bool full = false;
	*scale = 1;
	for (; digit_at(*s, i); i++) {
		uint64_t more = value * 10 + (uint64_t)(s->at[i] - '0');
		full = full || value > (limit - 1) / 10 || more > limit;
		if (full)
			continue;
		value = more;
		*scale *= 10;
	}
	*s = str_skip(*s, i);
	return value;
}

static uint64_t unit_size(struct str unit)
{
	static const struct {
		struct str name;
		int64_t size;
	} units[] = {
		{STR_INIT("ns"), NSEC},
		{STR_INIT("us"), USEC},
		{STR_INIT("\xc2\xb5s"), USEC}, /* U+00B5, micro sign */
		{STR_INIT("\xce\xbcs"), USEC}, /* U+03BC, Greek letter mu */
		{STR_INIT("ms"), MSEC},
		{STR_INIT("s"), SEC},
		{STR_INIT("m"), MINUTE},
		{STR_INIT("h"), HOUR},
	};
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (str_eq(unit, units[i].name))
			return (uint64_t)units[i].size;
	return 0;
}

/* One number with its unit, off *s. */
static int take_piece(struct str *s, uint64_t *value, struct str whole, struct err *err)
{
	size_t before = s->len;
	uint64_t fraction = 0;
	double scale = 1;
	if (!take_whole(s, value))
		return refuse_invalid(err, whole);
	bool digits = s->len < before;
	if (s->len > 0 && s->at[0] == '.') {
		*s = str_skip(*s, 1);
		before = s->len;
		fraction = take_fraction(s, &scale);
		digits |= s->len < before;
	}
	if (!digits)
		return refuse_invalid(err, whole);

	size_t i = 0;
	while (i < s->len && s->at[i] != '.' && !digit_at(*s, i))
		i++;
	struct str unit = str_sub(*s, 0, i);
	*s = str_skip(*s, i);
	if (unit.len == 0)
		return refuse(err, "missing unit in duration ", unit, whole);
	uint64_t size = unit_size(unit);
	if (size == 0)
		return refuse(err, "unknown unit ", unit, whole);
	if (*value > limit / size)
		return refuse_invalid(err, whole);
	*value *= size;
	/* Go's arithmetic, to the nanosecond: value stays far below 2^64. */
	if (fraction > 0)
		*value += (uint64_t)((double)fraction * ((double)size / scale));
	return *value > limit ? refuse_invalid(err, whole) : 0;
}

int duration_parse(struct str s, int64_t *ns, struct err *err)
{
	struct str whole = s;
	bool negative = s.len > 0 && s.at[0] == '-';
	uint64_t sum = 0;
	if (negative || (s.len > 0 && s.at[0] == '+'))
		s = str_skip(s, 1);
	if (s.len == 0)
		return refuse_invalid(err, whole);
	if (str_eq(s, STR("0")))
		s = (struct str){0}; /* the one number that needs no unit */
	while (s.len > 0) {
		uint64_t piece;
		int code = take_piece(&s, &piece, whole, err);
		if (code)
			return code;
		if (piece > limit - sum)
			return refuse_invalid(err, whole);
		sum += piece;
	}
	if (!negative && sum == limit)
		return refuse_invalid(err, whole);
	*ns = (int64_t)(negative ? -sum : sum);
	return 0;
}

/* "3m20s": the larger unit and, unless it is zero, the rest. */
static void print_two(struct buf *b, int64_t value, char unit, int64_t rest, char rest_unit)
{
	buf_print(b, "%lld%c", (long long)value, unit);
	if (rest)
		buf_print(b, "%lld%c", (long long)rest, rest_unit);
}

void duration_print_human(struct buf *b, int64_t ns)
{
	int64_t seconds = ns / SEC, minutes = ns / MINUTE, hours = ns / HOUR;
	int64_t days = hours / 24, years = days / 365;
	/* Up to two seconds in the future are clocks that differ; more is a mistake. */
	if (seconds < -1)
		buf_add_text(b, "<invalid>");
	else if (seconds < 0)
		buf_add_text(b, "0s");
	else if (seconds < 2 * 60)
		print_two(b, seconds, 's', 0, 0);
	else if (minutes < 10)
		print_two(b, minutes, 'm', seconds % 60, 's');
	else if (minutes < 3 * 60)
		print_two(b, minutes, 'm', 0, 0);
	else if (hours < 8)
		print_two(b, hours, 'h', minutes % 60, 'm');
	else if (hours < 48)
		print_two(b, hours, 'h', 0, 0);
	else if (hours < 24 * 8)
		print_two(b, days, 'd', hours % 24, 'h');
	else if (hours < 24 * 365 * 2)
		print_two(b, days, 'd', 0, 0);
	else if (hours < 24 * 365 * 8)
		print_two(b, years, 'y', days % 365, 'd');
	else
		print_two(b, years, 'y', 0, 0);
}
