#include <kube/flags.h>

#include "flags_value.h"
#include "go_text.h"

/* ---- names ---- */

/* `_` and `-` are the same letter in a name, as upstream normalises them. */
static bool name_matches(const char *name, struct str given)
{
	for (size_t i = 0; i < given.len; i++) {
		char c = given.at[i] == '_' ? '-' : given.at[i];
		if (name[i] == '\0' || c != name[i])
			return false;
	}
	return name[given.len] == '\0';
}

static struct flag *find_flag(struct flag *flags, struct str name)
{
	for (struct flag *f = flags; f->name; f++)
		if (name_matches(f->name, name))
			return f;
	return NULL;
}

static struct flag *find_letter(struct flag *flags, char letter)
{
	for (struct flag *f = flags; f->name; f++)
		if (f->letter && f->letter == letter)
			return f;
	return NULL;
}

/* A table may give a flag one letter as its whole name: `-v` is `--v` then. */
static struct flag *find_short(struct flag *flags, char letter)
{
	struct flag *f = find_letter(flags, letter);

	return f ? f : find_flag(flags, str_make(&letter, 1));
}

struct str flags_suggest(struct flag *flags, struct arena *a, struct str word, const char *prefix)
{
	const char *names[512];
	size_t count = 0;

	for (struct flag *f = flags; f->name && count < ARRAY_LEN(names); f++)
		if (!f->hidden && !f->deprecated)
			names[count++] = f->name;
	const char *near = flags_nearest(word, names, count);
	return near ? arena_print(a, "; did you mean %s%s?", prefix, near) : STR("");
}

/* ---- setting ---- */

void flags_init(struct flag *flags, struct arena *a)
{
	for (struct flag *f = flags; f->name; f++) {
		f->set = f->from_line = false;
		flags_clear(f);
		if (!f->fallback)
			continue;
		int code = flags_set(f, a, str_from(f->fallback), true, NULL);
		assert(code == 0 && "a default does not parse");
		(void)code;
	}
}

static int bad_value(const struct flag *f, struct str value, struct err *why, struct err *err)
{
	_cleanup_(buf_done) struct buf name = BUF_INIT(KIB);
	_cleanup_(buf_done) struct buf quoted = BUF_INIT(2 * KIB);

	if (f->letter)
		buf_print(&name, "-%c, ", f->letter);
	buf_print(&name, "--%s", f->name);
	go_print_quoted(&quoted, str_sub(value, 0, 256));
	err_set(err, ERR_USAGE, "invalid argument %s for \"%s\" flag: %s", buf_text(&quoted),
		buf_text(&name), err_text(why));
	err_done(why);
	return ERR_USAGE;
}

static int set_from_line(struct flag *f, struct arena *a, struct str value, struct err *err)
{
	struct err why = {0};

	/* The first one on the line takes the place of a default or a config file's value. */
	if (flags_set(f, a, value, !f->from_line, &why))
		return bad_value(f, value, &why, err);
	f->set = f->from_line = true;
	return 0;
}

/* ---- the command line ---- */

struct line {
	struct flag *flags;
	struct arena *arena;
	char **argv;
	int argc, at; /* at: the next word */
	struct flag_list *rest;
};

static int take_word(struct line *l, const char *word, struct err *err)
{
	if (!l->rest)
		return err_set(err, ERR_USAGE, "unexpected argument \"%.256s\"", word);
	l->rest->items[l->rest->count++] = str_from(word);
	return 0;
}

static int take_long(struct line *l, const char *word, struct err *err)
{
	struct str name, value;
	bool has_value = str_cut(str_from(word + 2), '=', &name, &value);

	if (name.len == 0 || name.at[0] == '-')
		return err_set(err, ERR_USAGE, "bad flag syntax: %.256s", word);
	struct flag *f = find_flag(l->flags, name);
	if (!f)
		return err_set(err, ERR_USAGE, "unknown flag: --%.*s%.*s",
			STRF(str_sub(name, 0, 256)),
			STRF(flags_suggest(l->flags, l->arena, name, "--")));
	if (!has_value && f->kind == FLAG_KIND_BOOL) {
		value = STR("true");
	} else if (!has_value) {
		if (l->at >= l->argc)
			return err_set(err, ERR_USAGE, "flag needs an argument: --%s", f->name);
		value = str_from(l->argv[l->at++]);
	}
	return set_from_line(f, l->arena, value, err);
}

/* "-abc", "-v4", "-v=4", "-v 4": letters without values, the last one perhaps with one. */
static int take_letters(struct line *l, const char *word, struct err *err)
{
	for (const char *c = word + 1; *c; c++) {
		struct flag *f = find_short(l->flags, *c);
		struct str value;
		if (!f)
			return err_set(err, ERR_USAGE, "unknown shorthand flag: '%c' in -%.256s",
				(unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e ? '?' : *c, c);
		if (c[1] == '=' && c[2] != '\0')
			value = str_from(c + 2);
		else if (f->kind == FLAG_KIND_BOOL)
			value = STR("true");
		else if (c[1] != '\0')
			value = str_from(c + 1);
		else if (l->at < l->argc)
			value = str_from(l->argv[l->at++]);
		else
			return err_set(
				err, ERR_USAGE, "flag needs an argument: '%c' in -%.256s", *c, c);
		if (set_from_line(f, l->arena, value, err))
			return ERR_USAGE;
		if (f->kind != FLAG_KIND_BOOL || (c[1] == '=' && c[2] != '\0'))
			break;
	}
	return 0;
}

int flags_parse(struct flag *flags, struct arena *a, int argc, char **argv, struct flag_list *rest,
	struct err *err)
{
	struct line l = {.flags = flags, .arena = a, .argv = argv, .argc = argc, .rest = rest};

	if (argc > 0 && (size_t)argc > FLAGS_MAX_ARGS)
		return err_set(err, ERR_USAGE, "more than %zu arguments", FLAGS_MAX_ARGS);
	if (rest)
		*rest = (struct flag_list){
			.items = arena_alloc(a, (size_t)MAX(argc, 1) * sizeof(*rest->items))};
	while (l.at < l.argc) {
		const char *word = l.argv[l.at++];
		int code;
		if (word[0] != '-' || word[1] == '\0')
			code = take_word(&l, word, err);
		else if (word[1] != '-')
			code = take_letters(&l, word, err);
		else if (word[2] != '\0')
			code = take_long(&l, word, err);
		else
			break;
		if (code)
			return code;
	}
	for (; l.at < l.argc; l.at++)
		if (take_word(&l, l.argv[l.at], err))
			return ERR_USAGE;
	return 0;
}
