/* Upstream's reading of files of variables: a strict part of what a shell would take. */
#include "variable_files.h"

struct lines {
	struct str rest, line;
	long number;
};

static bool next_line(struct lines *l)
{
	if (!l->rest.len || !str_next(&l->rest, '\n', &l->line))
		return false;
	l->number++;
	if (l->line.len && l->line.at[l->line.len - 1] == '\r')
		l->line.len--;
	return true;
}

static struct str skip_blanks(struct str s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = str_skip(s, 1);
	return s;
}

static int fault(struct err *err, long line, const char *text)
{
	return err_set(err, ERR_INVALID, "invalid environment variable format at line %ld: %s",
		line, text);
}

static int check_name(struct str name, long line, struct err *err)
{
	size_t len = name.len;

	while (len && (name.at[len - 1] == ' ' || name.at[len - 1] == '\t'))
		len--;
	if (len == 0)
		return fault(err, line, "empty variable name");
	return len == name.len ? 0 : fault(err, line, "whitespace before '=' is not allowed");
}

/* Behind the first quote; the value ends with the next one, perhaps lines later. */
static int read_value(struct lines *l, struct str first, struct buf *value, struct err *err)
{
	long begun = l->number;
	struct str rest = first;

	for (;;) {
		ptrdiff_t end = str_find_char(rest, '\'');

		if (end >= 0) {
			struct str behind = skip_blanks(str_skip(rest, (size_t)end + 1));

			buf_add(value, rest.at, (size_t)end);
			if (behind.len && behind.at[0] != '#')
				return fault(
					err, l->number, "unexpected content after closing quote");
			return 0;
		}
		buf_add_str(value, rest);
		buf_add_char(value, '\n');
		if (!next_line(l))
			return err_set(err, ERR_INVALID,
				"invalid environment variable format starting at line %ld: "
				"unclosed single quote",
				begun);
		rest = l->line;
	}
}

int variable_find(
	struct arena *a, struct str text, struct str key, struct str *value, struct err *err)
{
	struct lines l = {.rest = text};
	struct str name, said;

	*value = STR("");
	while (next_line(&l)) {
		_cleanup_(buf_done) struct buf found = BUF_INIT(text.len + 1);
		struct str line = skip_blanks(l.line);

		if (!line.len || line.at[0] == '#')
			continue;
		if (!str_cut(line, '=', &name, &said))
			return fault(err, l.number, "missing '='");
		int code = check_name(name, l.number, err);
		if (code)
			return code;
		/* As in a shell, where what comes behind a blank is another word. */
		if (skip_blanks(said).len != said.len) {
			if (str_eq(name, key))
				return 0;
			continue;
		}
		if (!said.len || said.at[0] != '\'')
			return fault(err, l.number, "value must be enclosed in single quotes");
		code = read_value(&l, str_skip(said, 1), &found, err);
		if (code)
			return code;
		if (str_eq(name, key)) {
			*value = arena_str(a, buf_str(&found));
			return 0;
		}
	}
	return 0;
}
