/* Formats that are digits in some dress. */
#include "formats.h"

/* Digits alone, of what may be told apart by others; false: more than there is room for. */
static bool keep(struct str s, bool (*drop)(char c), char *out, size_t room, size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (drop(s.at[i]))
			continue;
		if (*count == room)
			return false;
		out[(*count)++] = s.at[i];
	}
	return true;
}

static bool is_gap(char c)
{
	return is_blank(c) || c == '-';
}

static bool is_no_digit(char c)
{
	return !is_digit(c);
}

static bool only_digits(const char *s, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!is_digit(s[i]))
			return false;
	return true;
}

/* ---- books ---- */

bool format_isbn10(struct str s)
{
	char digits[10];
	size_t count;
	int sum = 0;

	if (!keep(s, is_gap, digits, sizeof(digits), &count) || count != 10 ||
		!only_digits(digits, 9) || (!is_digit(digits[9]) && digits[9] != 'X'))
		return false;
	for (int i = 0; i < 9; i++)
		sum += (i + 1) * (digits[i] - '0');
	sum += 10 * (digits[9] == 'X' ? 10 : digits[9] - '0');
	return sum % 11 == 0;
}

bool format_isbn13(struct str s)
{
	char digits[13];
	size_t count;
	int sum = 0;

	if (!keep(s, is_gap, digits, sizeof(digits), &count) || count != 13 ||
		!only_digits(digits, 13))
		return false;
	for (int i = 0; i < 12; i++)
		sum += (i % 2 ? 3 : 1) * (digits[i] - '0');
	return (digits[12] - '0' - (10 - sum % 10) % 10) == 0;
}

bool format_isbn(struct str s)
{
	return format_isbn10(s) || format_isbn13(s);
}

/* ---- cards ---- */

static bool between(const char *digits, size_t count, int low, int high)
{
	int value = 0;

	for (size_t i = 0; i < count; i++)
		value = value * 10 + (digits[i] - '0');
	return value >= low && value <= high;
}

static bool is_issued(const char *d, size_t count)
{
	switch (count) {
	case 13:
		return d[0] == '4';
	case 14:
		return between(d, 3, 300, 305) || between(d, 2, 36, 36) || between(d, 2, 38, 38);
	case 15:
		return between(d, 2, 34, 34) || between(d, 2, 37, 37) ||
		       between(d, 4, 2131, 2131) || between(d, 4, 1800, 1800);
	case 16:
		return d[0] == '4' || between(d, 2, 51, 55) || between(d, 4, 6011, 6011) ||
		       between(d, 2, 65, 65) || between(d, 2, 35, 35);
	default:
		return false;
	}
}

bool format_credit_card(struct str s)
{
	char digits[16];
	size_t count;
	int sum = 0;

	if (!keep(s, is_no_digit, digits, sizeof(digits), &count) || !is_issued(digits, count))
		return false;
	for (size_t i = 0; i < count; i++) { /* from the end, every second one twice */
		int d = digits[count - 1 - i] - '0';

		d *= 1 + (int)(i % 2);
		sum += d > 9 ? d - 9 : d;
	}
	return sum % 10 == 0;
}

/* ddd-dd-dddd: eleven characters, so both marks are there. */
bool format_ssn(struct str s)
{
	if (s.len != 11 || !only_digits(s.at, 3) || !only_digits(s.at + 4, 2) ||
		!only_digits(s.at + 7, 4))
		return false;
	return (s.at[3] == '-' || s.at[3] == ' ') && (s.at[6] == '-' || s.at[6] == ' ');
}

/* ---- colours ---- */

bool format_hex_color(struct str s)
{
	if (s.len && s.at[0] == '#')
		s = str_skip(s, 1);
	for (size_t i = 0; i < s.len; i++)
		if (!is_hex(s.at[i]))
			return false;
	return s.len == 3 || s.len == 6;
}

static struct str skip_blanks(struct str s)
{
	while (s.len && is_blank(s.at[0]))
		s = str_skip(s, 1);
	return s;
}

/* 0 to 255 without leading zeros, blanks around it, then `end`. */
static bool take_part(struct str *s, char end)
{
	size_t digits = 0;

	*s = skip_blanks(*s);
	while (digits < s->len && is_digit(s->at[digits]))
		digits++;
	if (!digits || digits > 3 || (digits > 1 && s->at[0] == '0') ||
		!between(s->at, digits, 0, 255))
		return false;
	*s = skip_blanks(str_skip(*s, digits));
	if (!s->len || s->at[0] != end)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

bool format_rgb_color(struct str s)
{
	if (!str_starts(s, STR("rgb(")))
		return false;
	s = str_skip(s, 4);
	return take_part(&s, ',') && take_part(&s, ',') && take_part(&s, ')') && !s.len;
}
