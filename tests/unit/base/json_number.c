#include <kube/json.h>
#include <kube/random.h>

#include "test.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The C library's answer, in whatever locale the tests run. */
static double read_real(const char *text)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
	double value = strtod_l(text, NULL, c);
	freelocale(c);
	return value;
}

static struct cJSON *number(struct arena *a, const char *text)
{
	struct cJSON *n = NULL;
	struct err err = {0};
	EXPECT_OK(json_parse(a, str_from(text), NULL, &n, &err), &err);
	return n;
}

static void expect_printed(struct cJSON *n, const char *wanted)
{
	struct buf out = BUF_INIT(KIB);
	json_print(&out, n, JSON_COMPACT);
	EXPECT_STR(buf_str(&out), wanted);
	buf_done(&out);
}

TEST(integers_are_exact_over_the_whole_int64_range)
{
	static const struct {
		const char *text;
		int64_t value;
	} numbers[] = {
		{"0", 0},
		{"-0", 0},
		{"1", 1},
		{"-1", -1},
		{"9007199254740991", 9007199254740991},
		{"9007199254740992", 9007199254740992},
		{"9007199254740993", 9007199254740993},
		{"-9007199254740992", -9007199254740992},
		{"-9007199254740993", -9007199254740993},
		{"999999999999999999", 999999999999999999},
		{"9223372036854775807", INT64_MAX},
		{"-9223372036854775807", -INT64_MAX},
		{"-9223372036854775808", INT64_MIN},
	};
	struct arena a = {0};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct cJSON *n = number(&a, numbers[i].text);
		int64_t value = 77;
		test_context("%s", numbers[i].text);
		EXPECT(json_int(n, &value));
		EXPECT_INT(value, numbers[i].value);
		EXPECT(json_is_int_text(n));
		EXPECT(json_double(n) == (double)numbers[i].value);
		EXPECT_STR(json_number_text(&a, n), numbers[i].text);
		expect_printed(n, numbers[i].text);
		if (strcmp(numbers[i].text, "-0") == 0)
			continue;
		n = json_new_int(&a, numbers[i].value);
		EXPECT(json_int(n, &value));
		EXPECT_INT(value, numbers[i].value);
		expect_printed(n, numbers[i].text);
	}
	test_context_end();
	arena_done(&a);
}

TEST(what_is_no_int64_is_no_integer)
{
	static const struct {
		const char *text;
		bool int_text;
		double value;
	} numbers[] = {
		{"9223372036854775808", true, 9223372036854775808.0},
		{"-9223372036854775809", true, -9223372036854775808.0},
		{"18446744073709551615", true, 18446744073709551616.0},
		{"123456789012345678901234567890", true, 123456789012345678901234567890.0},
		{"1.0", false, 1},
		{"1e3", false, 1000},
		{"1E5", false, 100000},
		{"-0.0", false, -0.0},
		{"0.1", false, 0.1},
		{"1e-400", false, 0},
		{"2.2250738585072011e-308", false, 2.2250738585072011e-308},
		{"179769313486231570814527423731704356798070e267", false, DBL_MAX},
	};
	struct arena a = {0};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct cJSON *n = number(&a, numbers[i].text);
		int64_t value = 77;
		test_context("%s", numbers[i].text);
		EXPECT(!json_int(n, &value));
		EXPECT_INT(value, 77);
		EXPECT_INT(json_is_int_text(n), numbers[i].int_text);
		EXPECT(json_double(n) == numbers[i].value);
		EXPECT_STR(json_number_text(&a, n), numbers[i].text);
		expect_printed(n, numbers[i].text);
	}
	test_context_end();
	arena_done(&a);
}

TEST(only_numbers_have_a_number)
{
	struct arena a = {0};
	struct cJSON *n;
	int64_t value;
	REQUIRE(json_parse(&a, STR("\"12\""), NULL, &n, NULL) == 0);
	EXPECT(!json_int(n, &value) && !json_int(NULL, &value));
	EXPECT(json_double(n) == 0 && !json_is_int_text(n));
	EXPECT_INT(json_number_text(&a, n).len, 0);
	arena_done(&a);
}

TEST(doubles_print_as_go_prints_them)
{
	static const struct {
		double value;
		const char *wanted;
	} doubles[] = {
		{0, "0"},
		{-0.0, "-0"},
		{1, "1"},
		{-1, "-1"},
		{0.5, "0.5"},
		{0.1, "0.1"},
		{-2.5, "-2.5"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1.0 / 3, "0.3333333333333333"},
		{100, "100"},
		{123456.789, "123456.789"},
		{1e6, "1000000"},
		{1e15, "1000000000000000"},
		{9007199254740993.0, "9007199254740992"},
		{1e20, "100000000000000000000"},
		{123456789012345680000.0, "123456789012345680000"},
		{999999999999999900000.0, "999999999999999900000"},
		{1e21, "1e+21"},
		{-1e21, "-1e+21"},
		{1.5e21, "1.5e+21"},
		{1e100, "1e+100"},
		{1e-5, "0.00001"},
		{1e-6, "0.000001"},
		{1.25e-6, "0.00000125"},
		{9.99e-7, "9.99e-7"},
		{1e-7, "1e-7"},
		{1.5e-9, "1.5e-9"},
		{1e-10, "1e-10"},
		{1e-100, "1e-100"},
		{DBL_MAX, "1.7976931348623157e+308"},
		{DBL_MIN, "2.2250738585072014e-308"},
		{5e-324, "5e-324"},
		{1.5e-323, "1.5e-323"},
		{5.684341886080802e-14,
			"5.684341886080802e-14"}, /* 2^-44: the nearest 16 digits miss */
		{9.5367431640625e-07, "9.5367431640625e-7"},
		{8.41, "8.41"},
		{2.2250738585072011e-308, "2.225073858507201e-308"},
		{4.35, "4.35"},
		{5e-5, "0.00005"},
		{3.0e10, "30000000000"},
		{1.0000000000000002, "1.0000000000000002"},
	};
	struct arena a = {0};
	for (size_t i = 0; i < ARRAY_LEN(doubles); i++) {
		test_context("%s", doubles[i].wanted);
		struct cJSON *n = json_new_double(&a, doubles[i].value);
		expect_printed(n, doubles[i].wanted);
		EXPECT(json_double(n) == doubles[i].value);
	}
	test_context_end();
	arena_done(&a);
}

static bool shorter_reads_back(double value, int digits)
{
	char text[64];
	snprintf(text, sizeof(text), "%.*e", digits - 1, value);
	return read_real(text) == value;
}

TEST(doubles_print_shortest_and_read_back)
{
	struct rng r;
	rng_init(&r, 4711);
	for (int i = 0; i < 20000; i++) {
		struct arena a = {0};
		uint64_t bits = rng_u64(&r);
		if (i % 4 == 0)
			bits &= ~(((uint64_t)1 << 52) - 1); /* powers of two */
		if (i % 16 == 1)
			bits &= ~((uint64_t)0x7ff << 52); /* subnormal */
		double value;
		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value))
			continue;
		struct cJSON *n = json_new_double(&a, value), *again;
		struct str text = json_number_text(&a, n);
		test_context("%.17g -> %.*s", value, STRF(text));
		if (EXPECT(json_parse(&a, text, NULL, &again, NULL) == 0))
			EXPECT(json_double(again) == value);
		int digits = 0, zeros = 0;
		for (size_t k = 0; k < text.len && text.at[k] != 'e'; k++) {
			char c = text.at[k];
			if (c < '0' || c > '9' || (c == '0' && digits == 0))
				continue;
			digits++;
			zeros = c == '0' ? zeros + 1 : 0;
		}
		digits -= zeros;
		EXPECT(digits <= 17);
		if (digits > 1)
			EXPECT(!shorter_reads_back(value, digits - 1));
		arena_done(&a);
	}
	test_context_end();
}

/* The short way (exact powers of ten) and the C library must agree. */
TEST(decimals_read_as_the_nearest_double)
{
	struct rng r;
	rng_init(&r, 42);
	for (int i = 0; i < 20000; i++) {
		struct arena a = {0};
		char text[64];
		uint64_t mantissa = rng_u64(&r) >> rng_below(&r, 64);
		int exponent = (int)rng_below(&r, 60) - 30;
		snprintf(text, sizeof(text), "%s%llu.%03ue%d", i & 1 ? "-" : "",
			(unsigned long long)mantissa, (unsigned)rng_below(&r, 1000), exponent);
		test_context("%s", text);
		EXPECT(json_double(number(&a, text)) == read_real(text));
		arena_done(&a);
	}
	test_context_end();
}

TEST(numbers_are_made_from_text)
{
	struct arena a = {0};
	static const char *const good[] = {"0", "-0", "12", "-1.50", "1E5", "18446744073709551615"};
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		expect_printed(json_new_number_text(&a, str_from(good[i])), good[i]);
	static const char *const bad[] = {
		"", "-", "01", "1.", "0x1", " 1", "1 ", "1e400", "nan", "+1"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		test_context("%s", bad[i]);
		EXPECT(!json_new_number_text(&a, str_from(bad[i])));
	}
	test_context_end();
	EXPECT(!json_new_number_text(&a, (struct str){0}));
	arena_done(&a);
}

TEST(numbers_are_equal_by_value_however_written)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} pairs[] = {
		{"1", "1", true},
		{"1", "2", false},
		{"1", "-1", false},
		{"1", "1.0", true},
		{"1", "1e0", true},
		{"10", "1e1", true},
		{"10", "1E+01", true},
		{"100", "0.1e3", true},
		{"0.1", "1e-1", true},
		{"0.10", "0.1", true},
		{"0", "-0", true},
		{"0", "0.000", true},
		{"0", "0e99", true},
		{"0", "1e-400", false},
		{"1.5", "15e-1", true},
		{"1.5", "1.50001", false},
		{"12.5", "1.25", false},
		{"10.01", "1001e-2", true},
		{"9007199254740993", "9007199254740992", false},
		{"9007199254740993", "9007199254740993.0", true},
		{"9007199254740993", "9007199254740992.0", false},
		{"18446744073709551615", "18446744073709551616", false},
		{"18446744073709551616", "1.8446744073709551616e19", true},
		{"0.001", "0.0001", false},
		{"0.0012", "12e-4", true},
		{"1e5", "100000", true},
		{"1e-5", "0.00001", true},
	};
	struct arena a = {0};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct cJSON *x = number(&a, pairs[i].a), *y = number(&a, pairs[i].b);
		test_context("%s and %s", pairs[i].a, pairs[i].b);
		EXPECT_INT(json_equal(x, y), pairs[i].equal);
		EXPECT_INT(json_equal(y, x), pairs[i].equal);
	}
	test_context_end();
	arena_done(&a);
}

TEST(the_locale_does_not_matter)
{
	/* Whichever of these there is; without any the test still holds. */
	(void)(setlocale(LC_ALL, "de_DE.UTF-8") || setlocale(LC_ALL, "fr_FR.UTF-8"));
	struct arena a = {0};
	expect_printed(json_new_double(&a, 1234.5678901), "1234.5678901");
	EXPECT(json_double(number(&a, "0.30000000000000004441")) == 0.30000000000000004441);
	arena_done(&a);
	setlocale(LC_ALL, "C");
}
