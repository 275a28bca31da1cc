/* Functions of strings. Positions count characters. */
#include "functions.h"

#define STRING_MAX (16 * MIB)

/* ---- characters ---- */

/* The byte at which the n-th character starts; the end when there are not so many. */
static size_t byte_of(struct str s, size_t n)
{
	size_t i = 0;

	while (n && i < s.len) {
		i++;
		while (i < s.len && (s.at[i] & 0xc0) == 0x80)
			i++;
		n--;
	}
	return i;
}

static struct str characters(struct str s, size_t from, size_t to)
{
	size_t start = byte_of(s, from);

	return str_sub(s, start, start + byte_of(str_skip(s, start), to - from));
}

static struct cel_value out_of_range(struct call *c, int64_t index)
{
	return cel_error(c->arena, "index out of range: %lld", (long long)index);
}

static bool are_strings(const struct call *c, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!arg_is(c, i, CEL_STRING))
			return false;
	return true;
}

/* ---- tests ---- */

struct cel_value run_contains(struct call *c)
{
	if (!are_strings(c, 2))
		return value_no_overload();
	return cel_truth(!ARG_STR(c, 1).len || str_find(ARG_STR(c, 0), ARG_STR(c, 1)) >= 0);
}

struct cel_value run_starts_with(struct call *c)
{
	if (!are_strings(c, 2))
		return value_no_overload();
	return cel_truth(str_starts(ARG_STR(c, 0), ARG_STR(c, 1)));
}

struct cel_value run_ends_with(struct call *c)
{
	if (!are_strings(c, 2))
		return value_no_overload();
	return cel_truth(str_ends(ARG_STR(c, 0), ARG_STR(c, 1)));
}

/* ---- positions ---- */

struct cel_value run_char_at(struct call *c)
{
	size_t length;
	int64_t at;

	if (!are_strings(c, 1) || !arg_is(c, 1, CEL_INT))
		return value_no_signature(c);
	length = text_length(ARG_STR(c, 0));
	at = c->args[1].i;
	if (at < 0 || (uint64_t)at > length)
		return out_of_range(c, at);
	return cel_str((size_t)at == length
			       ? STR("")
			       : characters(ARG_STR(c, 0), (size_t)at, (size_t)at + 1));
}

static struct cel_value find_from(struct call *c, int64_t from)
{
	struct str s = ARG_STR(c, 0), what = ARG_STR(c, 1);
	size_t length = text_length(s), start;
	ssize_t at;

	if (!what.len)
		return cel_number(MIN(from, (int64_t)length));
	if ((uint64_t)from > length)
		return cel_number(-1);
	start = byte_of(s, (size_t)from);
	at = str_find(str_skip(s, start), what);
	if (at < 0)
		return cel_number(-1);
	return cel_number((int64_t)text_length(str_sub(s, 0, start + (size_t)at)));
}

static struct cel_value list_position(struct call *c, bool last)
{
	struct cel_value item;
	struct walk w = {0};
	int64_t at = -1;

	for (int64_t i = 0; list_next(c->arena, c->args[0], &w, &item); i++)
		if (value_is_equal(c->arena, item, c->args[1])) {
			at = i;
			if (!last)
				break;
		}
	return cel_number(at);
}

struct cel_value run_index_of(struct call *c)
{
	int64_t from = c->count > 2 ? c->args[2].i : 0;

	if (arg_is(c, 0, CEL_LIST) && c->count == 2)
		return list_position(c, false);
	if (!are_strings(c, 2) || (c->count > 2 && !arg_is(c, 2, CEL_INT)))
		return value_no_signature(c);
	return from < 0 ? out_of_range(c, from) : find_from(c, from);
}

struct cel_value run_last_index_of(struct call *c)
{
	struct str s, what;
	size_t length, wanted, start;
	int64_t from;

	if (arg_is(c, 0, CEL_LIST) && c->count == 2)
		return list_position(c, true);
	if (!are_strings(c, 2) || (c->count > 2 && !arg_is(c, 2, CEL_INT)))
		return value_no_signature(c);
	s = ARG_STR(c, 0);
	what = ARG_STR(c, 1);
	length = text_length(s);
	wanted = text_length(what);
	from = c->count > 2 ? c->args[2].i : (int64_t)length;
	if (c->count > 2 && (from < 0 || (uint64_t)from > length))
		return out_of_range(c, from);
	if (!wanted)
		return cel_number(from);
	if (wanted > length)
		return cel_number(-1);
	for (from = MIN(from, (int64_t)(length - wanted)); from >= 0; from--) {
		start = byte_of(s, (size_t)from);
		if (str_starts(str_skip(s, start), what))
			return cel_number(from);
	}
	return cel_number(-1);
}

struct cel_value run_substring(struct call *c)
{
	int64_t length, start, end;

	if (!are_strings(c, 1) || !arg_is(c, 1, CEL_INT) ||
		(c->count > 2 && !arg_is(c, 2, CEL_INT)))
		return value_no_signature(c);
	length = (int64_t)text_length(ARG_STR(c, 0));
	start = c->args[1].i;
	end = c->count > 2 ? c->args[2].i : length;
	if (c->count > 2 && start > end)
		return cel_error(c->arena, "invalid substring range. start: %lld, end: %lld",
			(long long)start, (long long)end);
	if (start < 0 || start > length)
		return out_of_range(c, start);
	if (end < 0 || end > length)
		return out_of_range(c, end);
	return cel_str(characters(ARG_STR(c, 0), (size_t)start, (size_t)end));
}

/* ---- making other text ---- */

static struct cel_value map_ascii(struct call *c, char first, int shift)
{
	struct str s;
	char *at;

	if (!are_strings(c, 1))
		return value_no_signature(c);
	s = ARG_STR(c, 0);
	at = arena_copy(c->arena, s.len ? s.at : "", s.len);
	for (size_t i = 0; i < s.len; i++)
		if (at[i] >= first && at[i] <= first + 25)
			at[i] = (char)(at[i] + shift);
	return cel_str(str_make(at, s.len));
}

struct cel_value run_lower_ascii(struct call *c)
{
	return map_ascii(c, 'A', 32);
}

struct cel_value run_upper_ascii(struct call *c)
{
	return map_ascii(c, 'a', -32);
}

/* Unicode's white space, as Go's TrimSpace has it. Its length at s[0], or 0. */
static size_t space_at(struct str s)
{
	static const char *const spaces[] = {"\t", "\n", "\v", "\f", "\r", " ", "\xc2\x85",
		"\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
		"\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87",
		"\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9",
		"\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};

	for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
		if (str_starts(s, str_from(spaces[i])))
			return strlen(spaces[i]);
	return 0;
}

struct cel_value run_trim(struct call *c)
{
	struct str s;
	size_t n, back;

	if (!are_strings(c, 1))
		return value_no_signature(c);
	s = ARG_STR(c, 0);
	while ((n = space_at(s)))
		s = str_skip(s, n);
	for (;;) {
		for (back = 1; back <= 3 && back <= s.len; back++)
			if (space_at(str_skip(s, s.len - back)) == back)
				break;
		if (back > 3 || back > s.len)
			return cel_str(s);
		s.len -= back;
	}
}

struct cel_value run_replace(struct call *c)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(STRING_MAX);
	int64_t left = c->count > 3 ? c->args[3].i : -1;
	struct str s, from, to;
	ssize_t at;

	if (!are_strings(c, 3) || (c->count > 3 && !arg_is(c, 3, CEL_INT)))
		return value_no_signature(c);
	s = ARG_STR(c, 0);
	from = ARG_STR(c, 1);
	to = ARG_STR(c, 2);
	if (!from.len) {
		for (; left; left -= left > 0) {
			size_t n = byte_of(s, 1);
			buf_add_str(&out, to);
			buf_add_str(&out, str_sub(s, 0, n));
			s = str_skip(s, n);
			if (!n)
				break;
		}
		buf_add_str(&out, s);
		return value_print(c->arena, &out);
	}
	while (left && (at = str_find(s, from)) >= 0) {
		buf_add_str(&out, str_sub(s, 0, (size_t)at));
		buf_add_str(&out, to);
		s = str_skip(s, (size_t)at + from.len);
		left -= left > 0;
	}
	buf_add_str(&out, s);
	return value_print(c->arena, &out);
}

struct cel_value run_split(struct call *c)
{
	int64_t left = c->count > 2 ? c->args[2].i : -1;
	struct cel_value list = list_new(c->arena, 4);
	struct str s, by;
	ssize_t at;

	if (!are_strings(c, 2) || (c->count > 2 && !arg_is(c, 2, CEL_INT)))
		return value_no_signature(c);
	s = ARG_STR(c, 0);
	by = ARG_STR(c, 1);
	if (!left || (!by.len && !s.len))
		return list;
	while (left != 1) {
		size_t n = by.len ? 0 : byte_of(s, 1);
		at = by.len ? str_find(s, by) : n < s.len ? (ssize_t)n : -1;
		if (at < 0)
			break;
		list_push(c->arena, &list, cel_str(str_sub(s, 0, (size_t)at)));
		s = str_skip(s, (size_t)at + by.len);
		left -= left > 0;
	}
	list_push(c->arena, &list, cel_str(s));
	return list;
}

struct cel_value run_join(struct call *c)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(STRING_MAX);
	struct cel_value item;
	struct walk w = {0};
	bool first = true;

	if (!arg_is(c, 0, CEL_LIST) || (c->count > 1 && !arg_is(c, 1, CEL_STRING)))
		return value_no_signature(c);
	while (list_next(c->arena, c->args[0], &w, &item)) {
		if (item.kind != CEL_STRING)
			return value_no_overload();
		if (!first && c->count > 1)
			buf_add_str(&out, ARG_STR(c, 1));
		buf_add_str(&out, item.str);
		first = false;
	}
	return value_print(c->arena, &out);
}

struct cel_value run_quote(struct call *c)
{
	static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
	_cleanup_(buf_done) struct buf out = BUF_INIT(STRING_MAX);
	struct str s;

	if (!are_strings(c, 1))
		return value_no_signature(c);
	s = ARG_STR(c, 0);
	buf_add_char(&out, '"');
	for (size_t i = 0; i < s.len; i++) {
		const char *special = s.at[i] ? strchr(from, s.at[i]) : NULL;
		if (special) {
			buf_add_char(&out, '\\');
			buf_add_char(&out, to[special - from]);
		} else
			buf_add_char(&out, s.at[i]);
	}
	buf_add_char(&out, '"');
	return value_print(c->arena, &out);
}

/* ~ and / of JSON pointers */
struct cel_value run_escape_key(struct call *c)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(STRING_MAX);
	struct str s;

	if (!are_strings(c, 1))
		return value_no_signature(c);
	s = ARG_STR(c, 0);
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == '~')
			buf_add_text(&out, "~0");
		else if (s.at[i] == '/')
			buf_add_text(&out, "~1");
		else
			buf_add_char(&out, s.at[i]);
	return value_print(c->arena, &out);
}
