/* Columns that definitions of custom resources ask for: a path each, and what is made of it. */
#include "cells.h"

#include <kube/definition.h>
#include <kube/json_path.h>
#include <kube/time.h>

#define CELL_MAX (3 * MIB)

static const struct cJSON *first_value(
	struct table_row *row, const char *path, struct json_path_result *found)
{
	struct json_path_results all;
	struct json_path *p;

	if (json_path_parse(row->arena, str_from(path), &p, NULL) ||
		json_path_find(p, row->arena, row->object, true, &all, NULL) || !all.count ||
		!all.items[0].count)
		return NULL;
	*found = (struct json_path_result){.values = all.items[0].values, .count = 1};
	return found->values[0];
}

static void add_nothing(struct table_row *row)
{
	json_append(row->cells, json_new(row->arena, JSON_NULL));
}

static void cell_string(struct table_row *row, const char *path)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(CELL_MAX);
	struct json_path_result found;

	if (!first_value(row, path, &found)) {
		add_nothing(row);
		return;
	}
	json_path_print(&text, &found);
	row_add(row, buf_str(&text));
}

/* Go cuts the fraction off, and leaves what is too large to its machine. */
static void cell_integer(struct table_row *row, const char *path)
{
	struct json_path_result found;
	const struct cJSON *value = first_value(row, path, &found);
	double number = json_double(value);
	int64_t exact;

	if (!json_is(value, JSON_NUMBER))
		add_nothing(row);
	else if (json_int(value, &exact))
		row_add_int(row, exact);
	else
		row_add_int(row, number > -9.2e18 && number < 9.2e18 ? (int64_t)number : INT64_MIN);
}

static void cell_number(struct table_row *row, const char *path)
{
	struct json_path_result found;
	const struct cJSON *value = first_value(row, path, &found);

	if (json_is(value, JSON_NUMBER))
		json_append(row->cells, json_new_double(row->arena, json_double(value)));
	else
		add_nothing(row);
}

static void cell_boolean(struct table_row *row, const char *path)
{
	struct json_path_result found;
	const struct cJSON *value = first_value(row, path, &found);

	if (json_is(value, JSON_BOOL))
		row_add_bool(row, json_bool(value));
	else
		add_nothing(row);
}

static void cell_date(struct table_row *row, const char *path)
{
	struct json_path_result found;
	const struct cJSON *value = first_value(row, path, &found);
	struct str time = json_str(value);

	if (!json_is(value, JSON_STRING))
		add_nothing(row);
	else if (!time.len)
		row_add(row, STR("<unknown>"));
	else
		row_add_since(row, time, STR("<invalid>"));
}

static void cell_nothing(struct table_row *row, const char *path)
{
	(void)path;
	add_nothing(row);
}

static cell_fn *cell_of(struct str type)
{
	static const struct {
		const char *type;
		cell_fn *cell;
	} cells[] = {
		{"string", cell_string},
		{"integer", cell_integer},
		{"number", cell_number},
		{"boolean", cell_boolean},
		{"date", cell_date},
	};

	for (size_t i = 0; i < ARRAY_LEN(cells); i++)
		if (str_eq_text(type, cells[i].type))
			return cells[i].cell;
	return cell_nothing;
}

static const char *text_of(struct arena *a, const struct cJSON *column, const char *member)
{
	return arena_str(a, tree_str(column, member)).at;
}

static struct table_column column_from(struct arena *a, const struct cJSON *column)
{
	struct str path = tree_str(column, "jsonPath"), doc = tree_str(column, "description");

	if (!doc.len)
		doc = arena_print(a, "Custom resource definition column (in JSONPath format): %.*s",
			STRF(path));
	return (struct table_column){.name = text_of(a, column, "name"),
		.type = text_of(a, column, "type"),
		.format = text_of(a, column, "format"),
		.priority = (int)tree_int(column, "priority", 0),
		.doc = arena_str(a, doc).at,
		.cell = cell_of(tree_str(column, "type")),
		.argument = arena_print(a, "{%.*s}", STRF(path)).at};
}

const struct table *definition_columns(struct arena *a, const struct cJSON *version)
{
	static const struct table_column name = {
		"Name", "string", "name", 0, "Name of the object.", cell_text, "metadata.name"};
	static const struct table_column age = {"Age", "date", "", 0,
		"When the object was created.", cell_date, "{.metadata.creationTimestamp}"};
	const struct cJSON *list = json_get(version, STR("additionalPrinterColumns"));
	struct table_column *columns = arena_new(a, (json_count(list) + 2) * sizeof(*columns));
	struct table *t = arena_new(a, sizeof(*t));
	size_t count = 0;

	columns[count++] = name;
	json_each (column, list)
		columns[count++] = column_from(a, column);
	if (count == 1)
		columns[count++] = age;
	t->columns = columns;
	t->column_count = count;
	return t;
}
