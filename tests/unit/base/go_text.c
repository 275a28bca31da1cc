#include "test.h"

#include "base/go_text.h"

#include <float.h>
#include <math.h>

static void expect_float(double value, int bits, const char *wanted)
{
	struct buf out = BUF_INIT(KIB);

	go_print_float(&out, value, bits);
	EXPECT_STR(buf_str(&out), wanted);
	buf_done(&out);
}

TEST(floats_print_with_the_fewest_digits)
{
	expect_float(0, 64, "0");
	expect_float(-0.0, 64, "-0");
	expect_float(1, 64, "1");
	expect_float(0.1, 64, "0.1");
	expect_float(0.1 + 0.2, 64, "0.30000000000000004");
	expect_float(100000, 64, "100000");
	expect_float(1e6, 64, "1e+06");
	expect_float(1000000.5, 64, "1.0000005e+06");
	expect_float(123456.75, 64, "123456.75");
	expect_float(0.0001, 64, "0.0001");
	expect_float(0.00001, 64, "1e-05");
	expect_float(-1.5e-300, 64, "-1.5e-300");
	expect_float(DBL_MAX, 64, "1.7976931348623157e+308");
	expect_float(5e-324, 64, "5e-324");
	expect_float(DBL_MIN, 64, "2.2250738585072014e-308");
	expect_float(HUGE_VAL, 64, "+Inf");
	expect_float(-HUGE_VAL, 64, "-Inf");
	expect_float((double)NAN, 64, "NaN");
	expect_float(0.1, 32, "0.1");
	expect_float(16777217, 32, "1.6777216e+07");
	expect_float(3.14159265358979, 32, "3.1415927");
	expect_float(1e300, 32, "+Inf");
}

static void expect_int(const char *text, enum go_number why, int64_t wanted)
{
	int64_t value = 0;

	test_context("%s", text);
	EXPECT_INT(go_parse_int(str_from(text), &value), why);
	EXPECT_INT(value, wanted);
	test_context_end();
}

TEST(integers_read_with_prefixes_signs_and_underscores)
{
	expect_int("0", GO_NUMBER_OK, 0);
	expect_int("-0", GO_NUMBER_OK, 0);
	expect_int("+12", GO_NUMBER_OK, 12);
	expect_int("0x1F", GO_NUMBER_OK, 31);
	expect_int("-0X1f", GO_NUMBER_OK, -31);
	expect_int("0o17", GO_NUMBER_OK, 15);
	expect_int("017", GO_NUMBER_OK, 15);
	expect_int("0b101", GO_NUMBER_OK, 5);
	expect_int("1_000", GO_NUMBER_OK, 1000);
	expect_int("0x_1f", GO_NUMBER_OK, 31);
	expect_int("0_7", GO_NUMBER_OK, 7);
	expect_int("9223372036854775807", GO_NUMBER_OK, INT64_MAX);
	expect_int("-9223372036854775808", GO_NUMBER_OK, INT64_MIN);
	expect_int("9223372036854775808", GO_NUMBER_RANGE, 0);
	expect_int("-9223372036854775809", GO_NUMBER_RANGE, 0);
	expect_int("0x10000000000000000", GO_NUMBER_RANGE, 0);
	static const char *const bad[] = {"", "-", "+", "0x", "0b", "0o", "08", "0b2", "1_", "_1",
		"1__0", "0_x1", "0x1_", "1.0", "1e3", " 1", "1 ", "a", "--1", "+-1"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_int(bad[i], GO_NUMBER_SYNTAX, 0);
}

static void expect_real(const char *text, enum go_number why, double wanted)
{
	double value = 0;

	test_context("%s", text);
	EXPECT_INT(go_parse_float(str_from(text), &value), why);
	EXPECT(value == wanted);
	test_context_end();
}

TEST(floats_read_as_go_writes_them)
{
	expect_real("1", GO_NUMBER_OK, 1);
	expect_real("-.5", GO_NUMBER_OK, -0.5);
	expect_real("5.", GO_NUMBER_OK, 5);
	expect_real("1e3", GO_NUMBER_OK, 1000);
	expect_real("1_0.2_5", GO_NUMBER_OK, 10.25);
	expect_real("0x1p-2", GO_NUMBER_OK, 0.25);
	expect_real("0x1_8p1", GO_NUMBER_OK, 48);
	expect_real("+Infinity", GO_NUMBER_OK, HUGE_VAL);
	expect_real("-inf", GO_NUMBER_OK, -HUGE_VAL);
	expect_real("1e400", GO_NUMBER_RANGE, 0);
	expect_real("1e-400", GO_NUMBER_OK, 0);
	static const char *const bad[] = {"", ".", "-", "e1", "1e", "1e+", "1_", "_1", "1._5",
		"0x1", "0xp1", "1p2", "nan1", "-nan", "in", " 1", "1 ", "1.2.3", "1e5.5"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_real(bad[i], GO_NUMBER_SYNTAX, 0);
	char digits[300];
	memset(digits, '9', sizeof(digits));
	double value = 0;
	EXPECT_INT(go_parse_float(str_make(digits, sizeof(digits)), &value), GO_NUMBER_OK);
	EXPECT(value == 1e300);
}

TEST(text_is_quoted_with_escapes)
{
	struct buf out = BUF_INIT(KIB);

	go_print_quoted(&out, STR("a\"b\\c\n\t\r\a\x01\x7f\xff"
				  "é😀"));
	EXPECT_STR(buf_str(&out), "\"a\\\"b\\\\c\\n\\t\\r\\a\\x01\\x7f\\xffé😀\"");
	buf_done(&out);
}
