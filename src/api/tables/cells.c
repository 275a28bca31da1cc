#include "cells.h"

#include <kube/time.h>

#define CELL_MAX (64 * KIB) /* a cell's text; objects are bounded anyway */

/* ---- adding ---- */

void row_add(struct table_row *row, struct str text)
{
	json_append(row->cells, json_new_str(row->arena, text));
}

void row_add_int(struct table_row *row, int64_t value)
{
	json_append(row->cells, json_new_int(row->arena, value));
}

void row_add_bool(struct table_row *row, bool value)
{
	json_append(row->cells, json_new_bool(row->arena, value));
}

/* As Go subtracts: what is too long is the longest there is, 292 years. */
int64_t time_between(int64_t from, int64_t to)
{
	int64_t between;

	if (__builtin_sub_overflow(to, from, &between))
		return to > from ? INT64_MAX : INT64_MIN;
	return between;
}

struct str row_since(struct table_row *row, struct str time, struct str fallback)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	int64_t at;

	if (!time.len || time_parse(time, &at, NULL))
		return fallback;
	duration_print_human(&text, time_between(at, row->now));
	return arena_str(row->arena, buf_str(&text));
}

void row_add_since(struct table_row *row, struct str time, struct str fallback)
{
	row_add(row, row_since(row, time, fallback));
}

/* ---- arguments: "path|fallback" ---- */

struct argument {
	char path[120];
	struct str fallback;
};

static struct argument argument_split(const char *text)
{
	struct argument a = {0};
	struct str path;

	str_cut(str_from(text), '|', &path, &a.fallback);
	assert(path.len < sizeof(a.path));
	memcpy(a.path, path.at, path.len);
	return a;
}

static const struct cJSON *row_value(const struct table_row *row, const char *path)
{
	return json_path(row->object, path);
}

/* ---- cells ---- */

void cell_text(struct table_row *row, const char *argument)
{
	struct argument a = argument_split(argument);
	const struct cJSON *value = row_value(row, a.path);
	struct str text = json_str(value);

	if (json_is(value, JSON_NUMBER))
		text = json_number_text(row->arena, value);
	row_add(row, text.len ? text : a.fallback);
}

void cell_int(struct table_row *row, const char *argument)
{
	row_add_int(row, tree_int(row->object, argument, 0));
}

void cell_int_or(struct table_row *row, const char *argument)
{
	struct argument a = argument_split(argument);

	if (tree_has(row->object, a.path))
		row_add_int(row, tree_int(row->object, a.path, 0));
	else
		row_add(row, a.fallback);
}

void cell_bool(struct table_row *row, const char *argument)
{
	struct argument a = argument_split(argument);
	bool value = str_eq_text(a.fallback, "true");

	if (tree_has(row->object, a.path))
		value = tree_true(row->object, a.path);
	row_add_bool(row, value);
}

void cell_count(struct table_row *row, const char *argument)
{
	struct str rest = str_from(argument), path;
	size_t count = 0;

	while (str_next(&rest, '+', &path)) /* "data+binaryData" */
		count += json_count(row_value(row, arena_str(row->arena, path).at));
	row_add_int(row, (int64_t)count);
}

void cell_joined(struct table_row *row, const char *argument)
{
	struct argument a = argument_split(argument);
	struct joined j;

	joined_init(&j, ",", 0);
	json_each (item, row_value(row, a.path))
		joined_add(&j, json_str(item));
	joined_end(&j, row, arena_str(row->arena, a.fallback).at);
}

void cell_labels(struct table_row *row, const char *argument)
{
	struct argument a = argument_split(argument);
	struct joined j;

	joined_init(&j, ",", 0);
	json_each (item, row_value(row, a.path)) /* canonical maps are sorted */
		joined_add(&j, arena_print(row->arena, "%.*s=%.*s", STRF(json_key(item)),
				       STRF(json_str(item))));
	joined_end(&j, row, arena_str(row->arena, a.fallback).at);
}

void cell_selector(struct table_row *row, const char *argument)
{
	const struct cJSON *object = row_value(row, argument);
	struct selector s;

	if (!object) {
		row_add(row, STR("<none>"));
		return;
	}
	if (label_selector_from(row->arena, object, &s, NULL)) {
		row_add(row, STR("<error>"));
		return;
	}
	struct str text = label_selector_print(row->arena, &s);
	row_add(row, text.len ? text : STR("<none>"));
}

static void add_member_of_each(struct table_row *row, const char *path, const char *member)
{
	struct joined j;

	joined_init(&j, ",", 0);
	json_each (item, row_value(row, path))
		joined_add(&j, tree_str(item, member));
	joined_end(&j, row, "");
}

void cell_names(struct table_row *row, const char *argument)
{
	add_member_of_each(row, argument, "name");
}

void cell_images(struct table_row *row, const char *argument)
{
	add_member_of_each(row, argument, "image");
}

void cell_age(struct table_row *row, const char *argument)
{
	(void)argument;
	row_add_since(row, tree_str(row->object, "metadata.creationTimestamp"), STR("<unknown>"));
}

void cell_created(struct table_row *row, const char *argument)
{
	(void)argument;
	row_add(row, tree_str(row->object, "metadata.creationTimestamp"));
}

void cell_since(struct table_row *row, const char *argument)
{
	struct argument a = argument_split(argument);

	row_add_since(row, tree_str(row->object, a.path), a.fallback);
}

void cell_ratio(struct table_row *row, const char *argument)
{
	struct argument a = argument_split(argument);
	const char *whole = arena_str(row->arena, a.fallback).at;

	row_add(row,
		arena_print(row->arena, "%lld/%lld", (long long)tree_int(row->object, a.path, 0),
			(long long)tree_int(row->object, whole, 0)));
}

void cell_reference(struct table_row *row, const char *argument)
{
	const struct cJSON *reference = row_value(row, argument);

	row_add(row, arena_print(row->arena, "%.*s/%.*s", STRF(tree_str(reference, "kind")),
			     STRF(tree_str(reference, "name"))));
}

void cell_phase(struct table_row *row, const char *argument)
{
	(void)argument;
	if (tree_has(row->object, "metadata.deletionTimestamp"))
		row_add(row, STR("Terminating"));
	else
		row_add(row, tree_str(row->object, "status.phase"));
}

void cell_default_name(struct table_row *row, const char *argument)
{
	const struct cJSON *annotations = row_value(row, "metadata.annotations");
	struct str name = tree_str(row->object, "metadata.name");
	struct str rest = str_from(argument), key;
	bool is_default = false;

	while (str_next(&rest, '|', &key))
		is_default |= str_eq_text(json_str(json_get(annotations, key)), "true");
	row_add(row, is_default ? arena_print(row->arena, "%.*s (default)", STRF(name)) : name);
}

const struct cJSON *row_condition(const struct table_row *row, const char *type)
{
	json_each (condition, row_value(row, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), type))
			return condition;
	return NULL;
}

/* ---- texts that grow ---- */

void joined_init(struct joined *j, const char *separator, size_t max)
{
	*j = (struct joined){.text = BUF_INIT(CELL_MAX), .separator = separator, .max = max};
}

void joined_add(struct joined *j, struct str item)
{
	if (j->max == 0 || j->count < j->max) {
		if (j->count)
			buf_add_text(&j->text, j->separator);
		buf_add_str(&j->text, item);
	}
	j->count++;
}

void joined_end(struct joined *j, struct table_row *row, const char *none)
{
	if (j->max && j->count > j->max)
		buf_print(&j->text, " + %zu more...", j->count - j->max);
	row_add(row, j->count ? buf_str(&j->text) : str_from(none));
	buf_done(&j->text);
}
