/* Host names, addresses of mail, URIs. */
#include "formats.h"

#include "go_url.h"

/* ---- hosts ---- */

/* Letters, digits, symbols; what is not ASCII counts as one of them. */
static bool in_label(char c)
{
	return is_letter(c) || is_digit(c) || (signed char)c < 0 || (c && strchr("$+<=>^`|~", c));
}

/* One label: one hyphen may stand behind its first character. */
static bool is_lone(struct str s)
{
	size_t i = 1;

	if (!s.len || !in_label(s.at[0]))
		return false;
	if (i < s.len && s.at[i] == '-')
		i++;
	for (; i < s.len; i++)
		if (!in_label(s.at[i]))
			return false;
	return true;
}

static bool is_label(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!in_label(s.at[i]) && (s.at[i] != '-' || i == 0 || i + 1 == s.len))
			return false;
	return s.len > 0 && s.len <= 63;
}

static bool is_top(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_letter(s.at[i]) && (signed char)s.at[i] >= 0)
			return false;
	return s.len >= 2 && s.len <= 63;
}

bool format_hostname(struct str s)
{
	struct str rest = s, label;

	if (s.len > 255)
		return false;
	if (str_find_char(s, '.') < 0)
		return s.len <= 63 && is_lone(s);
	while (str_cut(rest, '.', &label, &rest))
		if (!is_label(label))
			return false;
	return is_top(rest);
}

/* ---- URIs ---- */

/* As in the first line of a request: with a scheme, or a path from the root. */
bool format_uri(struct str s)
{
	struct arena a;
	struct go_url url;
	struct str problem;
	bool fits;

	arena_init(&a);
	fits = s.len && go_url_parse(&a, s, &url, &problem) &&
	       (url.scheme.len || s.at[0] == '/' || str_eq_text(s, "*"));
	arena_done(&a);
	return fits;
}

/* ---- mail ---- */

struct mail {
	struct str s;
	size_t i;
};

static bool more(const struct mail *m)
{
	return m->i < m->s.len;
}

static char at(const struct mail *m)
{
	return more(m) ? m->s.at[m->i] : 0;
}

static bool skip_comment(struct mail *m)
{
	size_t depth = 0;

	do {
		if (at(m) == '\\')
			m->i++;
		else if (at(m) == '(')
			depth++;
		else if (at(m) == ')')
			depth--;
		if (!more(m))
			return false;
		m->i++;
	} while (depth);
	return true;
}

/* Blanks and comments. */
static bool skip_space(struct mail *m)
{
	for (;;) {
		while (at(m) == ' ' || at(m) == '\t')
			m->i++;
		if (at(m) != '(')
			return true;
		if (!skip_comment(m))
			return false;
	}
}

static bool in_atom(char c)
{
	return is_letter(c) || is_digit(c) || (signed char)c < 0 ||
	       (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Atoms; with dots between them where `dotted`, anywhere where `loose`. */
static bool take_atom(struct mail *m, bool dotted, bool loose)
{
	size_t from = m->i;

	while (in_atom(at(m)) || ((dotted || loose) && at(m) == '.'))
		m->i++;
	struct str atom = str_sub(m->s, from, m->i);
	if (!atom.len)
		return false;
	return loose ||
	       (atom.at[0] != '.' && atom.at[atom.len - 1] != '.' && str_find(atom, STR("..")) < 0);
}

static bool take_quoted(struct mail *m)
{
	for (m->i++; more(m); m->i++) {
		char c = at(m);

		if (c == '"') {
			m->i++;
			return true;
		}
		if (c == '\\')
			c = ++m->i < m->s.len ? m->s.at[m->i] : 0;
		if ((unsigned char)c < 0x20 && c != '\t')
			return false;
		if (c == 0x7f)
			return false;
	}
	return false;
}

static bool take_domain(struct mail *m)
{
	if (at(m) != '[')
		return take_atom(m, true, false);
	for (m->i++; more(m) && at(m) != ']'; m->i++)
		if ((unsigned char)at(m) <= ' ' || at(m) == '[' || at(m) == '\\')
			return false;
	return more(m) && m->i++;
}

static bool take_address(struct mail *m)
{
	bool local = at(m) == '"' ? take_quoted(m) : take_atom(m, true, false);

	if (!local || !skip_space(m) || at(m) != '@')
		return false;
	m->i++;
	return skip_space(m) && more(m) && take_domain(m);
}

/* A name, then the address in angles. */
static bool take_named(struct mail *m)
{
	while (at(m) != '<') {
		bool word = at(m) == '"' ? take_quoted(m) : take_atom(m, true, true);

		if (!word || !skip_space(m))
			return false;
	}
	m->i++;
	if (!skip_space(m) || !take_address(m) || !skip_space(m) || at(m) != '>')
		return false;
	m->i++;
	return true;
}

bool format_email(struct str s)
{
	struct mail plain = {.s = s}, named = {.s = s};

	if (skip_space(&plain) && take_address(&plain) && skip_space(&plain) && !more(&plain))
		return true;
	return skip_space(&named) && take_named(&named) && skip_space(&named) && !more(&named);
}
