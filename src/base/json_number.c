/*
 * Numbers. An integer within 2^53 is held by its double; everything else keeps the text it came
 * with, so that nothing is ever rounded on the way through. What no double can come near (1e400,
 * an integer of 400 digits) is refused when read: Go cannot decode it into any field either.
 * What is too small for a double (1e-400) is 0 and keeps its text.
 */
#include "json_node.h"
#include "real.h"

#include <math.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exponents beyond this are as good as infinite; adding digits to them cannot overflow. */
enum { EXPONENT_MAX = 100 * 1000 * 1000 };

/* Takes a run of digits into d->value; every digit not taken counts into the exponent. */
static const char *scan_digits(
	const char *at, const char *end, struct json_digits *d, bool fraction)
{
	for (; at < end && is_digit(*at); at++) {
		if (d->value <= (UINT64_MAX - 9) / 10) {
			d->value = d->value * 10 + (uint64_t)(*at - '0');
			d->exponent -= fraction;
		} else {
			d->cut = true;
			d->exponent += !fraction && d->exponent < EXPONENT_MAX;
		}
	}
	return at;
}

static const char *scan_exponent(const char *at, const char *end, struct json_digits *d,
	const char **stop, const char **context)
{
	bool negative = false;
	int value = 0;
	if (at < end && (*at == '+' || *at == '-'))
		negative = *at++ == '-';
	if (at == end || !is_digit(*at)) {
		*stop = at;
		*context = "in exponent of numeric literal";
		return NULL;
	}
	for (; at < end && is_digit(*at); at++)
		if (value < EXPONENT_MAX)
			value = value * 10 + (*at - '0');
	d->exponent += negative ? -value : value;
	return at;
}

const char *json_number_scan(const char *at, const char *end, struct json_digits *d,
	const char **stop, const char **context)
{
	*d = (struct json_digits){.integer = true};
	if (at < end && *at == '-') {
		d->negative = true;
		at++;
	}
	if (at == end || !is_digit(*at)) {
		*stop = at;
		*context = "in numeric literal";
		return NULL;
	}
	/* A zero stands alone: in "01" the number ends before the 1. */
	at = *at == '0' ? at + 1 : scan_digits(at, end, d, false);
	if (at < end && *at == '.') {
		d->integer = false;
		at++;
		if (at == end || !is_digit(*at)) {
			*stop = at;
			*context = "after decimal point in numeric literal";
			return NULL;
		}
		at = scan_digits(at, end, d, true);
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		d->integer = false;
		return scan_exponent(at + 1, end, d, stop, context);
	}
	return at;
}

bool json_digits_plain(const struct json_digits *d)
{
	return d->integer && !d->cut && d->value <= (uint64_t)JSON_EXACT_MAX &&
	       !(d->negative && d->value == 0);
}

bool json_number_double(const char *text, const struct json_digits *d, double *value)
{
	static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
		1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	int last = ARRAY_LEN(powers) - 1;
	/* Both operands exact: one rounding, hence the nearest double. */
	if (!d->cut && d->value <= (uint64_t)JSON_EXACT_MAX && d->exponent >= -last &&
		d->exponent <= last) {
		double v = (double)d->value;
		v = d->exponent < 0 ? v / powers[-d->exponent] : v * powers[d->exponent];
		*value = d->negative ? -v : v;
		return true;
	}
	*value = real_read(text);
	return isfinite(*value);
}

/* ---- the same value, however written ---- */

/* A number as 0.DIGITS x 10^exponent, where the digits neither begin nor end with a zero. */
struct decimal {
	const char *at, *end; /* may have a point among the digits */
	int64_t exponent;
	bool negative;
};

static struct decimal decimal_of(struct str text)
{
	struct decimal d = {text.at, text.at + text.len, 0, false};
	if (*d.at == '-') {
		d.negative = true;
		d.at++;
	}
	const char *point = NULL, *p = d.at;
	for (; p < d.end && *p != 'e' && *p != 'E'; p++)
		if (*p == '.')
			point = p;
	int64_t power = 0;
	for (const char *q = p; q < d.end; q++)
		if (is_digit(*q) && power < INT32_MAX)
			power = power * 10 + (*q - '0');
	if (p < d.end && p[1] == '-')
		power = -power;
	d.end = p;
	d.exponent = power + ((point ? point : p) - d.at);
	while (d.at < d.end && (*d.at == '0' || *d.at == '.')) {
		/* Zeros behind the point count too; the point itself does not. */
		d.exponent -= *d.at == '0';
		d.at++;
	}
	while (d.at < d.end && (d.end[-1] == '0' || d.end[-1] == '.'))
		d.end--;
	if (d.at == d.end)
		return (struct decimal){d.at, d.at, 0, false}; /* 0 and -0 are equal */
	return d;
}

static bool decimal_equal(struct decimal a, struct decimal b)
{
	if (a.negative != b.negative || a.exponent != b.exponent)
		return false;
	for (;;) {
		a.at += a.at < a.end && *a.at == '.';
		b.at += b.at < b.end && *b.at == '.';
		if (a.at == a.end || b.at == b.end)
			return a.at == a.end && b.at == b.end;
		if (*a.at++ != *b.at++)
			return false;
	}
}

bool json_number_equal(const struct json_node *a, const struct json_node *b)
{
	char a_text[JSON_NUMBER_MAX], b_text[JSON_NUMBER_MAX];
	struct str x = json_node_text(a), y = json_node_text(b);
	if (!x.at && !y.at)
		return a->c.valuedouble == b->c.valuedouble;
	if (!x.at)
		x = str_make(a_text, json_int_text((int64_t)a->c.valuedouble, a_text));
	if (!y.at)
		y = str_make(b_text, json_int_text((int64_t)b->c.valuedouble, b_text));
	return str_eq(x, y) || decimal_equal(decimal_of(x), decimal_of(y));
}

/* ---- text from values ---- */

size_t json_int_text(int64_t value, char text[JSON_NUMBER_MAX])
{
	char digits[20];
	size_t n = sizeof(digits), len = 0;
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	do
		digits[--n] = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		text[len++] = '-';
	memcpy(text + len, digits + n, sizeof(digits) - n);
	len += sizeof(digits) - n;
	text[len] = 0;
	return len;
}

size_t json_double_text(double value, char text[JSON_NUMBER_MAX])
{
	assert(isfinite(value));
	char digits[REAL_DIGITS_MAX] = "0", *to = text;
	double size = fabs(value);
	if (signbit(value))
		*to++ = '-';
	int exponent = size == 0 ? 0 : real_shortest(size, 64, digits);
	int count = (int)strlen(digits);
	if (size != 0 && (size < 1e-6 || size >= 1e21)) {
		*to++ = digits[0];
		if (count > 1)
			*to++ = '.';
		memcpy(to, digits + 1, (size_t)count - 1);
		to += count - 1;
		/* From 21 up an exponent has two digits anyway; below zero Go cleans e-09 up to
		 * e-9. */
		char power[JSON_NUMBER_MAX];
		size_t power_len = json_int_text(exponent, power);
		*to++ = 'e';
		if (exponent > 0)
			*to++ = '+';
		memcpy(to, power, power_len);
		to += power_len;
	} else if (exponent < 0) {
		*to++ = '0';
		*to++ = '.';
		memset(to, '0', (size_t)(-exponent - 1));
		to += -exponent - 1;
		memcpy(to, digits, (size_t)count);
		to += count;
	} else {
		for (int i = 0; i < MAX(count, exponent + 1); i++) {
			if (i == exponent + 1)
				*to++ = '.';
			*to++ = i < count ? digits[i] : '0';
		}
	}
	*to = 0;
	return (size_t)(to - text);
}
