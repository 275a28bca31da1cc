#include <kube/codec.h>
#include <kube/random.h>

#include <test.h>

TEST(base64_gives_the_vectors_of_rfc4648)
{
	static const char *const rows[][3] = {
		{"", "", ""},
		{"f", "Zg==", "66"},
		{"fo", "Zm8=", "666f"},
		{"foo", "Zm9v", "666f6f"},
		{"foob", "Zm9vYg==", "666f6f62"},
		{"fooba", "Zm9vYmE=", "666f6f6261"},
		{"foobar", "Zm9vYmFy", "666f6f626172"},
		{"\xfb\xff\xfe", "+//+", "fbfffe"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_(buf_done) struct buf b = BUF_INIT(100);
		base64_encode(&b, str_from(rows[i][0]));
		EXPECT_STR(buf_str(&b), rows[i][1]);
		buf_clear(&b);
		EXPECT_INT(base64_decode(&b, str_from(rows[i][1]), NULL), 0);
		EXPECT_STR(buf_str(&b), rows[i][0]);
		buf_clear(&b);
		hex_encode(&b, str_from(rows[i][0]));
		EXPECT_STR(buf_str(&b), rows[i][2]);
		buf_clear(&b);
		EXPECT_INT(hex_decode(&b, str_from(rows[i][2]), NULL), 0);
		EXPECT_STR(buf_str(&b), rows[i][0]);
	}
}

TEST(base64_ignores_newlines_and_the_last_letters_spare_bits)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(100);
	EXPECT_INT(base64_decode(&b, STR("Zm\r\n9v\nYg=\n=\r\n"), NULL), 0);
	EXPECT_STR(buf_str(&b), "foob");
	buf_clear(&b);
	EXPECT_INT(base64_decode(&b, STR("\n\n"), NULL), 0);
	EXPECT_INT(b.len, 0);
	EXPECT_INT(base64_decode(&b, STR("Zh=="), NULL), 0);
	EXPECT_STR(buf_str(&b), "f");
}

TEST(base64_says_where_it_failed)
{
	static const struct {
		const char *text, *at;
	} rows[] = {
		{"!!!!", "0"},
		{"====", "0"},
		{"x===", "1"},
		{"=AAA", "0"},
		{"A=AA", "1"},
		{"AA=A", "2"},
		{"AA==A", "4"},
		{"AAA=AAAA", "4"},
		{"AAAAA", "4"},
		{"AAAAAA", "4"},
		{"A=", "1"},
		{"A==", "1"},
		{"AA=", "3"},
		{"AA==", NULL},
		{"AAA=", NULL},
		{"AAAA", NULL},
		{"AAAAAA=", "7"},
		{"YWJjZA=====", "8"},
		{"A!\n", "1"},
		{"A=\n", "1"},
		{"Zm9v YmFy", "4"},
		{"Zm9-", "3"},
		{"Zm9\xc3", "3"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("%s", rows[i].text);
		_cleanup_(buf_done) struct buf b = BUF_INIT(100), wanted = BUF_INIT(100);
		_cleanup_(err_done) struct err err = {0};
		buf_add_text(&b, "before");
		int code = base64_decode(&b, str_from(rows[i].text), &err);
		EXPECT_INT(code, rows[i].at ? ERR_SYNTAX : 0);
		if (!rows[i].at)
			continue;
		buf_print(&wanted, "illegal base64 data at input byte %s", rows[i].at);
		EXPECT_TEXT(err_text(&err), buf_text(&wanted));
		EXPECT_STR(buf_str(&b), "before");
	}
}

TEST(base64url_takes_padding_or_none_and_one_spelling_only)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(100);
	base64url_encode(&b, STR("\xfb\xff\xfe\xff"));
	EXPECT_STR(buf_str(&b), "-__-_w");
	static const char *const good[] = {"-__-_w", "-__-_w=="};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		buf_clear(&b);
		EXPECT_INT(base64url_decode(&b, str_from(good[i]), NULL), 0);
		EXPECT_STR(buf_str(&b), "\xfb\xff\xfe\xff");
	}
	static const char *const bad[] = {"-__-_w=", "-__-_", "-__-_x", "-__-_w===", "+//+/w",
		"-__-\n_w", "=", "==", "A", "AAAA=", "AAAA==", "AAB", "AA=A"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		test_context("%s", bad[i]);
		buf_clear(&b);
		EXPECT_INT(base64url_decode(&b, str_from(bad[i]), NULL), ERR_SYNTAX);
		EXPECT_INT(b.len, 0);
	}
	EXPECT_INT(base64url_decode(&b, (struct str){0}, NULL), 0);
}

TEST(hex_is_read_in_both_cases_and_refused_otherwise)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(100);
	_cleanup_(err_done) struct err err = {0};
	EXPECT_INT(hex_decode(&b, STR("aFAf"), NULL), 0);
	EXPECT_STR(buf_str(&b), "\xaf\xaf");
	EXPECT_INT(hex_decode(&b, STR("0g"), &err), ERR_SYNTAX);
	EXPECT_TEXT(err_text(&err), "illegal hex data at input byte 1");
	EXPECT_INT(hex_decode(&b, STR("000"), &err), ERR_SYNTAX);
	EXPECT_TEXT(err_text(&err), "odd length hex string");
	EXPECT_INT(hex_decode(&b, STR("0@"), &err), ERR_SYNTAX);
	EXPECT_INT(hex_decode(&b, STR("\x10\x11"), &err), ERR_SYNTAX);
	EXPECT_INT(b.len, 2);
}

TEST(codecs_keep_to_the_ceiling)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4);
	EXPECT_INT(base64_decode(&b, STR("Zm9vYg=="), NULL), 0); /* exactly four */
	EXPECT_STR(buf_str(&b), "foob");
	EXPECT_INT(base64_decode(&b, STR("Zg=="), NULL), ERR_TOO_LARGE);
	EXPECT_STR(buf_str(&b), "foob");
	buf_clear(&b);
	EXPECT_INT(base64url_decode(&b, STR("Zm9vYmE"), NULL), ERR_TOO_LARGE);
	buf_clear(&b);
	EXPECT_INT(hex_decode(&b, STR("0011223344"), NULL), ERR_TOO_LARGE);
	buf_clear(&b);
	base64_encode(&b, STR("four"));
	EXPECT(buf_over(&b));
	buf_clear(&b);
	hex_encode(&b, STR("abc"));
	EXPECT(buf_over(&b));
	EXPECT_INT(b.len, 0);
	EXPECT_INT(base64_decode(&b, STR(""), NULL), ERR_TOO_LARGE);
}

TEST(codecs_give_back_any_bytes)
{
	struct rng r;
	rng_init(&r, 6);
	for (size_t len = 0; len < 200; len++) {
		char bytes[200];
		rng_fill(&r, bytes, len);
		struct str wanted = str_make(bytes, len);
		_cleanup_(buf_done) struct buf text = BUF_INIT(1000), back = BUF_INIT(1000);
		base64_encode(&text, wanted);
		EXPECT_INT(base64_decode(&back, buf_str(&text), NULL), 0);
		EXPECT(str_eq(buf_str(&back), wanted));
		buf_clear(&text);
		buf_clear(&back);
		base64url_encode(&text, wanted);
		EXPECT_INT(base64url_decode(&back, buf_str(&text), NULL), 0);
		EXPECT(str_eq(buf_str(&back), wanted));
		buf_clear(&text);
		buf_clear(&back);
		hex_encode(&text, wanted);
		EXPECT_INT(hex_decode(&back, buf_str(&text), NULL), 0);
		EXPECT(str_eq(buf_str(&back), wanted));
	}
}
