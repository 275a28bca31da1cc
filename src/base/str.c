#include <kube/str.h>

#include "real.h"

#include <kube/mem.h>

#include <math.h>

static unsigned char ascii_lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool str_eq_text(struct str a, const char *text)
{
	return str_eq(a, str_from(text));
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
			return false;
	return true;
}

int str_cmp(struct str a, struct str b)
{
	size_t shorter = MIN(a.len, b.len);
	int order = shorter ? memcmp(a.at, b.at, shorter) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq(str_make(s.at, prefix.len), prefix);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq_nocase(str_make(s.at, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_eq(str_skip(s, s.len - suffix.len), suffix);
}

ssize_t str_find(struct str s, struct str what)
{
	if (what.len == 0)
		return 0;
	if (what.len > s.len)
		return -1;
	const char *found = memmem(s.at, s.len, what.at, what.len);
	return found ? found - s.at : -1;
}

ssize_t str_find_char(struct str s, char c)
{
	const char *found = s.len ? memchr(s.at, c, s.len) : NULL;
	return found ? found - s.at : -1;
}

ssize_t str_find_last_char(struct str s, char c)
{
	const char *found = s.len ? memrchr(s.at, c, s.len) : NULL;
	return found ? found - s.at : -1;
}

struct str str_sub(struct str s, size_t from, size_t to)
{
	to = MIN(to, s.len);
	from = MIN(from, to);
	/* The empty slice may be NULL, and NULL has no offsets. */
	return s.at ? str_make(s.at + from, to - from) : s;
}

struct str str_skip(struct str s, size_t n)
{
	return str_sub(s, n, s.len);
}

struct str str_trim(struct str s)
{
	size_t from = 0, to = s.len;
	while (from < to && is_space(s.at[from]))
		from++;
	while (to > from && is_space(s.at[to - 1]))
		to--;
	return str_sub(s, from, to);
}

bool str_cut(struct str s, char sep, struct str *head, struct str *tail)
{
	ssize_t at = str_find_char(s, sep);
	*head = at < 0 ? s : str_sub(s, 0, (size_t)at);
	*tail = str_skip(s, at < 0 ? s.len : (size_t)at + 1);
	return at >= 0;
}

bool str_cut_last(struct str s, char sep, struct str *head, struct str *tail)
{
	ssize_t at = str_find_last_char(s, sep);
	*head = str_sub(s, 0, at < 0 ? 0 : (size_t)at);
	*tail = at < 0 ? s : str_skip(s, (size_t)at + 1);
	return at >= 0;
}

bool str_next(struct str *rest, char sep, struct str *piece)
{
	if (!rest->at)
		return false;
	if (!str_cut(*rest, sep, piece, rest))
		*rest = (struct str){0};
	return true;
}

bool str_to_u64(struct str s, uint64_t *value)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (!is_digit(s.at[i]) || __builtin_mul_overflow(sum, 10, &sum) ||
			__builtin_add_overflow(sum, (uint64_t)(s.at[i] - '0'), &sum))
			return false;
	}
	if (s.len == 0)
		return false;
	*value = sum;
	return true;
}

bool str_to_i64(struct str s, int64_t *value)
{
	bool negative = s.len && s.at[0] == '-';
	uint64_t size;
	if (negative || (s.len && s.at[0] == '+'))
		s = str_skip(s, 1);
	if (!str_to_u64(s, &size) || size > (uint64_t)INT64_MAX + negative)
		return false;
	*value = (int64_t)(negative ? -size : size);
	return true;
}

/* strtod also takes spaces, hexadecimal, "inf" and "nan": the shape is checked before it. */
static bool is_decimal_number(struct str s)
{
	size_t i = 0, digits = 0;
	if (i < s.len && (s.at[i] == '+' || s.at[i] == '-'))
		i++;
	for (; i < s.len && is_digit(s.at[i]); i++)
		digits++;
	if (i < s.len && s.at[i] == '.')
		for (i++; i < s.len && is_digit(s.at[i]); i++)
			digits++;
	if (digits == 0)
		return false;
	if (i == s.len)
		return true;
	if (s.at[i] != 'e' && s.at[i] != 'E')
		return false;
	i++;
	if (i < s.len && (s.at[i] == '+' || s.at[i] == '-'))
		i++;
	size_t exponent = i;
	while (i < s.len && is_digit(s.at[i]))
		i++;
	return i == s.len && i > exponent;
}

bool str_to_double(struct str s, double *value)
{
	char small[64];
	if (!is_decimal_number(s))
		return false;
	char *text = s.len < sizeof(small) ? small : mem_alloc(s.len + 1);
	memcpy(text, s.at, s.len);
	text[s.len] = 0;
	double number = real_read(text);
	if (text != small)
		mem_free(text);
	if (isinf(number))
		return false;
	*value = number;
	return true;
}

/* Length of the valid multi-byte sequence at p, 0 if there is none. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	/* 0xc0 and 0xc1 could only be overlong, above 0xf4 is beyond U+10FFFF. */
	if (p[0] < 0xc2 || p[0] > 0xf4 || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90))
		return 0; /* overlong */
	if ((p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0; /* surrogates; beyond U+10FFFF */
	return len;
}

bool str_is_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.at;
	size_t i = 0;
	while (i < s.len) {
		/* Nearly all text is ASCII: eight bytes at a time. */
		uint64_t word;
		while (s.len - i >= sizeof(word)) {
			memcpy(&word, p + i, sizeof(word));
			if (word & 0x8080808080808080u)
				break;
			i += sizeof(word);
		}
		while (i < s.len && p[i] < 0x80)
			i++;
		if (i == s.len)
			break;
		size_t len = utf8_sequence(p + i, s.len - i);
		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

char *utf8_put(char *to, uint32_t rune)
{
	if (rune < 0x80) {
		*to++ = (char)rune;
	} else if (rune < 0x800) {
		*to++ = (char)(0xc0 | rune >> 6);
		*to++ = (char)(0x80 | (rune & 0x3f));
	} else if (rune < 0x10000) {
		*to++ = (char)(0xe0 | rune >> 12);
		*to++ = (char)(0x80 | (rune >> 6 & 0x3f));
		*to++ = (char)(0x80 | (rune & 0x3f));
	} else {
		*to++ = (char)(0xf0 | rune >> 18);
		*to++ = (char)(0x80 | (rune >> 12 & 0x3f));
		*to++ = (char)(0x80 | (rune >> 6 & 0x3f));
		*to++ = (char)(0x80 | (rune & 0x3f));
	}
	return to;
}

char *str_dup(struct str s)
{
	char *copy = mem_alloc(s.len + 1);
	if (s.len)
		memcpy(copy, s.at, s.len);
	copy[s.len] = 0;
	return copy;
}
