/* The formats of strings, one function each. */
#ifndef KUBE_API_CUSTOM_FORMATS_H
#define KUBE_API_CUSTOM_FORMATS_H

#include <kube/str.h>

typedef bool format_fn(struct str s);

format_fn format_email, format_hostname, format_uri;
format_fn format_credit_card, format_isbn, format_isbn10, format_isbn13, format_ssn,
	format_rgb_color, format_hex_color;
format_fn format_date, format_date_time, format_duration;

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Go's \s */
static inline bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v');
}

#endif
