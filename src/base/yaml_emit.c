/*
 * Scalars as the emitter of Go's yaml.v2 writes them: the style follows from the text, lines
 * longer than 80 columns are folded at the next single space.
 */
#include "yaml_emit.h"
#include "yaml_scalar.h"

enum { BEST_WIDTH = 80, SIMPLE_KEY_MAX = 128 };

/* ---- position ---- */

void yaml_emit_break(struct yaml_emitter *e)
{
	buf_add_char(e->out, '\n');
	e->column = 0;
}

void yaml_emit_indent(struct yaml_emitter *e)
{
	int indent = MAX(e->indent, 0);

	if (!e->indention || e->column > indent || (e->column == indent && !e->whitespace))
		yaml_emit_break(e);
	if (e->column < indent) {
		size_t spaces = (size_t)(indent - e->column);
		char *room = buf_reserve(e->out, spaces);
		if (room) {
			memset(room, ' ', spaces);
			buf_advance(e->out, spaces);
		}
		e->column = indent;
	}
	e->whitespace = e->indention = true;
}

void yaml_emit_indicator(
	struct yaml_emitter *e, const char *text, bool needs_space, bool keeps_indention)
{
	size_t len = strlen(text);

	if (needs_space && !e->whitespace) {
		buf_add_char(e->out, ' ');
		e->column++;
	}
	buf_add(e->out, text, len);
	e->column += (int)len;
	e->whitespace = false;
	e->indention = e->indention && keeps_indention;
}

static void put(struct yaml_emitter *e, const char *at, size_t width)
{
	buf_add(e->out, at, width);
	e->column++;
}

/* ---- characters ---- */

struct rune {
	uint32_t code;
	size_t width;
};

static struct rune rune_at(struct str s, size_t i)
{
	const unsigned char *at = (const unsigned char *)s.at + i;
	size_t width = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	struct rune r = {width == 1 ? at[0] : at[0] & (0xffU >> (width + 1)), width};

	if (i + width > s.len)
		return (struct rune){0xfffd, 1};
	for (size_t k = 1; k < width; k++)
		r.code = r.code << 6 | (at[k] & 0x3fU);
	return r;
}

static bool is_break(uint32_t c)
{
	return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

/* What needs no escape. The emitter counts neither tabs nor what lies above U+FFFF. */
static bool is_printable(uint32_t c)
{
	return c == '\n' || (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xfffd && c != 0xfeff);
}

/* ---- what a text allows ---- */

struct analysis {
	bool multiline, plain, single_quoted, block;
};

/* Would the character make a plain scalar something else? */
static bool is_indicator(char c, bool first, bool space_before, bool space_after)
{
	if (c == ':')
		return space_after;
	if (!first)
		return c == '#' && space_before;
	return strchr("#,[]{}&*!|>'\"%@`", c) || ((c == '?' || c == '-') && space_after);
}

/* Letters, digits and what stands in names and paths: nothing to them, but at the beginning. */
static bool is_ordinary(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '-' && c <= '9') ||
	       c == '_';
}

static struct analysis analyze(struct str s)
{
	bool indicators = str_starts(s, STR("---")) || str_starts(s, STR("..."));
	bool special = false, breaks = false, edge = false, trailing_space = false;
	bool break_space = false, space_break = false;
	bool after_space = false, after_break = false, space_before = true;

	for (size_t i = 0; i < s.len;) {
		if (i > 0 && is_ordinary(s.at[i])) {
			after_space = after_break = space_before = false;
			i++;
			continue;
		}
		struct rune r = rune_at(s, i);
		bool first = i == 0, last = i + r.width >= s.len;
		bool space_after = last || s.at[i + r.width] == ' ' || s.at[i + r.width] == '\t';
		bool space = r.code == ' ', line_break = is_break(r.code);

		if (r.code < 0x80 && r.code != 0)
			indicators |= is_indicator((char)r.code, first, space_before, space_after);
		special |= !is_printable(r.code);
		breaks |= line_break;
		edge |= (space || line_break) && (first || last);
		trailing_space |= space && last;
		break_space |= space && after_break;
		space_break |= line_break && after_space;
		after_space = space;
		after_break = line_break;
		space_before = space || line_break || r.code == '\t' || r.code == 0;
		i += r.width;
	}
	return (struct analysis){
		.multiline = breaks,
		.plain = !(indicators || special || breaks || edge),
		.single_quoted = !(special || break_space || space_break),
		.block = s.len && !(special || space_break || trailing_space),
	};
}

/* ---- styles ---- */

static bool fold_here(struct yaml_emitter *e, bool may_fold, bool after_space)
{
	return may_fold && !after_space && e->column > BEST_WIDTH;
}

static bool fits_on_line(const struct yaml_emitter *e, struct str s)
{
	return e->column + (int)MIN(s.len, (size_t)INT32_MAX / 2) <= BEST_WIDTH;
}

static void emit_plain(struct yaml_emitter *e, struct str s, bool may_fold)
{
	bool after_space = false;

	if (!e->whitespace)
		put(e, " ", 1);
	if (fits_on_line(e, s)) {
		buf_add_str(e->out, s);
		for (size_t i = 0; i < s.len; i++)
			e->column += ((unsigned char)s.at[i] & 0xc0) != 0x80;
	} else {
		for (size_t i = 0; i < s.len;) {
			struct rune r = rune_at(s, i);
			bool space = r.code == ' ';
			if (space && fold_here(e, may_fold, after_space) && s.at[i + 1] != ' ')
				yaml_emit_indent(e);
			else
				put(e, s.at + i, r.width);
			if (!space)
				e->indention = false;
			after_space = space;
			i += r.width;
		}
	}
	e->whitespace = e->indention = false;
}

static void emit_single_quoted(struct yaml_emitter *e, struct str s, bool may_fold)
{
	bool after_space = false, after_break = false;

	yaml_emit_indicator(e, "'", true, false);
	for (size_t i = 0; i < s.len;) {
		struct rune r = rune_at(s, i);
		if (r.code == ' ') {
			if (i > 0 && i + 1 < s.len && fold_here(e, may_fold, after_space) &&
				s.at[i + 1] != ' ')
				yaml_emit_indent(e);
			else
				put(e, s.at + i, 1);
			after_space = true;
		} else if (is_break(r.code)) { /* U+2028 and U+2029: a line feed is never quoted */
			put(e, s.at + i, r.width);
			e->column = 0;
			e->indention = after_break = true;
		} else {
			if (after_break)
				yaml_emit_indent(e);
			if (r.code == '\'')
				put(e, "'", 1);
			put(e, s.at + i, r.width);
			e->indention = after_space = after_break = false;
		}
		i += r.width;
	}
	yaml_emit_indicator(e, "'", false, false);
}

static void emit_escape(struct yaml_emitter *e, uint32_t c)
{
	static const struct {
		uint32_t code;
		char letter;
	} short_forms[] = {{0, '0'}, {7, 'a'}, {8, 'b'}, {9, 't'}, {10, 'n'}, {11, 'v'}, {12, 'f'},
		{13, 'r'}, {0x1b, 'e'}, {'"', '"'}, {'\\', '\\'}, {0x85, 'N'}, {0xa0, '_'},
		{0x2028, 'L'}, {0x2029, 'P'}};
	size_t before = e->out->len;

	buf_add_char(e->out, '\\');
	for (size_t i = 0; i < ARRAY_LEN(short_forms); i++) {
		if (short_forms[i].code == c) {
			buf_add_char(e->out, short_forms[i].letter);
			e->column += 2;
			return;
		}
	}
	if (c <= 0xff)
		buf_print(e->out, "x%02X", c);
	else if (c <= 0xffff)
		buf_print(e->out, "u%04X", c);
	else
		buf_print(e->out, "U%08X", c);
	e->column += (int)(e->out->len - before);
}

static void emit_double_quoted(struct yaml_emitter *e, struct str s, bool may_fold)
{
	bool after_space = false;

	yaml_emit_indicator(e, "\"", true, false);
	for (size_t i = 0; i < s.len;) {
		struct rune r = rune_at(s, i);
		bool space = r.code == ' ';
		if (!is_printable(r.code) || is_break(r.code) || r.code == '"' || r.code == '\\') {
			emit_escape(e, r.code);
		} else if (space && i > 0 && i + 1 < s.len && fold_here(e, may_fold, after_space)) {
			yaml_emit_indent(e);
			if (s.at[i + 1] == ' ')
				put(e, "\\", 1);
		} else {
			put(e, s.at + i, r.width);
		}
		after_space = space;
		i += r.width;
	}
	yaml_emit_indicator(e, "\"", false, false);
}

/* Keep (+), strip (-) or clip the line breaks at the end. */
static const char *chomping(struct str s)
{
	size_t last = s.len, before;

	do
		last--;
	while (last && ((unsigned char)s.at[last] & 0xc0) == 0x80);
	if (!is_break(rune_at(s, last).code))
		return "-";
	if (last == 0)
		return "+";
	before = last;
	do
		before--;
	while (before && ((unsigned char)s.at[before] & 0xc0) == 0x80);
	return is_break(rune_at(s, before).code) ? "+" : "";
}

static void emit_literal(struct yaml_emitter *e, struct str s)
{
	uint32_t first = rune_at(s, 0).code;
	bool after_break = true;

	yaml_emit_indicator(e, "|", true, false);
	if (first == ' ' || is_break(first))
		yaml_emit_indicator(e, "2", false, false);
	yaml_emit_indicator(e, chomping(s), false, false);
	yaml_emit_break(e);
	e->indention = e->whitespace = true;
	for (size_t i = 0; i < s.len;) {
		struct rune r = rune_at(s, i);
		if (is_break(r.code)) {
			put(e, s.at + i, r.width);
			e->column = 0;
			e->indention = after_break = true;
		} else {
			if (after_break)
				yaml_emit_indent(e);
			put(e, s.at + i, r.width);
			e->indention = after_break = false;
		}
		i += r.width;
	}
}

static bool is_plain_string(struct str s, bool key)
{
	/* kubectl prints a key `<<` plainly and then cannot read what it wrote. */
	if (key && str_eq_text(s, "<<"))
		return false;
	return yaml_resolve(s, true).kind == YAML_KIND_STRING && !yaml_is_base60(s);
}

void yaml_emit_string(struct yaml_emitter *e, struct str s, bool simple_key)
{
	struct analysis may = analyze(s);
	int indent = e->indent;

	e->indent = indent < 0 ? 2 : indent + 2;
	if (!(simple_key && may.multiline) && s.len && memchr(s.at, '\n', s.len)) {
		if (may.block)
			emit_literal(e, s);
		else
			emit_double_quoted(e, s, !simple_key);
	} else if ((simple_key && may.multiline) || !is_plain_string(s, simple_key)) {
		emit_double_quoted(e, s, !simple_key);
	} else if (may.plain) {
		emit_plain(e, s, !simple_key);
	} else if (may.single_quoted) {
		emit_single_quoted(e, s, !simple_key);
	} else {
		emit_double_quoted(e, s, !simple_key);
	}
	e->indent = indent;
}

void yaml_emit_word(struct yaml_emitter *e, struct str text)
{
	emit_plain(e, text, false);
}

bool yaml_is_simple_key(struct str s)
{
	if (s.len > SIMPLE_KEY_MAX)
		return false;
	for (size_t i = 0; i < s.len;) {
		struct rune r = rune_at(s, i);
		if (is_break(r.code))
			return false;
		i += r.width;
	}
	return true;
}
