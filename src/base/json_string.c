/* Strings as they are read: escapes decoded, UTF-8 checked; and what the lexer says of mistakes. */
#include "json_parse.h"

#include "json_scan.h"

#include <stdio.h>

/* A byte above ASCII is shown as the code point of that number, as Go does. */
void json_quote_char(char out[12], unsigned char c)
{
	static const char letters[] = "abtnvfr"; /* 0x07 to 0x0d */
	if (c == '\'' || c == '\\')
		snprintf(out, 12, "'\\%c'", c);
	else if (c >= 0x07 && c <= 0x0d)
		snprintf(out, 12, "'\\%c'", letters[c - 0x07]);
	else if (c < 0x20 || c == 0x7f)
		snprintf(out, 12, "'\\x%02x'", c);
	else if ((c >= 0x80 && c <= 0xa0) || c == 0xad)
		snprintf(out, 12, "'\\u%04x'", c);
	else if (c >= 0x80)
		snprintf(out, 12, "'%c%c'", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
	else
		snprintf(out, 12, "'%c'", c);
}

int json_fail_at(struct json_lexer *x, const char *at, int code, const char *what)
{
	size_t line = 1;
	const char *line_start = x->start;
	for (const char *p = x->start; p < at && (p = memchr(p, '\n', (size_t)(at - p))); p++) {
		line++;
		line_start = p + 1;
	}
	return err_set(x->err, code, "%s at offset %td (line %zu, column %td)", what, at - x->start,
		line, at - line_start + 1);
}

int json_fail(struct json_lexer *x, const char *at, const char *context)
{
	if (at >= x->end)
		return err_set(x->err, ERR_SYNTAX, "unexpected end of JSON input");
	char quoted[12], what[96];
	json_quote_char(quoted, (unsigned char)*at);
	snprintf(what, sizeof(what), "invalid character %s %s", quoted, context);
	return json_fail_at(x, at, ERR_SYNTAX, what);
}

/* 16 when it is no hexadecimal digit. */
static unsigned hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 16;
}

/* Four hexadecimal digits at `at`. Fails with the first byte that is none. */
static int lex_hex4(struct json_lexer *x, const char *at, unsigned *value)
{
	unsigned v = 0;
	for (int i = 0; i < 4; i++, at++) {
		if (at == x->end)
			return json_fail(x, at, NULL);
		unsigned digit = hex_value((unsigned char)*at);
		if (digit > 15)
			return json_fail(x, at, "in \\u hexadecimal character escape");
		v = v << 4 | digit;
	}
	*value = v;
	return 0;
}

/*
 * *at is behind "\u". A high and a low surrogate make one character; either of them alone
 * becomes U+FFFD, as in Go, and what follows it is read for itself.
 */
static int lex_unicode_escape(struct json_lexer *x, const char **at, char **to)
{
	unsigned c, low;
	int rc = lex_hex4(x, *at, &c);
	if (rc)
		return rc;
	*at += 4;
	if (c >= 0xd800 && c <= 0xdfff) {
		bool paired = false;
		if (c <= 0xdbff && x->end - *at >= 2 && (*at)[0] == '\\' && (*at)[1] == 'u') {
			rc = lex_hex4(x, *at + 2, &low);
			if (rc)
				return rc;
			paired = low >= 0xdc00 && low <= 0xdfff;
		}
		if (paired) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			*at += 6;
		} else {
			c = 0xfffd;
		}
	}
	*to = utf8_put(*to, c);
	return 0;
}

/* *at is behind the backslash. */
static int lex_escape(struct json_lexer *x, const char **at, char **to)
{
	if (*at == x->end)
		return json_fail(x, *at, NULL);
	char c = *(*at)++;
	switch (c) {
	case '"':
	case '\\':
	case '/':
		break;
	case 'b':
		c = '\b';
		break;
	case 'f':
		c = '\f';
		break;
	case 'n':
		c = '\n';
		break;
	case 'r':
		c = '\r';
		break;
	case 't':
		c = '\t';
		break;
	case 'u':
		return lex_unicode_escape(x, at, to);
	default:
		return json_fail(x, *at - 1, "in string escape code");
	}
	*(*to)++ = c;
	return 0;
}

size_t json_char_length(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.at;
	unsigned char c = p[0];
	if (c < 0x80)
		return 1;
	size_t len = c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	if (len == 0 || len > s.len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) ||
		(c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

int json_lex_string(struct json_lexer *x, struct str *out)
{
	const char *at = x->at;
	char *to = x->pool;
	for (;;) {
		size_t left = (size_t)(x->end - at);
		size_t plain = json_copy_plain(to, at, left);
		at += plain;
		to += plain;
		left -= plain;
		if (left == 0)
			return json_fail(x, at, NULL);
		unsigned char c = (unsigned char)*at;
		if (c == '"')
			break;
		if (c == '\\') {
			at++;
			int rc = lex_escape(x, &at, &to);
			if (rc)
				return rc;
		} else if (c < 0x20) {
			return json_fail(x, at, "in string literal");
		} else {
			/* Text in other scripts comes in runs: stay here as long as it lasts. */
			do {
				size_t len = json_char_length(str_make(at, left));
				if (len == 0)
					return json_fail_at(x, at, ERR_SYNTAX,
						"invalid UTF-8 in string literal");
				memcpy(to, at, len);
				at += len;
				to += len;
				left -= len;
			} while (left && (unsigned char)*at >= 0x80);
		}
	}
	*to = 0;
	*out = str_make(x->pool, (size_t)(to - x->pool));
	x->pool = to + 1;
	x->at = at + 1;
	return 0;
}
