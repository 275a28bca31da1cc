#include "page_text.h"

#include <kube/defs.h>

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int digit_of(char c, int base)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (base == 16 && (c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* "&#38;", "&#x26": how long it is; 0: it is none that stands for itself. */
static size_t read_number(struct str s, uint32_t *rune)
{
	bool hex = s.len > 2 && (s.at[2] == 'x' || s.at[2] == 'X');
	size_t first = hex ? 3 : 2, i = first;

	*rune = 0;
	for (; i < s.len && digit_of(s.at[i], hex ? 16 : 10) >= 0 && *rune <= 0x10ffff; i++)
		*rune = *rune * (hex ? 16 : 10) + (uint32_t)digit_of(s.at[i], hex ? 16 : 10);
	/* Surrogates, and what Windows meant by 0x80 to 0x9f, are not ours to guess. */
	bool odd = !*rune || *rune > 0x10ffff || (*rune >= 0xd800 && *rune < 0xe000) ||
		   (*rune >= 0x80 && *rune < 0xa0);
	if (i == first || odd)
		return 0;
	return i < s.len && s.at[i] == ';' ? i + 1 : i;
}

/*
 * One entity at the beginning of `s`: how long it is, as text in *out. false: it has a name that
 * we do not know.
 */
static bool read_entity(struct str s, size_t *len, struct buf *out)
{
	static const struct {
		const char *name;
		char is;
	} known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
	size_t end = 1;
	uint32_t rune;

	*len = 1;
	if (s.len > 1 && s.at[1] == '#') {
		*len = read_number(s, &rune);
		if (*len)
			buf_add_rune(out, rune);
		return *len;
	}
	while (end < s.len && (is_letter(s.at[end]) || digit_of(s.at[end], 10) >= 0))
		end++;
	struct str name = str_sub(s, 1, end);
	bool closed = end < s.len && s.at[end] == ';', more = end < s.len && s.at[end] == '=';
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!str_eq_text(name, known[i].name) || (!closed && (more || known[i].is == '\'')))
			continue;
		buf_add_char(out, known[i].is);
		*len = end + closed;
		return true;
	}
	buf_add_char(out, '&'); /* of a query: "?a=1&b=2" */
	return !closed || !name.len;
}

bool page_text_read(struct str raw, struct buf *out)
{
	for (size_t i = 0; i < raw.len;) {
		size_t len = 1;

		if (raw.at[i] != '&')
			buf_add_char(out, raw.at[i]);
		else if (!read_entity(str_skip(raw, i), &len, out))
			return false;
		i += len;
	}
	return !buf_over(out);
}
