#include <kube/err.h>

#include <errno.h>
#include <test.h>

TEST(err_keeps_code_and_text)
{
	_cleanup_(err_done) struct err err = {0};
	EXPECT_TEXT(err_text(&err), "no error");
	EXPECT_INT(err_set(&err, ERR_NOT_FOUND, "pods \"%s\" not found", "x"), ERR_NOT_FOUND);
	EXPECT_INT(err.code, ERR_NOT_FOUND);
	EXPECT_TEXT(err_text(&err), "pods \"x\" not found");
	EXPECT_INT(err_set(NULL, ERR_IO, "x"), ERR_IO);
}

TEST(err_set_may_quote_its_own_text)
{
	_cleanup_(err_done) struct err err = {0};
	err_set(&err, ERR_IO, "inner");
	err_set(&err, ERR_TLS, "outer: %s", err.text);
	EXPECT_TEXT(err_text(&err), "outer: inner");
	err_wrap(&err, err.code, "again %s", err.text);
	EXPECT_TEXT(err_text(&err), "again outer: inner: outer: inner");
	EXPECT_INT(err.code, ERR_TLS);
}

TEST(err_wrap_puts_context_in_front_and_keeps_the_code)
{
	_cleanup_(err_done) struct err err = {.code = ERR_TIMEOUT};
	EXPECT_INT(err_wrap(&err, ERR_TIMEOUT, "reading %s", "/x"), ERR_TIMEOUT);
	EXPECT_TEXT(err_text(&err), "reading /x: timed out");
	EXPECT_INT(err_wrap(NULL, ERR_IO, "x"), ERR_IO);
}

TEST(err_text_is_cut_between_characters)
{
	/* A character of each length at every place around the cut. */
	static const char *const chars[] = {"x", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	for (size_t c = 0; c < ARRAY_LEN(chars); c++)
		for (int before = 1010; before <= 1030; before++) {
			test_context("length %zu after %d", strlen(chars[c]), before);
			_cleanup_(err_done) struct err err = {0};
			err_set(&err, ERR_IO, "%0*d%s%s%s", before, 0, chars[c], chars[c],
				chars[c]);
			EXPECT(strlen(err.text) <= 1024);
			EXPECT(str_is_utf8(str_from(err.text)));
			if (before > 1024 - (int)strlen(chars[c]) * 3)
				EXPECT(strlen(err.text) > 1020);
			else
				EXPECT_INT(strlen(err.text), before + (int)strlen(chars[c]) * 3);
		}
}

TEST(err_from_errno_speaks_like_the_system)
{
	_cleanup_(err_done) struct err err = {0};
	EXPECT_INT(err_set_errno(&err, ENOENT, "open %s", "/x"), ERR_NOT_FOUND);
	EXPECT_TEXT(err_text(&err), "open /x: no such file or directory");
	EXPECT_INT(err_set_errno(&err, -ECONNREFUSED, "connect"), ERR_REFUSED);
	EXPECT_TEXT(err_text(&err), "connect: connection refused");
	EXPECT_INT(err_set_errno(NULL, EACCES, "x"), ERR_PERMISSION);
	EXPECT_INT(err_code_from_errno(99999), ERR_IO);
	EXPECT_INT(err_code_from_errno(ENOSPC), ERR_NO_SPACE);
	EXPECT_INT(err_code_from_errno(ETIMEDOUT), ERR_TIMEOUT);
}

TEST(err_moves_and_copies)
{
	_cleanup_(err_done) struct err a = {0}, b = {0};
	err_set(&a, ERR_GONE, "gone");
	err_set(&b, ERR_IO, "old");
	EXPECT_INT(err_move(&b, &a), ERR_GONE);
	EXPECT_INT(a.code, 0);
	EXPECT(!a.text);
	EXPECT_TEXT(err_text(&b), "gone");
	EXPECT_INT(err_move(&b, &a), 0);
	EXPECT_TEXT(err_text(&b), "gone");
	err_copy(&a, &b);
	EXPECT_TEXT(err_text(&a), "gone");
	EXPECT_INT(err_move(&a, &a), ERR_GONE);
	EXPECT_INT(err_move(NULL, &a), ERR_GONE);
	EXPECT_INT(a.code, 0);
	err_copy(&b, &b);
	EXPECT_TEXT(err_text(&b), "gone");
	err_copy(&b, &a);
	EXPECT_INT(b.code, 0);
	EXPECT_TEXT(err_text(NULL), "no error");
}

TEST(err_codes_have_names_reasons_and_statuses)
{
	EXPECT_TEXT(err_code_name(ERR_NOT_FOUND), "NOT_FOUND");
	EXPECT_TEXT(err_code_reason(ERR_NOT_FOUND), "NotFound");
	EXPECT_INT(err_code_status(ERR_NOT_FOUND), 404);
	EXPECT_TEXT(err_code_name(ERR_UNAUTHORIZED), "UNAUTHORIZED");
	EXPECT_TEXT(err_code_name(ERR_USAGE), "USAGE");
	EXPECT_TEXT(err_code_reason(ERR_CLOSED), "");
	EXPECT_INT(err_code_status(0), 200);
	EXPECT_INT(err_code_status(-5), 500);
	EXPECT_INT(err_code_status(ERR_BEFORE_FIRST_), 500);
	EXPECT_INT(err_code_status(ERR_AFTER_LAST_), 500);
	for (int code = ERR_BEFORE_FIRST_ + 1; code < ERR_AFTER_LAST_; code++) {
		struct err err = {.code = code};
		EXPECT(err_text(&err)[0] != 0);
		EXPECT(err_code_status(code) >= 400);
	}
}
