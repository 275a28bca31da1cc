/* JSON and YAML as trees, with what was repeated in them. */
#include "body_private.h"

#include <kube/yaml.h>

/* A byte in eight may be a node: objects have ample room, and hostile bodies cost little. */
static size_t nodes_for(struct str text)
{
	return text.len / 8 + 10000;
}

static void note_json(void *ctx, struct str path)
{
	struct decode_notes *notes = ctx;

	decode_note(notes, arena_print(notes->arena, "duplicate field \"%.*s\"", STRF(path)));
}

static void note_yaml(void *ctx, const struct yaml_duplicate *duplicate)
{
	struct decode_notes *notes = ctx;
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	yaml_print_duplicate(&text, duplicate);
	decode_note(notes, arena_str(notes->arena, buf_str(&text)));
}

/* Go says what is wrong and not where: the position that our parser adds goes. */
static struct str without_position(struct str text)
{
	struct str found = text;

	for (size_t at = 0; at + 11 <= text.len; at++)
		if (str_starts(str_skip(text, at), STR(" at offset ")))
			found = str_sub(text, 0, at);
	return found;
}

int body_parse(struct arena *a, struct str text, bool yaml, struct decode_notes *duplicates,
	struct cJSON **root, struct err *err)
{
	_cleanup_(err_done) struct err own = {0};
	struct str why;

	if (yaml) {
		struct yaml_options options = {.limits.max_expanded = nodes_for(text),
			.duplicate = duplicates ? note_yaml : NULL,
			.ctx = duplicates};

		if (!yaml_read(a, text, &options, root, &own))
			return 0;
		why = str_from(err_text(&own));
	} else {
		struct json_options options = {.limits.max_nodes = nodes_for(text),
			.duplicate = duplicates ? note_json : NULL,
			.ctx = duplicates};

		if (!json_parse(a, text, &options, root, &own))
			return 0;
		why = without_position(str_from(err_text(&own)));
	}
	return err_set(err, own.code == ERR_TOO_LARGE ? ERR_TOO_LARGE : ERR_BAD_REQUEST, "%.*s",
		STRF(why));
}

/* ---- putting notes in the order of the document ---- */

struct order {
	struct str text;
	size_t at;
	struct arena *arena;
	const struct decode_notes *repeated, *unknown;
	struct decode_notes *out;
	bool *done_repeated, *done_unknown;
	uint32_t *seen; /* how often the path of each repetition has come */
};

static void order_value(struct order *o, struct str path, int depth);

static void skip_space(struct order *o)
{
	while (o->at < o->text.len && strchr(" \t\r\n", o->text.at[o->at]))
		o->at++;
}

static struct str take_string(struct order *o)
{
	size_t from = ++o->at;

	while (o->at < o->text.len && o->text.at[o->at] != '"')
		o->at += o->text.at[o->at] == '\\' ? 2 : 1;
	return str_sub(o->text, from, o->at++);
}

static bool note_is(struct str note, const char *prefix, struct str path)
{
	struct str p = str_from(prefix);

	return note.len == p.len + path.len + 1 && str_starts(note, p) &&
	       str_eq(str_sub(note, p.len, note.len - 1), path);
}

static void order_key(struct order *o, struct str path)
{
	for (size_t i = 0; i < o->repeated->count; i++) {
		if (o->done_repeated[i] ||
			!note_is(o->repeated->items[i], "duplicate field \"", path))
			continue;
		if (++o->seen[i] >= 2) {
			decode_note(o->out, o->repeated->items[i]);
			o->done_repeated[i] = true;
		}
		break;
	}
	for (size_t i = 0; i < o->unknown->count; i++)
		if (!o->done_unknown[i] &&
			note_is(o->unknown->items[i], "unknown field \"", path)) {
			decode_note(o->out, o->unknown->items[i]);
			o->done_unknown[i] = true;
			break;
		}
}

static void order_object(struct order *o, struct str path, int depth)
{
	o->at++;
	for (skip_space(o); o->at < o->text.len && o->text.at[o->at] == '"'; skip_space(o)) {
		struct str key = take_string(o);
		struct str child =
			path.len ? arena_print(o->arena, "%.*s.%.*s", STRF(path), STRF(key)) : key;

		order_key(o, child);
		skip_space(o);
		o->at++; /* the colon */
		order_value(o, child, depth + 1);
		skip_space(o);
		if (o->at < o->text.len && o->text.at[o->at] == ',')
			o->at++;
	}
	o->at++;
}

static void order_array(struct order *o, struct str path, int depth)
{
	o->at++;
	skip_space(o);
	for (size_t index = 0; o->at < o->text.len && o->text.at[o->at] != ']'; index++) {
		order_value(o, arena_print(o->arena, "%.*s[%zu]", STRF(path), index), depth + 1);
		skip_space(o);
		if (o->at < o->text.len && o->text.at[o->at] == ',')
			o->at++;
		skip_space(o);
	}
	o->at++;
}

static void order_value(struct order *o, struct str path, int depth)
{
	skip_space(o);
	if (o->at >= o->text.len || depth > 1000)
		return;
	switch (o->text.at[o->at]) {
	case '{':
		order_object(o, path, depth);
		break;
	case '[':
		order_array(o, path, depth);
		break;
	case '"':
		take_string(o);
		break;
	default:
		while (o->at < o->text.len && !strchr(",]} \t\r\n", o->text.at[o->at]))
			o->at++;
	}
}

void body_order_notes(struct arena *a, struct str json, const struct decode_notes *repeated,
	const struct decode_notes *unknown, struct decode_notes *out)
{
	struct order o = {.text = json,
		.arena = a,
		.repeated = repeated,
		.unknown = unknown,
		.out = out,
		.done_repeated = arena_new(a, repeated->count + 1),
		.done_unknown = arena_new(a, unknown->count + 1),
		.seen = arena_new(a, (repeated->count + 1) * sizeof(uint32_t))};

	if (repeated->count && unknown->count)
		order_value(&o, STR(""), 0);
	for (size_t i = 0; i < repeated->count; i++)
		if (!o.done_repeated[i])
			decode_note(out, repeated->items[i]);
	for (size_t i = 0; i < unknown->count; i++)
		if (!o.done_unknown[i])
			decode_note(out, unknown->items[i]);
}
