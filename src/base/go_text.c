#include "go_text.h"
#include "real.h"

#include <kube/mem.h>
#include <math.h>
#include <stdlib.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

/* An underscore stands between digits, or between a base prefix and a digit. */
static bool underscores_fit(struct str s)
{
	bool after_digit = false, after_underscore = false, hex = false;
	size_t i = s.len && (s.at[0] == '-' || s.at[0] == '+');

	if (s.len - i >= 2 && s.at[i] == '0' && strchr("box", lower(s.at[i + 1])) &&
		s.at[i + 1] != '\0') {
		hex = lower(s.at[i + 1]) == 'x';
		after_digit = true;
		i += 2;
	}
	for (; i < s.len; i++) {
		if (is_digit(s.at[i]) || (hex && is_hex(s.at[i]))) {
			after_digit = true;
			after_underscore = false;
		} else if (s.at[i] == '_') {
			if (!after_digit)
				return false;
			after_digit = false;
			after_underscore = true;
		} else {
			if (after_underscore)
				return false;
			after_digit = false;
		}
	}
	return !after_underscore;
}

/* Takes a base prefix off the digits. */
static unsigned take_base(struct str *s)
{
	if (s->len == 0 || s->at[0] != '0')
		return 10;
	char kind = s->len >= 3 ? lower(s->at[1]) : '\0';
	unsigned base = kind == 'b' ? 2 : kind == 'o' ? 8 : kind == 'x' ? 16 : 0;

	*s = str_skip(*s, base ? 2 : 1);
	return base ? base : 8;
}

enum go_number go_parse_uint(struct str s, uint64_t *value)
{
	struct str digits = s;
	uint64_t sum = 0;
	bool underscores = false;

	if (s.len == 0)
		return GO_NUMBER_SYNTAX;
	unsigned base = take_base(&digits);
	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.at[i];
		unsigned digit = is_digit(c) ? (unsigned)(c - '0')
				 : is_hex(c) ? (unsigned)(lower(c) - 'a' + 10)
					     : 99;
		if (c == '_') {
			underscores = true;
			continue;
		}
		if (digit >= base)
			return GO_NUMBER_SYNTAX;
		if (__builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
			__builtin_add_overflow(sum, (uint64_t)digit, &sum))
			return GO_NUMBER_RANGE;
	}
	if (underscores && !underscores_fit(s))
		return GO_NUMBER_SYNTAX;
	*value = sum;
	return GO_NUMBER_OK;
}

enum go_number go_parse_int(struct str s, int64_t *value)
{
	bool negative = s.len && s.at[0] == '-';
	uint64_t size;

	if (s.len && (s.at[0] == '-' || s.at[0] == '+'))
		s = str_skip(s, 1);
	enum go_number why = go_parse_uint(s, &size);
	if (why != GO_NUMBER_OK)
		return why;
	if (size > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return GO_NUMBER_RANGE;
	*value = negative ? (int64_t)(0 - size) : (int64_t)size;
	return GO_NUMBER_OK;
}

/* How many of the bytes at s are digits of the kind, underscores counted along. */
static size_t count_digits(struct str s, bool hex, size_t *digits)
{
	size_t i = 0;

	for (*digits = 0; i < s.len; i++) {
		if (hex ? is_hex(s.at[i]) : is_digit(s.at[i]))
			++*digits;
		else if (s.at[i] != '_')
			break;
	}
	return i;
}

static bool float_is_well_formed(struct str s)
{
	struct str rest = str_skip(s, s.len && (s.at[0] == '-' || s.at[0] == '+'));
	bool hex = rest.len > 2 && rest.at[0] == '0' && lower(rest.at[1]) == 'x';
	size_t whole, fraction = 0, exponent;

	if (hex)
		rest = str_skip(rest, 2);
	rest = str_skip(rest, count_digits(rest, hex, &whole));
	if (rest.len && rest.at[0] == '.') {
		rest = str_skip(rest, 1);
		rest = str_skip(rest, count_digits(rest, hex, &fraction));
	}
	if (whole + fraction == 0)
		return false;
	if (rest.len && lower(rest.at[0]) == (hex ? 'p' : 'e')) {
		rest = str_skip(rest, 1);
		rest = str_skip(rest, rest.len && (rest.at[0] == '-' || rest.at[0] == '+'));
		if (rest.len == 0 || !is_digit(rest.at[0]))
			return false;
		rest = str_skip(rest, count_digits(rest, false, &exponent));
	} else if (hex) {
		return false;
	}
	return rest.len == 0 && (str_find_char(s, '_') < 0 || underscores_fit(s));
}

static bool parse_special_float(struct str s, double *value)
{
	bool negative = s.len && s.at[0] == '-';
	bool sign = negative || (s.len && s.at[0] == '+');
	struct str word = str_skip(s, sign);

	if (str_eq_nocase(word, STR("inf")) || str_eq_nocase(word, STR("infinity")))
		*value = negative ? -HUGE_VAL : HUGE_VAL;
	else if (!sign && str_eq_nocase(word, STR("nan")))
		*value = (double)NAN;
	else
		return false;
	return true;
}

enum go_number go_parse_float(struct str s, double *value)
{
	char small[64];

	if (parse_special_float(s, value))
		return GO_NUMBER_OK;
	if (!float_is_well_formed(s))
		return GO_NUMBER_SYNTAX;
	char *text = s.len < sizeof(small) ? small : mem_alloc(s.len + 1);
	size_t len = 0;
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] != '_')
			text[len++] = s.at[i];
	text[len] = '\0';
	double read = real_read(text);
	if (text != small)
		mem_free(text);
	if (isinf(read))
		return GO_NUMBER_RANGE;
	*value = read;
	return GO_NUMBER_OK;
}

bool go_parse_bool(struct str s, bool *value)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (str_eq_text(s, yes[i]) || str_eq_text(s, no[i])) {
			*value = str_eq_text(s, yes[i]);
			return true;
		}
	}
	return false;
}

int go_number_error(struct err *err, const char *function, struct str s, enum go_number why)
{
	struct buf quoted = BUF_INIT(2 * KIB);

	go_print_quoted(&quoted, str_sub(s, 0, 256));
	err_set(err, ERR_USAGE, "strconv.%s: parsing %s: %s", function, buf_text(&quoted),
		why == GO_NUMBER_RANGE ? "value out of range" : "invalid syntax");
	buf_done(&quoted);
	return ERR_USAGE;
}

void go_print_float(struct buf *out, double value, int bits)
{
	char digits[REAL_DIGITS_MAX] = "0";

	if (bits == 32)
		value = (double)(float)value;
	if (isnan(value) || isinf(value)) {
		buf_add_text(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
		return;
	}
	int exponent = value == 0 ? 0 : real_shortest(fabs(value), bits, digits);
	size_t count = strlen(digits);
	if (signbit(value))
		buf_add_char(out, '-');

	/* Of %e and %f, Go's %g takes %f for these exponents when it is to be shortest. */
	if (exponent < -4 || exponent >= 6) {
		buf_add_char(out, digits[0]);
		if (count > 1) {
			buf_add_char(out, '.');
			buf_add(out, digits + 1, count - 1);
		}
		buf_print(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
		return;
	}
	if (exponent < 0) {
		buf_add_text(out, "0.");
		for (int i = -1; i > exponent; i--)
			buf_add_char(out, '0');
		buf_add(out, digits, count);
		return;
	}
	for (size_t i = 0; i <= (size_t)exponent || i < count; i++) {
		if (i == (size_t)exponent + 1)
			buf_add_char(out, '.');
		buf_add_char(out, i < count ? digits[i] : '0');
	}
}

static size_t rune_width(struct str s)
{
	for (size_t width = 1; width <= MIN(s.len, (size_t)4); width++)
		if (str_is_utf8(str_sub(s, 0, width)))
			return width;
	return 0;
}

void go_print_quoted(struct buf *out, struct str s)
{
	static const char escapes[] = "abtnvfr"; /* 7 to 13 */

	buf_add_char(out, '"');
	while (s.len) {
		unsigned char c = (unsigned char)s.at[0];
		size_t width = rune_width(s);
		if (c == '"' || c == '\\')
			buf_print(out, "\\%c", c);
		else if (c >= 7 && c <= 13)
			buf_print(out, "\\%c", escapes[c - 7]);
		else if (width == 0 || c < 0x20 || c == 0x7f)
			buf_print(out, "\\x%02x", c);
		else
			buf_add(out, s.at, width);
		s = str_skip(s, MAX(width, (size_t)1));
	}
	buf_add_char(out, '"');
}
