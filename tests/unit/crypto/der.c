#include "crypto/der_write.h"
#include "crypto/oid.h"

#include "test.h"

#include <kube/mem.h>

#define BYTES(literal) STR(literal)

TEST(elements_are_taken_in_order)
{
	struct str rest = BYTES("\x02\x01\x05\x04\x02hi"), content;
	int number;
	EXPECT(der_take_small(&rest, &number));
	EXPECT_INT(number, 5);
	EXPECT(!der_take(&rest, DER_INTEGER, &content));
	EXPECT(der_take(&rest, DER_OCTET_STRING, &content));
	EXPECT_STR(content, "hi");
	EXPECT_INT(rest.len, 0);
	EXPECT(!der_take(&rest, DER_INTEGER, &content));
}

TEST(malformed_heads_are_refused_and_consume_nothing)
{
	static const struct str bad[] = {
		STR_INIT(""),
		STR_INIT("\x30"),
		STR_INIT("\x30\x80\x00\x00"), /* indefinite */
		STR_INIT("\x30\x81\x05"
			 "aaaaa"),                        /* long form of a short length */
		STR_INIT("\x30\x82\x00\x80"),             /* leading zero */
		STR_INIT("\x30\x85\x01\x00\x00\x00\x00"), /* five length bytes */
		STR_INIT("\x30\x84\xff\xff\xff\xff"
			 "aa"), /* beyond the end */
		STR_INIT("\x30\x02\x01"),
		STR_INIT("\x3f\x01\x00"), /* tag of several bytes */
		STR_INIT("\x30\x82\x01"),
		STR_INIT("\x30\xff"),
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct str rest = bad[i], content;
		unsigned char tag;
		test_context("case %zu", i);
		EXPECT(!der_next(&rest, &tag, &content, NULL));
		EXPECT(rest.at == bad[i].at && rest.len == bad[i].len);
	}
}

TEST(integers_are_minimal_and_not_negative)
{
	struct str rest, value;
	rest = BYTES("\x02\x02\x00\x80");
	EXPECT(der_take_unsigned(&rest, &value));
	EXPECT(str_eq(value, BYTES("\x80")));
	rest = BYTES("\x02\x01\x00");
	EXPECT(der_take_unsigned(&rest, &value));
	EXPECT_INT(value.len, 1);
	rest = BYTES("\x02\x01\x80");
	EXPECT(!der_take_unsigned(&rest, &value));
	rest = BYTES("\x02\x02\x00\x7f");
	EXPECT(!der_take_unsigned(&rest, &value));
	rest = BYTES("\x02\x00");
	EXPECT(!der_take_unsigned(&rest, &value));
	int number;
	rest = BYTES("\x02\x04\x01\x00\x00\x00");
	EXPECT(!der_take_small(&rest, &number));
}

TEST(booleans_and_bit_strings_are_strict)
{
	struct str rest, value;
	bool yes;
	rest = BYTES("\x01\x01\xff");
	EXPECT(der_take_bool(&rest, &yes) && yes);
	rest = BYTES("\x01\x01\x01");
	EXPECT(!der_take_bool(&rest, &yes));
	rest = BYTES("\x01\x02\xff\xff");
	EXPECT(!der_take_bool(&rest, &yes));
	rest = BYTES("\x03\x02\x00x");
	EXPECT(der_take_bytes_of_bits(&rest, &value));
	EXPECT_STR(value, "x");
	rest = BYTES("\x03\x02\x01x");
	EXPECT(!der_take_bytes_of_bits(&rest, &value));
	rest = BYTES("\x03\x00");
	EXPECT(!der_take_bytes_of_bits(&rest, &value));
}

TEST(optional_elements_may_be_missing_but_not_malformed)
{
	struct str rest = BYTES("\x02\x01\x05"), content;
	bool found;
	EXPECT(der_take_optional(&rest, DER_NULL, &content, &found) && !found);
	EXPECT(der_take_optional(&rest, DER_INTEGER, &content, &found) && found);
	rest = BYTES("\x05\x01");
	EXPECT(!der_take_optional(&rest, DER_NULL, &content, &found));
}

/* Every length whose head has another size, written and read back, nested twice. */
TEST(lengths_of_every_size_come_back)
{
	static const size_t sizes[] = {
		0, 1, 126, 127, 128, 129, 255, 256, 257, 65535, 65536, 70000};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		test_context("%zu bytes", sizes[i]);
		char *bytes = mem_new(sizes[i] + 1);
		memset(bytes, 'x', sizes[i]);
		struct buf out = BUF_INIT(MIB);
		size_t mark = der_open(&out, DER_SEQUENCE);
		der_add(&out, DER_OCTET_STRING, str_make(bytes, sizes[i]));
		der_close(&out, mark);
		struct str rest = buf_str(&out), inside, content;
		EXPECT(der_take(&rest, DER_SEQUENCE, &inside));
		EXPECT(der_take(&inside, DER_OCTET_STRING, &content));
		EXPECT(str_eq(content, str_make(bytes, sizes[i])));
		EXPECT_INT(inside.len + rest.len, 0);
		buf_done(&out);
		mem_free(bytes);
	}
}

TEST(a_full_buffer_stays_full_and_is_not_written_beyond)
{
	for (size_t max = 0; max < 300; max++) {
		struct buf out = BUF_INIT(max);
		char bytes[200] = {0};
		size_t mark = der_open(&out, DER_SEQUENCE);
		der_add(&out, DER_OCTET_STRING, str_make(bytes, sizeof(bytes)));
		der_add_small(&out, 7);
		der_close(&out, mark);
		EXPECT(buf_over(&out) == (max < 200 + 3 + 3 + 3));
		buf_done(&out);
	}
}

TEST(integers_are_written_in_their_shortest_form)
{
	static const struct {
		unsigned value;
		struct str der;
	} cases[] = {
		{0, STR_INIT("\x02\x01\x00")},
		{127, STR_INIT("\x02\x01\x7f")},
		{128, STR_INIT("\x02\x02\x00\x80")},
		{256, STR_INIT("\x02\x02\x01\x00")},
		{0xffffffff, STR_INIT("\x02\x05\x00\xff\xff\xff\xff")},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(100);
		der_add_small(&out, cases[i].value);
		EXPECT(str_eq(buf_str(&out), cases[i].der));
		buf_done(&out);
	}
}

TEST(sets_are_sorted_by_encoding)
{
	struct str members[] = {STR("\x0c\x02zz"), STR("\x0c\x01z"),
		STR("\x0c\x02"
		    "aa")};
	struct buf out = BUF_INIT(100);
	der_add_set(&out, members, 3);
	EXPECT(str_eq(buf_str(&out), STR("\x31\x0b\x0c\x01z\x0c\x02"
					 "aa\x0c\x02zz")));
	buf_done(&out);
}

TEST(object_identifiers_print_as_numbers)
{
	static const struct {
		struct str oid;
		const char *text;
	} cases[] = {
		{STR_INIT("\x55\x1d\x13"), "2.5.29.19"},
		{STR_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"), "1.2.840.113549.1.1.11"},
		{STR_INIT("\x00"), "0.0"},
		{STR_INIT("\x88\x37"), "2.999"},
		{STR_INIT(""), ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(100);
		oid_print(&out, cases[i].oid);
		EXPECT_STR(buf_str(&out), cases[i].text);
		buf_done(&out);
	}
	struct buf out = BUF_INIT(100);
	oid_print(&out, STR("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"));
	EXPECT_STR(buf_str(&out), "1.2…");
	buf_done(&out);
}
