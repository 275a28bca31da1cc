#include <kube/flags.h>

#include "flags_value.h"
#include "go_text.h"

#include <kube/time.h>

#define COLUMNS 80 /* the narrowest terminal in use */

static void print_name(const struct flag *f, struct buf *out)
{
	if (f->letter)
		buf_print(out, "  -%c, --%s", f->letter, f->name);
	else
		buf_print(out, "      --%s", f->name);
	if (f->value_name && f->value_name[0])
		buf_print(out, " %s", f->value_name);
}

/* As pflag: zero values go unsaid, text in quotes, lists in brackets. */
static void print_default(const struct flag *f, struct buf *out)
{
	struct str text = str_from(f->fallback);
	int64_t number;
	double real;
	bool on;

	switch (f->kind) {
	case FLAG_KIND_STRING:
		if (text.len) {
			buf_add_text(out, " (default ");
			go_print_quoted(out, text);
			buf_add_char(out, ')');
		}
		return;
	case FLAG_KIND_BOOL:
		if (go_parse_bool(text, &on) && on)
			buf_add_text(out, " (default true)");
		return;
	case FLAG_KIND_DURATION:
		if (text.len && duration_parse(text, &number, NULL) == 0 && number != 0) {
			buf_add_text(out, " (default ");
			duration_print(out, number);
			buf_add_char(out, ')');
		}
		return;
	case FLAG_KIND_INT:
	case FLAG_KIND_DOUBLE:
	case FLAG_KIND_QUANTITY:
		if (text.len && (go_parse_float(text, &real) != GO_NUMBER_OK || real != 0.0))
			buf_print(out, " (default %.*s)", STRF(text));
		return;
	case FLAG_KIND_LIST:
	case FLAG_KIND_STRINGS:
	case FLAG_KIND_MAP:
	case FLAG_KIND_GATES:
		if (text.len)
			buf_print(out, " (default [%.*s])", STRF(text));
		return;
	}
}

static void print_gates(const struct flag_gate *gates, struct buf *out)
{
	bool title = false;

	for (; gates && gates->name; gates++) {
		if (gates->locked)
			continue;
		buf_add_text(out, title ? "\n" : " Options are:\n");
		title = true;
		buf_print(out, "%s=true|false (", gates->name);
		if (gates->stage && gates->stage[0])
			buf_print(out, "%s - ", gates->stage);
		buf_print(out, "default=%s)", gates->on ? "true" : "false");
	}
}

/* How much of the line fits: up to the last space within the width, or the first behind it. */
static size_t fit(struct str line, size_t width)
{
	if (line.len <= width)
		return line.len;
	ssize_t space = str_find_last_char(str_sub(line, 0, width + 1), ' ');
	if (space <= 0)
		space = str_find_char(line, ' ');
	return space < 0 ? line.len : (size_t)space;
}

static void print_wrapped(struct str text, size_t indent, struct buf *out)
{
	size_t width = indent + 24 < COLUMNS ? COLUMNS - indent : 24;
	struct str line;

	for (bool first = true; str_next(&text, '\n', &line); first = false) {
		for (bool start = true; start || line.len; start = false) {
			if (!(first && start))
				buf_print(out, "\n%*s", (int)indent, "");
			size_t len = fit(line, width);
			buf_add_str(out, str_sub(line, 0, len));
			line = str_skip(line, len);
			while (line.len && line.at[0] == ' ')
				line = str_skip(line, 1);
		}
	}
	buf_add_char(out, '\n');
}

static bool is_shown(const struct flag *f)
{
	return !f->hidden && !f->deprecated;
}

static bool same_group(const struct flag *a, const struct flag *b)
{
	return str_eq(str_from(a->group), str_from(b->group));
}

static void print_group(const struct flag *flags, const struct flag *leader, struct buf *out)
{
	_cleanup_(buf_done) struct buf name = BUF_INIT(4 * KIB);
	_cleanup_(buf_done) struct buf help = BUF_INIT(FLAGS_MAX_VALUE);
	size_t widest = 0;

	for (const struct flag *f = flags; f->name; f++) {
		if (!is_shown(f) || !same_group(f, leader))
			continue;
		buf_clear(&name);
		print_name(f, &name);
		widest = MAX(widest, name.len);
	}
	if (leader->group)
		buf_print(out, "\n%s flags:\n\n", leader->group);
	for (const struct flag *f = flags; f->name; f++) {
		if (!is_shown(f) || !same_group(f, leader))
			continue;
		buf_clear(&name);
		buf_clear(&help);
		print_name(f, &name);
		buf_add_text(&help, f->help ? f->help : "");
		print_gates(f->gates, &help);
		print_default(f, &help);
		buf_print(out, "%-*s   ", (int)widest, buf_text(&name));
		print_wrapped(buf_str(&help), widest + 3, out);
	}
}

static bool leads_group(const struct flag *flags, const struct flag *f)
{
	for (const struct flag *earlier = flags; earlier != f; earlier++)
		if (is_shown(earlier) && same_group(earlier, f))
			return false;
	return is_shown(f);
}

void flags_print_help(const struct flag *flags, struct buf *out)
{
	for (int named = 0; named < 2; named++)
		for (const struct flag *f = flags; f->name; f++)
			if ((f->group != NULL) == (named == 1) && leads_group(flags, f))
				print_group(flags, f, out);
}
