#include "go_number.h"

#include <math.h>
#include <stdlib.h>

enum { NUMBER_MAX = 512 };

static bool read_hex(struct str s, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
				 : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
							: 16;
		if (digit == 16 || *value >> 60)
			return false;
		*value = *value << 4 | digit;
	}
	return s.len > 0;
}

bool go_read_uint(struct str s, uint64_t *value)
{
	if (str_starts(s, STR("0x")))
		return read_hex(str_skip(s, 2), value);
	return s.len > 0 && s.at[0] != '+' && str_to_u64(s, value);
}

bool go_read_int(struct str s, int64_t *value)
{
	bool negative = str_starts(s, STR("-"));
	uint64_t size;

	if (!str_starts(negative ? str_skip(s, 1) : s, STR("0x")))
		return go_read_decimal(s, value);
	if (!read_hex(str_skip(s, negative ? 3 : 2), &size))
		return false;
	if (size > (uint64_t)INT64_MAX + negative)
		return false;
	*value = negative ? (int64_t)(0 - size) : (int64_t)size;
	return true;
}

bool go_read_decimal(struct str s, int64_t *value)
{
	bool sign = s.len > 0 && (s.at[0] == '-' || s.at[0] == '+');
	bool negative = sign && s.at[0] == '-';
	uint64_t size = 0;

	s = str_skip(s, sign);
	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		if (__builtin_mul_overflow(size, 10, &size) ||
			__builtin_add_overflow(size, (uint64_t)(s.at[i] - '0'), &size))
			return false;
	}
	if (size > (uint64_t)INT64_MAX + negative)
		return false;
	*value = negative ? (int64_t)(0 - size) : (int64_t)size;
	return true;
}

static bool is_digit(char c, bool hex)
{
	return (c >= '0' && c <= '9') ||
	       (hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
}

/* Is it written as Go wants it? `text` gets it without underscores. */
static bool is_float(struct str s, char *text)
{
	size_t i = 0, n = 0, digits = 0, power = 0;
	bool hex, point = false;

	if (i < s.len && (s.at[i] == '+' || s.at[i] == '-'))
		text[n++] = s.at[i++];
	hex = i + 1 < s.len && s.at[i] == '0' && (s.at[i + 1] == 'x' || s.at[i + 1] == 'X');
	if (hex) {
		text[n++] = s.at[i++];
		text[n++] = s.at[i++];
	}
	for (; i < s.len; i++) {
		char c = s.at[i];
		if (c == '_') {
			bool between = i > 0 && i + 1 < s.len && is_digit(s.at[i + 1], hex) &&
				       (is_digit(s.at[i - 1], hex) || (hex && !digits));
			if (!between)
				return false;
			continue;
		}
		if (c == '.' && !point)
			point = true;
		else if (is_digit(c, hex))
			digits++;
		else
			break;
		text[n++] = c;
	}
	if (!digits)
		return false;
	if (i < s.len &&
		(hex ? s.at[i] == 'p' || s.at[i] == 'P' : s.at[i] == 'e' || s.at[i] == 'E')) {
		text[n++] = s.at[i++];
		if (i < s.len && (s.at[i] == '+' || s.at[i] == '-'))
			text[n++] = s.at[i++];
		for (; i < s.len && is_digit(s.at[i], false); power++)
			text[n++] = s.at[i++];
		if (!power)
			return false;
	} else if (hex) {
		return false;
	}
	text[n] = '\0';
	return i == s.len;
}

bool go_read_double(struct str s, double *value)
{
	static const struct str infinite[] = {STR_INIT("inf"), STR_INIT("infinity")};
	bool sign = s.len > 0 && (s.at[0] == '-' || s.at[0] == '+');
	struct str bare = str_skip(s, sign);
	char text[NUMBER_MAX];

	for (size_t i = 0; i < ARRAY_LEN(infinite); i++)
		if (str_eq_nocase(bare, infinite[i])) {
			*value = sign && s.at[0] == '-' ? -INFINITY : INFINITY;
			return true;
		}
	if (str_eq_nocase(s, STR("nan"))) {
		*value = NAN;
		return true;
	}
	if (s.len >= NUMBER_MAX || !is_float(s, text))
		return false;
	*value = strtod(text, NULL);
	return !isinf(*value);
}
