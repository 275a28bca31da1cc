#include "findings.h"

#include "go_print.h"

#include <stdarg.h>

void findings_init(struct findings *f, struct arena *a)
{
	*f = (struct findings){.arena = a};
	map_init_borrowed(&f->seen);
}

void findings_done(struct findings *f)
{
	map_done(&f->seen);
}

void findings_cut(struct findings *f, size_t count)
{
	for (size_t i = count; i < f->count; i++)
		map_remove(&f->seen, f->items[i].likeness);
	f->count = MIN(f->count, count);
}

static void add(struct findings *f, struct finding found)
{
	if (map_has(&f->seen, found.likeness))
		return;
	ARENA_ROOM(f->arena, f->items, f->count, f->cap, 8);
	map_set(&f->seen, found.likeness, f);
	f->items[f->count++] = found;
}

void findings_merge(struct findings *into, const struct findings *from)
{
	for (size_t i = 0; i < from->count; i++)
		add(into, from->items[i]);
	into->matches += from->matches;
}

/* ---- places and values as text ---- */

static void print_spot(struct buf *out, const struct spot *s)
{
	if (!s)
		return;
	print_spot(out, s->up);
	if (s->name.at)
		buf_print(out, "%s%.*s", out->len || s->dotted ? "." : "", STRF(s->name));
	else
		buf_print(out, "[%lld]", (long long)s->index);
}

struct str spot_text(struct arena *a, const struct spot *s)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	print_spot(&text, s);
	return arena_str(a, buf_str(&text));
}

struct str go_number(struct arena *a, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * KIB);

	go_print_plain(&text, a, value);
	return arena_str(a, buf_str(&text));
}

struct str go_double(struct arena *a, double value)
{
	return go_number(a, json_new_double(a, value));
}

struct str go_shown(struct arena *a, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	if (json_is(value, JSON_NULL))
		return STR("null");
	if (json_is(value, JSON_STRING))
		return field_quote(a, json_str(value));
	if (json_is(value, JSON_NUMBER))
		return go_number(a, value);
	json_print(&text, value, JSON_COMPACT);
	return arena_str(a, buf_str(&text));
}

/* ---- one function a kind ---- */

static void add_at(struct findings *f, enum field_reason reason, const struct spot *s,
	struct str rest, struct str likeness)
{
	struct str at = spot_text(f->arena, s);

	if (at.len && at.at[0] == '.')
		at = str_skip(at, 1);
	add(f, (struct finding){.reason = reason, .at = at, .rest = rest, .likeness = likeness});
}

static void find_message(struct findings *f, enum field_reason reason, const struct spot *s,
	struct str value, const char *message, va_list args)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	buf_print(&text, "%.*s: ", STRF(value));
	size_t start = text.len;
	print_spot(&text, NULL);
	struct str at = spot_text(f->arena, s);
	buf_print(&text, "%.*s in body ", STRF(at));
	buf_vprint(&text, message, args);
	struct str whole = arena_str(f->arena, buf_str(&text));
	add_at(f, reason, s, whole, str_skip(whole, start));
}

void find_invalid(struct findings *f, const struct spot *s, const struct cJSON *value,
	const char *message, ...)
{
	va_list args;

	va_start(args, message);
	find_message(f, FIELD_INVALID, s, go_shown(f->arena, value), message, args);
	va_end(args);
}

void find_invalid_raw(
	struct findings *f, const struct spot *s, struct str value, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	find_message(f, FIELD_INVALID, s, value, message, args);
	va_end(args);
}

static void find_type_message(struct findings *f, const struct spot *s, struct str value,
	const char *message, ...) KUBE_PRINTF(4, 5);

static void find_type_message(
	struct findings *f, const struct spot *s, struct str value, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	find_message(f, FIELD_TYPE_INVALID, s, value, message, args);
	va_end(args);
}

void find_type(struct findings *f, const struct spot *s, struct str wanted, struct str got)
{
	struct str quoted = field_quote(f->arena, got);

	find_type_message(f, s, quoted, "must be of type %.*s: %.*s", STRF(wanted), STRF(quoted));
}

static struct str likeness(struct findings *f, const struct spot *s, const char *what)
{
	return arena_print(f->arena, "%.*s %s", STRF(spot_text(f->arena, s)), what);
}

void find_required(struct findings *f, const struct spot *s)
{
	add_at(f, FIELD_REQUIRED_VALUE, s, STR(""), likeness(f, s, "required"));
}

void find_too_long(struct findings *f, const struct spot *s, int64_t max)
{
	struct str rest = arena_print(f->arena, "may not be more than %lld bytes", (long long)max);

	add_at(f, FIELD_TOO_LONG, s, rest, likeness(f, s, rest.at));
}

void find_too_many(struct findings *f, const struct spot *s, size_t count, int64_t max)
{
	struct str rest = arena_print(f->arena, "%zu: must have at most %lld item%s", count,
		(long long)max, max == 1 ? "" : "s");

	add_at(f, FIELD_TOO_MANY, s, rest, likeness(f, s, rest.at));
}

void find_unsupported(struct findings *f, const struct spot *s, const struct cJSON *value,
	const struct cJSON *choices)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB), one = BUF_INIT(4 * MIB);

	buf_print(&text, "%.*s", STRF(go_shown(f->arena, value)));
	size_t start = text.len;
	json_each (choice, choices) {
		buf_clear(&one);
		if (json_is(choice, JSON_STRING))
			buf_add_str(&one, json_str(choice));
		else
			json_print(&one, choice, JSON_COMPACT);
		buf_print(&text, "%s%.*s", text.len == start ? ": supported values: " : ", ",
			STRF(field_quote(f->arena, buf_str(&one))));
	}
	struct str rest = arena_str(f->arena, buf_str(&text));
	add_at(f, FIELD_NOT_SUPPORTED, s, rest, likeness(f, s, rest.at + start));
}

void find_sentence(struct findings *f, const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	va_list args;

	buf_add_text(&text, "\"\": ");
	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	struct str whole = arena_str(f->arena, buf_str(&text));
	add(f, (struct finding){.reason = FIELD_INVALID,
		       .nowhere = true,
		       .rest = whole,
		       .likeness = str_skip(whole, 4)});
}

/* ---- all of them ---- */

void findings_report(const struct findings *f, const struct path *at, struct field_errors *errors)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *found = &f->items[i];
		struct path below = PATH(at, found->at.at), nowhere = PATH(NULL, "<nil>");
		bool here = found->nowhere || !found->at.len;

		field_add(errors, found->reason, !here ? &below : at ? at : &nowhere, found->rest);
	}
}
