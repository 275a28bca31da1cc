#include "real.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* glibc and musl give a static object for it, at hardly any cost. */
static locale_t c_locale(void)
{
	return newlocale(LC_ALL_MASK, "C", NULL);
}

double real_read(const char *text)
{
	locale_t c = c_locale();
	double value = strtod_l(text, NULL, c);
	freelocale(c);
	return value;
}

static double read_single(const char *text)
{
	locale_t c = c_locale();
	float value = strtof_l(text, NULL, c);
	freelocale(c);
	return (double)value;
}

/* As many digits as asked for, correctly rounded. Returns the exponent. */
static int rounded_digits(double value, int count, char digits[REAL_DIGITS_MAX])
{
	char text[40];
	int n = 0;
	snprintf(text, sizeof(text), "%.*e", count - 1, value);
	/* The decimal point is the locale's and may be anything but a digit. */
	char *p = text;
	for (; *p != 'e'; p++)
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	digits[n] = 0;
	return (int)strtol(p + 1, NULL, 10);
}

static bool digits_give(const char *digits, int exponent, double value, int bits)
{
	char text[40];
	snprintf(text, sizeof(text), "%se%d", digits, exponent - (int)strlen(digits) + 1);
	return (bits == 32 ? read_single(text) : real_read(text)) == value;
}

/* Subnormal values stand equally far apart, so more digits never hit where fewer did not. */
static int subnormal_count(double value, int bits, int most)
{
	char digits[REAL_DIGITS_MAX];
	int least = 1;
	while (least < most) {
		int middle = (least + most) / 2;
		int exponent = rounded_digits(value, middle, digits);
		if (digits_give(digits, exponent, value, bits))
			most = middle;
		else
			least = middle + 1;
	}
	return least;
}

/*
 * Below a power of two doubles stand twice as dense as above it: there the nearest digits may miss
 * while the next ones up, though farther away, hit.
 */
int real_shortest(double value, int bits, char digits[REAL_DIGITS_MAX])
{
	int most = bits == 32 ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG, power, exponent = 0;
	bool power_of_two = frexp(value, &power) == 0.5;
	/* So many digits survive the way through any value but the smallest. */
	int count = bits == 32 ? FLT_DIG : DBL_DIG;
	if (value < (bits == 32 ? (double)FLT_MIN : DBL_MIN))
		count = subnormal_count(value, bits, most);
	for (; count <= most; count++) {
		exponent = rounded_digits(value, count, digits);
		if (digits_give(digits, exponent, value, bits))
			break;
		if (power_of_two && digits[count - 1] != '9') {
			digits[count - 1]++;
			if (digits_give(digits, exponent, value, bits))
				break;
		}
	}
	for (size_t n = strlen(digits); n > 1 && digits[n - 1] == '0'; n--)
		digits[n - 1] = 0;
	return exponent;
}
