#include "url_escape.h"

#include <kube/url.h>

static bool is_alnum(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool url_must_escape(unsigned char c, enum url_part part)
{
	if (is_alnum(c))
		return false;
	if (c == 0)
		return true;
	if (strchr("-_.~", c))
		return false;
	/* Go lets <, > and " through in hosts, where RFC 3986 would not: old registries use them.
	 */
	if (part == URL_HOST && strchr("!$&'()*+,;=:[]<>\"", c))
		return false;
	if (strchr("$&+,/:;=?@", c)) {
		switch (part) {
		case URL_PATH:
			return c == '?';
		case URL_PATH_SEGMENT:
			return strchr("/;,?", c) != NULL;
		case URL_USER:
			return strchr("@/?:", c) != NULL;
		case URL_FRAGMENT:
			return false;
		case URL_QUERY:
		case URL_HOST:
			return true;
		}
	}
	return !(part == URL_FRAGMENT && strchr("!()*", c));
}

void url_escape(struct buf *out, struct str s, enum url_part part)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c == ' ' && part == URL_QUERY)
			buf_add_char(out, '+');
		else if (url_must_escape(c, part))
			buf_add(out, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
		else
			buf_add_char(out, (char)c);
	}
}

static int hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int url_unescape(struct buf *out, struct str s, enum url_part part, struct err *err)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c == '%') {
			int high = i + 2 < s.len ? hex_value((unsigned char)s.at[i + 1]) : -1;
			int low = i + 2 < s.len ? hex_value((unsigned char)s.at[i + 2]) : -1;
			/* A host may hide only what is not ASCII, and the % of a zone. */
			bool hidden = part == URL_HOST && high < 8 && !(high == 2 && low == 5);
			if (high < 0 || low < 0 || hidden)
				return err_set(err, ERR_SYNTAX, "invalid URL escape \"%.*s\"",
					(int)MIN(s.len - i, (size_t)3), s.at + i);
			buf_add_char(out, (char)(high << 4 | low));
			i += 2;
		} else if (c == '+' && part == URL_QUERY) {
			buf_add_char(out, ' ');
		} else if (part == URL_HOST && c < 0x80 && url_must_escape(c, part)) {
			return err_set(err, ERR_SYNTAX, "invalid character \"%c\" in host name", c);
		} else {
			buf_add_char(out, (char)c);
		}
	}
	if (buf_over(out))
		return err_set(err, ERR_TOO_LARGE, "URL is too long");
	return 0;
}

void url_escape_path(struct buf *out, struct str s)
{
	url_escape(out, s, URL_PATH_SEGMENT);
}

void url_escape_query(struct buf *out, struct str s)
{
	url_escape(out, s, URL_QUERY);
}

int url_unescape_path(struct buf *out, struct str s, struct err *err)
{
	return url_unescape(out, s, URL_PATH_SEGMENT, err);
}

int url_unescape_query(struct buf *out, struct str s, struct err *err)
{
	return url_unescape(out, s, URL_QUERY, err);
}
