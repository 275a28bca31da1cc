/* The syntax of RE2, with Go's words for what is none. */
#include "regex_reader.h"

static struct node *read_either(struct reader *r);

static struct node *assertion(struct reader *r, enum assertion what)
{
	struct node *n = regex_node_new(r, NODE_ASSERT);

	n->assertion = (uint8_t)what;
	return n;
}

static struct node *join(struct reader *r, struct node *left, struct node *right)
{
	struct node *n;

	if (!left)
		return right;
	n = regex_node_new(r, NODE_JOIN);
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
		uint32_t c = reader_next(r);
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
			if (!r->failed && !reader_take(r, ")"))
				return reader_fail(r, "missing closing )", r->all);
			return n;
		} else
			break;
	}
	return reader_fail(r, "invalid or unsupported Perl syntax", reader_since(r, start));
}

static bool take_group_name(struct reader *r, struct str start)
{
	ssize_t end;
	struct str name;

	if (!reader_take(r, "P<") && !reader_take(r, "<"))
		return false;
	end = str_find_char(r->rest, '>');
	if (end < 0) {
		reader_fail(r, "invalid named capture", start);
		return true;
	}
	name = str_sub(r->rest, 0, (size_t)end);
	r->rest = str_skip(r->rest, (size_t)end + 1);
	for (size_t i = 0; i < name.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
			    name.at[i]))
			name.len = 0;
	if (!name.len)
		reader_fail(r, "invalid named capture", reader_since(r, start));
	return true;
}

static struct node *read_group(struct reader *r)
{
	struct str start = r->rest;
	int flags = r->flags;
	struct node *n;

	reader_take(r, "(");
	if (reader_take(r, "?")) {
		bool looks = str_starts(r->rest, STR("<=")) || str_starts(r->rest, STR("<!"));
		if (looks)
			return reader_fail(
				r, "invalid or unsupported Perl syntax", str_sub(start, 0, 4));
		if (!take_group_name(r, start))
			return read_flags(r, start);
		if (r->failed)
			return NULL;
	}
	n = read_either(r);
	r->flags = flags;
	if (!r->failed && !reader_take(r, ")"))
		return reader_fail(r, "missing closing )", r->all);
	return n;
}

/* ---- one item, its repetitions ---- */

static struct node *read_backslash(struct reader *r)
{
	struct node *n;

	if (reader_take(r, "\\A"))
		return assertion(r, AT_TEXT_START);
	if (reader_take(r, "\\z"))
		return assertion(r, AT_TEXT_END);
	if (reader_take(r, "\\b"))
		return assertion(r, AT_WORD);
	if (reader_take(r, "\\B"))
		return assertion(r, AT_NO_WORD);
	n = regex_node_set(r);
	if (take_unicode_class(r, n->set) || take_perl_class(r, n->set))
		return r->failed ? NULL : n;
	return read_literal(r, read_escape(r));
}

static struct node *read_item(struct reader *r)
{
	struct node *n;
	struct str start = r->rest;

	switch (r->rest.at[0]) {
	case '(':
		return read_group(r);
	case '[':
		reader_take(r, "[");
		return read_set(r, start);
	case '\\':
		return read_backslash(r);
	case '.':
		reader_take(r, ".");
		n = regex_node_set(r);
		if (!(r->flags & DOT_ALL))
			set_add(r->arena, n->set, '\n', '\n');
		n->set->negated = true;
		return n;
	case '^':
		reader_take(r, "^");
		return assertion(r, r->flags & MULTILINE ? AT_LINE_START : AT_TEXT_START);
	case '$':
		reader_take(r, "$");
		return assertion(r, r->flags & MULTILINE ? AT_LINE_END : AT_TEXT_END);
	default:
		return read_literal(r, reader_next(r));
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
	if (reader_take(r, "*"))
		return true;
	if (reader_take(r, "+")) {
		*min = 1;
		return true;
	}
	if (reader_take(r, "?")) {
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
		struct node *n = regex_node_new(r, NODE_REPEAT);
		long size;
		if (min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && min > max))
			return reader_fail(r, "invalid repeat count", reader_since(r, start));
		n->lazy = reader_take(r, "?");
		if (r->flags & UNGREEDY)
			n->lazy = !n->lazy;
		if (first.at)
			return reader_fail(
				r, "invalid nested repetition operator", reader_since(r, first));
		first = start;
		n->left = item;
		n->min = min;
		n->max = max;
		size = (long)item->size * (max < 0 ? min + 1 : max) + max + 4;
		if (size > CODE_MAX)
			return reader_fail(r, "expression too large", r->all);
		n->size = (int)size;
		if (nested_count(n, REPEAT_MAX) == 0)
			return reader_fail(r, "invalid repeat count", reader_since(r, start));
		item = n;
		start = r->rest;
	}
	return item;
}

/* A character between \Q and \E, where nothing has a meaning; what follows \E counts for the last.
 */
static struct node *read_quoted(struct reader *r)
{
	struct node *item = NULL;

	r->quoting = !reader_take(r, "\\E");
	if (r->quoting && r->rest.len) {
		item = read_literal(r, reader_next(r));
		r->quoting = !reader_take(r, "\\E");
	}
	return item && !r->quoting ? read_repeats(r, item) : item;
}

static struct node *read_join(struct reader *r)
{
	struct node *all = NULL;

	while (!r->failed && r->rest.len &&
		(r->quoting || (r->rest.at[0] != '|' && r->rest.at[0] != ')'))) {
		struct str start = r->rest;
		struct node *item;
		int min, max;
		if (r->quoting || reader_take(r, "\\Q")) {
			item = read_quoted(r);
			all = item ? join(r, all, item) : all;
			continue;
		}
		if (take_repeat(r, &min, &max)) {
			reader_take(r, "?");
			return reader_fail(r, "missing argument to repetition operator",
				reader_since(r, start));
		}
		item = read_item(r);
		if (!item)
			continue;
		item = read_repeats(r, item);
		if (item)
			all = join(r, all, item);
		if (all && all->size > CODE_MAX)
			return reader_fail(r, "expression too large", r->all);
	}
	return all ? all : regex_node_new(r, NODE_EMPTY);
}

static struct node *read_either(struct reader *r)
{
	struct node *n;

	if (++r->depth > NEST_MAX)
		return reader_fail(r, "expression nests too deeply", r->all);
	n = read_join(r);
	while (!r->failed && reader_take(r, "|")) {
		struct node *either = regex_node_new(r, NODE_EITHER);
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
		return reader_fail(&r, "invalid UTF-8", pattern);
	n = read_either(&r);
	if (!r.failed && r.rest.len)
		return reader_fail(&r, "unexpected )", pattern);
	return n;
}
