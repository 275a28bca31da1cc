/* Characters and classes of them, as regular expressions write them. */
#include "regex_reader.h"

struct node *reader_fail(struct reader *r, const char *what, struct str where)
{
	if (!r->failed)
		*r->why = arena_print(
			r->arena, "error parsing regexp: %s: `%.*s`", what, STRF(where));
	r->failed = true;
	return NULL;
}

/* What has been read since `from`. */
struct str reader_since(const struct reader *r, struct str from)
{
	return str_sub(from, 0, (size_t)(r->rest.at - from.at));
}

bool reader_take(struct reader *r, const char *text)
{
	if (!str_starts(r->rest, str_from(text)))
		return false;
	r->rest = str_skip(r->rest, strlen(text));
	return true;
}

uint32_t reader_next(struct reader *r)
{
	uint32_t c;

	r->rest = str_skip(r->rest, char_read(r->rest, &c));
	return c;
}

struct node *regex_node_new(struct reader *r, enum node_kind kind)
{
	struct node *n = arena_new(r->arena, sizeof(*n));

	n->kind = (uint8_t)kind;
	n->size = 1;
	return n;
}

struct node *regex_node_set(struct reader *r)
{
	struct node *n = regex_node_new(r, NODE_SET);

	n->set = arena_new(r->arena, sizeof(*n->set));
	return n;
}

/* ---- characters and classes ---- */

/* The range and, when case does not count, what differs from it in case alone. */
static void add_range(struct reader *r, struct char_set *set, uint32_t low, uint32_t high)
{
	set_add(r->arena, set, low, high);
	if (!(r->flags & FOLD))
		return;
	for (uint32_t c = MAX(low, (uint32_t)'A'); c <= MIN(high, (uint32_t)'Z'); c++)
		set_add(r->arena, set, c + 32, c + 32);
	for (uint32_t c = MAX(low, (uint32_t)'a'); c <= MIN(high, (uint32_t)'z'); c++)
		set_add(r->arena, set, c - 32, c - 32);
	if (low <= 'z' && high >= 'A')
		set_add_class(r->arena, set,
			arena_print(r->arena, "(?i)[\\x{%x}-\\x{%x}]", MAX(low, (uint32_t)'A'),
				MIN(high, (uint32_t)'z')),
			false);
	if (high >= 0x80)
		set_add_class(r->arena, set,
			arena_print(r->arena, "(?i)[\\x{%x}-\\x{%x}]", MAX(low, 0x80U), high),
			false);
}

static const char *const perl_ranges[][2] = {{"d", "09"}, {"s", "\t\n\f\r  "}, {"w", "09AZ__az"}};

static const char *const posix_ranges[][2] = {{"alnum", "09AZaz"}, {"alpha", "AZaz"},
	{"ascii", "\x01\x7f"}, {"blank", "\t\t  "}, {"cntrl", "\x01\x1f\x7f\x7f"}, {"digit", "09"},
	{"graph", "!~"}, {"lower", "az"}, {"print", " ~"}, {"punct", "!/:@[`{~"},
	{"space", "\t\r  "}, {"upper", "AZ"}, {"word", "09AZ__az"}, {"xdigit", "09AFaf"}};

/* Pairs of low and high; negated: what lies between them. */
static void add_pairs(
	struct reader *r, struct char_set *set, const char *pairs, bool negated, bool with_nul)
{
	uint32_t from = 0;

	for (size_t i = 0; pairs[i] && pairs[i + 1]; i += 2) {
		uint32_t low = with_nul && i == 0 ? 0 : (unsigned char)pairs[i];
		uint32_t high = (unsigned char)pairs[i + 1];
		if (!negated)
			add_range(r, set, low, high);
		else if (low > from)
			set_add(r->arena, set, from, low - 1);
		from = high + 1;
	}
	if (negated)
		set_add(r->arena, set, from, CHAR_MAX_VALUE);
}

/* \d and its like; the backslash comes. */
bool take_perl_class(struct reader *r, struct char_set *set)
{
	char c = r->rest.len > 1 ? r->rest.at[1] : '\0';

	for (size_t i = 0; i < ARRAY_LEN(perl_ranges); i++) {
		char lower = perl_ranges[i][0][0];
		if (c != lower && c != lower - 32)
			continue;
		r->rest = str_skip(r->rest, 2);
		add_pairs(r, set, perl_ranges[i][1], c != lower, false);
		return true;
	}
	return false;
}

/* [:alpha:] inside of brackets. */
static bool take_posix_class(struct reader *r, struct char_set *set)
{
	ssize_t end =
		str_starts(r->rest, STR("[:")) ? str_find(str_skip(r->rest, 2), STR(":]")) : -1;
	struct str name, whole;
	bool negated;

	if (end < 0)
		return false;
	whole = str_sub(r->rest, 0, (size_t)end + 4);
	name = str_sub(r->rest, 2, (size_t)end + 2);
	negated = str_starts(name, STR("^"));
	name = str_skip(name, negated);
	for (size_t i = 0; i < ARRAY_LEN(posix_ranges); i++) {
		bool with_nul = i == 2 || i == 4;
		if (!str_eq_text(name, posix_ranges[i][0]))
			continue;
		r->rest = str_skip(r->rest, whole.len);
		add_pairs(r, set, posix_ranges[i][1], negated, with_nul);
		return true;
	}
	reader_fail(r, "invalid character class range", whole);
	return true;
}

/* \pL, \p{Greek}, \P…; the backslash comes. */
bool take_unicode_class(struct reader *r, struct char_set *set)
{
	struct str from = r->rest, name;
	bool negated = str_starts(from, STR("\\P"));
	ssize_t end;
	uint32_t c;

	if (!negated && !str_starts(from, STR("\\p")))
		return false;
	r->rest = str_skip(r->rest, 2);
	if (reader_take(r, "{")) {
		end = str_find_char(r->rest, '}');
		if (end < 0) {
			reader_fail(r, "invalid character class range", from);
			return true;
		}
		name = str_sub(r->rest, 0, (size_t)end);
		r->rest = str_skip(r->rest, (size_t)end + 1);
	} else {
		size_t n = char_read(r->rest, &c);
		name = str_sub(r->rest, 0, n);
		r->rest = str_skip(r->rest, n);
	}
	if (str_starts(name, STR("^"))) {
		negated = !negated;
		name = str_skip(name, 1);
	}
	if (str_eq_text(name, "Any")) {
		if (!negated)
			set_add(r->arena, set, 0, CHAR_MAX_VALUE);
		return true;
	}
	for (size_t i = 0; i < name.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", name.at[i])) {
			reader_fail(r, "invalid character class range", reader_since(r, from));
			return true;
		}
	if (!name.len || !set_add_class(r->arena, set,
				 arena_print(r->arena, name.len <= 2 ? "\\p{%.*s}" : "\\p{sc:%.*s}",
					 STRF(name)),
				 negated))
		reader_fail(r, "invalid character class range", reader_since(r, from));
	return true;
}

static bool hex_value(char c, uint32_t *value)
{
	if (c >= '0' && c <= '9')
		*value = (uint32_t)(c - '0');
	else if ((c | 32) >= 'a' && (c | 32) <= 'f')
		*value = (uint32_t)((c | 32) - 'a' + 10);
	else
		return false;
	return true;
}

/* \x7f, \x{10ffff}: what stands behind the x. */
static bool read_hex(struct reader *r, uint32_t *value)
{
	bool braces = reader_take(r, "{");
	size_t digits = 0;
	uint32_t digit;

	*value = 0;
	while (r->rest.len && (braces || digits < 2) && hex_value(r->rest.at[0], &digit)) {
		*value = *value * 16 + digit;
		if (*value > CHAR_MAX_VALUE)
			return false;
		r->rest = str_skip(r->rest, 1);
		digits++;
	}
	return braces ? digits > 0 && reader_take(r, "}") : digits == 2;
}

/* One character written with a backslash, which comes. */
uint32_t read_escape(struct reader *r)
{
	static const char from[] = "aftnrv", to[] = "\a\f\t\n\r\v";
	struct str start = r->rest;
	uint32_t c, value;
	const char *simple;

	r->rest = str_skip(r->rest, 1);
	if (!r->rest.len) {
		reader_fail(r, "trailing backslash at end of expression", STR(""));
		return 0;
	}
	c = reader_next(r);
	simple = c < 0x80 && c ? strchr(from, (int)c) : NULL;
	if (simple)
		return (unsigned char)to[simple - from];
	if (c == 'x' && read_hex(r, &value))
		return value;
	if (c >= '0' && c <= '7') {
		bool single =
			c != '0' && !(r->rest.len && r->rest.at[0] >= '0' && r->rest.at[0] <= '7');
		if (!single) {
			value = c - '0';
			for (int i = 0; i < 2 && r->rest.len && r->rest.at[0] >= '0' &&
					r->rest.at[0] <= '7';
				i++)
				value = value * 8 + (reader_next(r) - '0');
			return value;
		}
	} else if (c != 'x' && c < 0x80 && c != '_' && !((c | 32) >= 'a' && (c | 32) <= 'z') &&
		   !(c >= '0' && c <= '9'))
		return c;
	reader_fail(r, "invalid escape sequence", reader_since(r, start));
	return 0;
}

static bool read_set_char(struct reader *r, struct str start, uint32_t *c)
{
	if (!r->rest.len) {
		reader_fail(r, "missing closing ]", start);
		return false;
	}
	*c = r->rest.at[0] == '\\' ? read_escape(r) : reader_next(r);
	return !r->failed;
}

/* '[' is gone; start is where it stood. */
struct node *read_set(struct reader *r, struct str start)
{
	struct node *n = regex_node_set(r);
	bool first = true;
	uint32_t low, high;

	n->set->negated = reader_take(r, "^");
	for (; first || !str_starts(r->rest, STR("]")); first = false) {
		struct str range = r->rest;
		if (!r->rest.len)
			return reader_fail(r, "missing closing ]", start);
		if (take_posix_class(r, n->set) || take_unicode_class(r, n->set) ||
			(r->rest.at[0] == '\\' && take_perl_class(r, n->set))) {
			if (r->failed)
				return NULL;
			continue;
		}
		if (!read_set_char(r, start, &low))
			return NULL;
		high = low;
		if (r->rest.len > 1 && r->rest.at[0] == '-' && r->rest.at[1] != ']') {
			r->rest = str_skip(r->rest, 1);
			if (!read_set_char(r, start, &high))
				return NULL;
			if (high < low)
				return reader_fail(
					r, "invalid character class range", reader_since(r, range));
		}
		add_range(r, n->set, low, high);
	}
	reader_take(r, "]");
	return n;
}

struct node *read_literal(struct reader *r, uint32_t c)
{
	struct node *n = regex_node_set(r);

	add_range(r, n->set, c, c);
	return n;
}
