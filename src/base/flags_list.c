/* Flags with many values: lists (comma-separated as Go's encoding/csv reads them), maps, gates. */
#include "flags_value.h"
#include "go_text.h"

static size_t room_for(size_t count)
{
	size_t room = 1;

	while (room < count)
		room *= 2;
	return count ? room : 0;
}

/* Grows an array in the arena when the next element needs it. */
static void *grow(struct arena *a, void *items, size_t count, size_t size)
{
	if (room_for(count) >= count + 1)
		return items;
	void *grown = arena_alloc(a, room_for(count + 1) * size);
	if (count)
		memcpy(grown, items, count * size);
	return grown;
}

int flags_add_item(struct flag_list *list, struct arena *a, struct str item, struct err *err)
{
	if (list->count >= FLAGS_MAX_ITEMS)
		return err_set(err, ERR_USAGE, "more than %zu values", FLAGS_MAX_ITEMS);
	list->items = grow(a, list->items, list->count, sizeof(*list->items));
	list->items[list->count++] = arena_str(a, item);
	return 0;
}

int flags_put_pair(
	struct flag_map *map, struct arena *a, struct str key, struct str value, struct err *err)
{
	for (size_t i = 0; i < map->count; i++) {
		if (str_eq(map->items[i].key, key)) {
			map->items[i].value = arena_str(a, value);
			return 0;
		}
	}
	if (map->count >= FLAGS_MAX_ITEMS)
		return err_set(err, ERR_USAGE, "more than %zu pairs", FLAGS_MAX_ITEMS);
	map->items = grow(a, map->items, map->count, sizeof(*map->items));
	map->items[map->count++] = (struct flag_pair){arena_str(a, key), arena_str(a, value)};
	return 0;
}

static int csv_error(struct str whole, struct str at, const char *what, struct err *err)
{
	return err_set(err, ERR_USAGE, "parse error on line 1, column %zu: %s",
		(size_t)(at.at - whole.at) + 1, what);
}

/* A field in quotes; *rest begins behind the opening one and ends behind the closing one. */
static int csv_quoted(struct str whole, struct str *rest, struct buf *field, struct err *err)
{
	for (;;) {
		struct str piece;
		if (!str_cut(*rest, '"', &piece, rest))
			return csv_error(whole, str_skip(piece, piece.len),
				"extraneous or missing \" in quoted-field", err);
		buf_add_str(field, piece);
		if (rest->len == 0 || rest->at[0] == ',')
			return 0;
		if (rest->at[0] != '"')
			return csv_error(whole, str_make(rest->at - 1, 0),
				"extraneous or missing \" in quoted-field", err);
		buf_add_char(field, '"');
		*rest = str_skip(*rest, 1);
	}
}

/* One record. What follows a line break outside quotes is not looked at, as in pflag. */
static int csv_parse(struct arena *a, struct str text, struct flag_list *fields, struct err *err)
{
	_cleanup_(buf_done) struct buf quoted = BUF_INIT(FLAGS_MAX_VALUE);
	struct str line = text, rest;
	bool more = true;

	if (str_find_char(text, '"') < 0)
		str_cut(text, '\n', &line, &rest);
	if (line.len && line.at[line.len - 1] == '\r')
		line.len--;
	for (rest = line; more;) {
		struct str field;
		if (rest.len && rest.at[0] == '"') {
			buf_clear(&quoted);
			rest = str_skip(rest, 1);
			if (csv_quoted(line, &rest, &quoted, err))
				return ERR_USAGE;
			field = buf_str(&quoted);
			more = rest.len > 0;
			rest = str_skip(rest, 1);
		} else {
			more = str_cut(rest, ',', &field, &rest);
			ssize_t quote = str_find_char(field, '"');
			if (quote >= 0)
				return csv_error(line, str_skip(field, (size_t)quote),
					"bare \" in non-quoted-field", err);
		}
		if (flags_add_item(fields, a, field, err))
			return ERR_USAGE;
	}
	return 0;
}

int flags_set_list(struct flag *f, struct arena *a, struct str text, bool replace, struct err *err)
{
	struct flag_list fields = {0}, list = *(struct flag_list *)f->target;

	if (text.len && csv_parse(a, text, &fields, err))
		return ERR_USAGE;
	if (replace)
		list = (struct flag_list){0};
	for (size_t i = 0; i < fields.count; i++)
		if (flags_add_item(&list, a, fields.items[i], err))
			return ERR_USAGE;
	*(struct flag_list *)f->target = list;
	return 0;
}

/* A map to add to: the array is copied, so that a failure half way leaves the target alone. */
static struct flag_map copy_map(const struct flag *f, struct arena *a, bool replace)
{
	const struct flag_map *old = f->target;
	struct flag_map map = {0};

	if (replace || old->count == 0)
		return map;
	map.count = old->count;
	map.items = arena_alloc(a, room_for(map.count) * sizeof(*map.items));
	memcpy(map.items, old->items, map.count * sizeof(*map.items));
	return map;
}

/* Everything with one `=` is one pair, so that a single value may have commas. */
static int split_pairs(struct arena *a, struct str text, struct flag_list *pairs, struct err *err)
{
	ssize_t first = str_find_char(text, '='), last = str_find_last_char(text, '=');

	if (text.len == 0)
		return 0;
	if (first != last)
		return csv_parse(a, text, pairs, err);
	while (text.len && text.at[0] == '"')
		text = str_skip(text, 1);
	while (text.len && text.at[text.len - 1] == '"')
		text.len--;
	return flags_add_item(pairs, a, text, err);
}

int flags_set_map(struct flag *f, struct arena *a, struct str text, bool replace, struct err *err)
{
	struct flag_map map = copy_map(f, a, replace);
	struct flag_list pairs = {0};

	if (split_pairs(a, text, &pairs, err))
		return ERR_USAGE;
	for (size_t i = 0; i < pairs.count; i++) {
		struct str key, value;
		if (!str_cut(pairs.items[i], '=', &key, &value))
			return err_set(err, ERR_USAGE, "%.*s must be formatted as key=value",
				STRF(str_sub(pairs.items[i], 0, 256)));
		if (flags_put_pair(&map, a, key, value, err))
			return ERR_USAGE;
	}
	*(struct flag_map *)f->target = map;
	return 0;
}

static const struct flag_gate *find_gate(const struct flag_gate *gates, struct str name)
{
	for (; gates && gates->name; gates++)
		if (str_eq_text(name, gates->name))
			return gates;
	return NULL;
}

int flags_check_gate(
	const struct flag_gate *gates, struct str name, struct str *value, struct err *err)
{
	const struct flag_gate *gate = find_gate(gates, name);
	bool on;

	if (!go_parse_bool(*value, &on)) {
		struct err why = {0};
		go_number_error(&why, "ParseBool", *value, GO_NUMBER_SYNTAX);
		err_set(err, ERR_USAGE, "invalid value of %.*s=%.*s, err: %s", STRF(name),
			STRF(str_sub(*value, 0, 256)), err_text(&why));
		err_done(&why);
		return ERR_USAGE;
	}
	*value = on ? STR("true") : STR("false");
	if (str_eq_text(name, "AllAlpha") || str_eq_text(name, "AllBeta"))
		return 0;
	if (!gate)
		return err_set(err, ERR_USAGE, "unrecognized feature gate: %.*s",
			STRF(str_sub(name, 0, 256)));
	if (gate->locked && on != gate->on)
		return err_set(err, ERR_USAGE,
			"cannot set feature gate %s to %s, feature is locked to %s", gate->name,
			on ? "true" : "false", gate->on ? "true" : "false");
	return 0;
}

int flags_set_gates(struct flag *f, struct arena *a, struct str text, bool replace, struct err *err)
{
	struct flag_map map = copy_map(f, a, replace);
	struct str rest = text, pair;

	while (str_next(&rest, ',', &pair)) {
		struct str name, value;
		if (str_trim(pair).len == 0)
			continue;
		if (!str_cut(pair, '=', &name, &value))
			return err_set(err, ERR_USAGE, "missing bool value for %.*s",
				STRF(str_sub(str_trim(pair), 0, 256)));
		name = str_trim(name);
		value = str_trim(value);
		if (flags_check_gate(f->gates, name, &value, err) ||
			flags_put_pair(&map, a, name, value, err))
			return ERR_USAGE;
	}
	*(struct flag_map *)f->target = map;
	return 0;
}

/* AllAlpha and AllBeta speak for the gates of their stage that are not named themselves. */
static bool speaks_for(struct str key, const struct flag_gate *gate)
{
	struct str stage = str_from(gate->stage);

	return (str_eq_text(key, "AllAlpha") && str_eq_text(stage, "ALPHA")) ||
	       (str_eq_text(key, "AllBeta") && str_eq_text(stage, "BETA"));
}

bool flags_gate(const struct flag_map *gates, const struct flag_gate *table, const char *name)
{
	const struct flag_gate *gate = find_gate(table, str_from(name));

	assert(gate && "a feature gate that is in no table");
	bool on = gate->on;
	if (gate->locked)
		return on;
	for (size_t i = 0; i < gates->count; i++) {
		bool value = str_eq_text(gates->items[i].value, "true");
		if (str_eq_text(gates->items[i].key, name))
			return value;
		if (speaks_for(gates->items[i].key, gate))
			on = value;
	}
	return on;
}
