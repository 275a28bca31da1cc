/* The syntax of RE2, with Go's words for what is none. */
#include "regex_parts.h"

#include <kube/buf.h>

enum { FOLD = 1, MULTILINE = 2, DOT_ALL = 4, UNGREEDY = 8 };

struct reader {
	struct arena *arena;
	struct str all, rest;
	struct str *why;
	bool failed;
	int flags;
	int depth;
};

static struct node *read_either(struct reader *r);

static struct node *fail(struct reader *r, const char *what, struct str where)
{
	if (!r->failed)
		*r->why = arena_print(
			r->arena, "error parsing regexp: %s: `%.*s`", what, STRF(where));
	r->failed = true;
	return NULL;
}

/* What has been read since `from`. */
static struct str since(const struct reader *r, struct str from)
{
	return str_sub(from, 0, (size_t)(r->rest.at - from.at));
}

static bool take(struct reader *r, const char *text)
{
	if (!str_starts(r->rest, str_from(text)))
		return false;
	r->rest = str_skip(r->rest, strlen(text));
	return true;
}

static uint32_t next(struct reader *r)
{
	uint32_t c;

	r->rest = str_skip(r->rest, char_read(r->rest, &c));
	return c;
}

static struct node *node_new(struct reader *r, enum node_kind kind)
{
	struct node *n = arena_new(r->arena, sizeof(*n));

	n->kind = (uint8_t)kind;
	n->size = 1;
	return n;
}

static struct node *node_set(struct reader *r)
{
	struct node *n = node_new(r, NODE_SET);

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
static bool take_perl_class(struct reader *r, struct char_set *set)
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
	fail(r, "invalid character class range", whole);
	return true;
}

/* \pL, \p{Greek}, \P…; the backslash comes. */
static bool take_unicode_class(struct reader *r, struct char_set *set)
{
	struct str from = r->rest, name;
	bool negated = str_starts(from, STR("\\P"));
	ssize_t end;
	uint32_t c;

	if (!negated && !str_starts(from, STR("\\p")))
		return false;
	r->rest = str_skip(r->rest, 2);
	if (take(r, "{")) {
		end = str_find_char(r->rest, '}');
		if (end < 0) {
			fail(r, "invalid character class range", from);
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
			fail(r, "invalid character class range", since(r, from));
			return true;
		}
	if (!name.len || !set_add_class(r->arena, set,
				 arena_print(r->arena, name.len <= 2 ? "\\p{%.*s}" : "\\p{sc:%.*s}",
					 STRF(name)),
				 negated))
		fail(r, "invalid character class range", since(r, from));
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
	bool braces = take(r, "{");
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
	return braces ? digits > 0 && take(r, "}") : digits == 2;
}

/* One character written with a backslash, which comes. */
static uint32_t read_escape(struct reader *r)
{
	static const char from[] = "aftnrv", to[] = "\a\f\t\n\r\v";
	struct str start = r->rest;
	uint32_t c, value;
	const char *simple;

	r->rest = str_skip(r->rest, 1);
	if (!r->rest.len) {
		fail(r, "trailing backslash at end of expression", STR(""));
		return 0;
	}
	c = next(r);
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
				value = value * 8 + (next(r) - '0');
			return value;
		}
	} else if (c != 'x' && c < 0x80 && c != '_' && !((c | 32) >= 'a' && (c | 32) <= 'z') &&
		   !(c >= '0' && c <= '9'))
		return c;
	fail(r, "invalid escape sequence", since(r, start));
	return 0;
}

static bool read_set_char(struct reader *r, struct str start, uint32_t *c)
{
	if (!r->rest.len) {
		fail(r, "missing closing ]", start);
		return false;
	}
	*c = r->rest.at[0] == '\\' ? read_escape(r) : next(r);
	return !r->failed;
}

/* '[' is gone; start is where it stood. */
static struct node *read_set(struct reader *r, struct str start)
{
	struct node *n = node_set(r);
	bool first = true;
	uint32_t low, high;

	n->set->negated = take(r, "^");
	for (; first || !str_starts(r->rest, STR("]")); first = false) {
		struct str range = r->rest;
		if (!r->rest.len)
			return fail(r, "missing closing ]", start);
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
				return fail(r, "invalid character class range", since(r, range));
		}
		add_range(r, n->set, low, high);
	}
	take(r, "]");
	return n;
}

static struct node *literal(struct reader *r, uint32_t c)
{
	struct node *n = node_set(r);

	add_range(r, n->set, c, c);
	return n;
}

static struct node *assertion(struct reader *r, enum assertion what)
{
	struct node *n = node_new(r, NODE_ASSERT);

	n->assertion = (uint8_t)what;
	return n;
}

static struct node *join(struct reader *r, struct node *left, struct node *right)
{
	struct node *n;

	if (!left)
		return right;
	n = node_new(r, NODE_JOIN);
	n->left = left;
	n->right = right;
	n->size = left->size + right->size;
	return n;
}

/* ---- groups ---- */

/* (?flags) and (?flags:…): "(?" is gone. NULL without a failure: flags alone. */
static struct node *read_flags(struct reader *r, struct str start)
{
	static const char letters[] = "imsU";
	int flags = r->flags, before = r->flags;
	bool off = false, any = false;
	struct node *n;

	while (r->rest.len) {
		uint32_t c = next(r);
		const char *letter = c && c < 0x80 ? strchr(letters, (int)c) : NULL;
		if (letter) {
			int flag = 1 << (letter - letters);
			flags = off ? flags & ~flag : flags | flag;
			any = true;
		} else if (c == '-' && !off) {
			off = true;
			any = false;
		} else if ((c == ':' || c == ')') && (any || !off)) {
			r->flags = flags;
			if (c == ')')
				return NULL;
			n = read_either(r);
			r->flags = before;
			if (!r->failed && !take(r, ")"))
				return fail(r, "missing closing )", r->all);
			return n;
		} else
			break;
	}
	return fail(r, "invalid or unsupported Perl syntax", since(r, start));
}

static bool take_group_name(struct reader *r, struct str start)
{
	ssize_t end;
	struct str name;

	if (!take(r, "P<") && !take(r, "<"))
		return false;
	end = str_find_char(r->rest, '>');
	if (end < 0) {
		fail(r, "invalid named capture", start);
		return true;
	}
	name = str_sub(r->rest, 0, (size_t)end);
	r->rest = str_skip(r->rest, (size_t)end + 1);
	for (size_t i = 0; i < name.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
			    name.at[i]))
			name.len = 0;
	if (!name.len)
		fail(r, "invalid named capture", since(r, start));
	return true;
}

static struct node *read_group(struct reader *r)
{
	struct str start = r->rest;
	int flags = r->flags;
	struct node *n;

	take(r, "(");
	if (take(r, "?")) {
		bool looks = str_starts(r->rest, STR("<=")) || str_starts(r->rest, STR("<!"));
		if (looks)
			return fail(r, "invalid or unsupported Perl syntax", str_sub(start, 0, 4));
		if (!take_group_name(r, start))
			return read_flags(r, start);
		if (r->failed)
			return NULL;
	}
	n = read_either(r);
	r->flags = flags;
	if (!r->failed && !take(r, ")"))
		return fail(r, "missing closing )", r->all);
	return n;
}

/* ---- one item, its repetitions ---- */

static struct node *read_backslash(struct reader *r)
{
	struct node *n;
	ssize_t end;

	if (take(r, "\\A"))
		return assertion(r, AT_TEXT_START);
	if (take(r, "\\z"))
		return assertion(r, AT_TEXT_END);
	if (take(r, "\\b"))
		return assertion(r, AT_WORD);
	if (take(r, "\\B"))
		return assertion(r, AT_NO_WORD);
	if (take(r, "\\Q")) {
		struct str text = r->rest;
		end = str_find(text, STR("\\E"));
		r->rest = end < 0 ? str_skip(text, text.len) : str_skip(text, (size_t)end + 2);
		text = end < 0 ? text : str_sub(text, 0, (size_t)end);
		n = NULL;
		while (text.len) {
			uint32_t c;
			text = str_skip(text, char_read(text, &c));
			n = join(r, n, literal(r, c));
		}
		return n ? n : node_new(r, NODE_EMPTY);
	}
	n = node_set(r);
	if (take_unicode_class(r, n->set) || take_perl_class(r, n->set))
		return r->failed ? NULL : n;
	return literal(r, read_escape(r));
}

static struct node *read_item(struct reader *r)
{
	struct node *n;
	struct str start = r->rest;

	switch (r->rest.at[0]) {
	case '(':
		return read_group(r);
	case '[':
		take(r, "[");
		return read_set(r, start);
	case '\\':
		return read_backslash(r);
	case '.':
		take(r, ".");
		n = node_set(r);
		if (!(r->flags & DOT_ALL))
			set_add(r->arena, n->set, '\n', '\n');
		n->set->negated = true;
		return n;
	case '^':
		take(r, "^");
		return assertion(r, r->flags & MULTILINE ? AT_LINE_START : AT_TEXT_START);
	case '$':
		take(r, "$");
		return assertion(r, r->flags & MULTILINE ? AT_LINE_END : AT_TEXT_END);
	default:
		return literal(r, next(r));
	}
}

static bool read_count(struct str *s, int *value)
{
	size_t n = 0;

	*value = 0;
	while (n < s->len && s->at[n] >= '0' && s->at[n] <= '9') {
		*value = MIN(*value * 10 + (s->at[n] - '0'), REPEAT_MAX + 1);
		n++;
	}
	if (!n || (n > 1 && s->at[0] == '0'))
		return false;
	*s = str_skip(*s, n);
	return true;
}

/* *, +, ?, {n,m}; false: none comes (a brace that is no count stands for itself). */
static bool take_repeat(struct reader *r, int *min, int *max)
{
	struct str s = r->rest;

	*min = 0;
	*max = -1;
	if (take(r, "*"))
		return true;
	if (take(r, "+")) {
		*min = 1;
		return true;
	}
	if (take(r, "?")) {
		*max = 1;
		return true;
	}
	if (!str_starts(s, STR("{")))
		return false;
	s = str_skip(s, 1);
	if (!read_count(&s, min))
		return false;
	*max = *min;
	if (str_starts(s, STR(","))) {
		s = str_skip(s, 1);
		if (!read_count(&s, max))
			*max = -1;
	}
	if (!str_starts(s, STR("}")))
		return false;
	r->rest = str_skip(s, 1);
	return true;
}

/* The product of counts nested in each other, as Go bounds it. */
static int nested_count(const struct node *n, int budget)
{
	if (n->kind == NODE_REPEAT) {
		int count = n->max < 0 ? n->min : n->max;
		if (count > 1 && budget > 0)
			budget /= count;
	}
	if (n->left)
		budget = MIN(budget, nested_count(n->left, budget));
	if (n->right)
		budget = MIN(budget, nested_count(n->right, budget));
	return budget;
}

static struct node *read_repeats(struct reader *r, struct node *item)
{
	struct str first = {0}, start = r->rest;
	int min, max;

	while (!r->failed && take_repeat(r, &min, &max)) {
		struct node *n = node_new(r, NODE_REPEAT);
		long size;
		if (min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && min > max))
			return fail(r, "invalid repeat count", since(r, start));
		n->lazy = take(r, "?");
		if (r->flags & UNGREEDY)
			n->lazy = !n->lazy;
		if (first.at)
			return fail(r, "invalid nested repetition operator", since(r, first));
		first = start;
		n->left = item;
		n->min = min;
		n->max = max;
		size = (long)item->size * (max < 0 ? min + 1 : max) + max + 4;
		if (size > CODE_MAX)
			return fail(r, "expression too large", r->all);
		n->size = (int)size;
		if (nested_count(n, REPEAT_MAX) == 0)
			return fail(r, "invalid repeat count", since(r, start));
		item = n;
		start = r->rest;
	}
	return item;
}

static struct node *read_join(struct reader *r)
{
	struct node *all = NULL;

	while (!r->failed && r->rest.len && r->rest.at[0] != '|' && r->rest.at[0] != ')') {
		struct str start = r->rest;
		struct node *item;
		int min, max;
		if (take_repeat(r, &min, &max)) {
			take(r, "?");
			return fail(r, "missing argument to repetition operator", since(r, start));
		}
		item = read_item(r);
		if (!item)
			continue;
		item = read_repeats(r, item);
		if (item)
			all = join(r, all, item);
		if (all && all->size > CODE_MAX)
			return fail(r, "expression too large", r->all);
	}
	return all ? all : node_new(r, NODE_EMPTY);
}

static struct node *read_either(struct reader *r)
{
	struct node *n;

	if (++r->depth > NEST_MAX)
		return fail(r, "expression nests too deeply", r->all);
	n = read_join(r);
	while (!r->failed && take(r, "|")) {
		struct node *either = node_new(r, NODE_EITHER);
		either->left = n;
		either->right = read_join(r);
		if (r->failed)
			return NULL;
		either->size = n->size + either->right->size + 2;
		n = either;
	}
	r->depth--;
	return r->failed ? NULL : n;
}

struct node *regex_parse(struct arena *a, struct str pattern, struct str *why)
{
	struct reader r = {.arena = a, .all = pattern, .rest = pattern, .why = why};
	struct node *n;

	if (!pattern.at)
		r.all = r.rest = STR("");
	if (!str_is_utf8(pattern))
		return fail(&r, "invalid UTF-8", pattern);
	n = read_either(&r);
	if (!r.failed && r.rest.len)
		return fail(&r, "unexpected )", pattern);
	return n;
}
