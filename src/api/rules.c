#include "rules.h"

bool rule_text(
	struct field_errors *e, const struct path *p, const struct cJSON *o, const char *name)
{
	struct path at = PATH(p, name);

	if (json_str(json_get(o, str_from(name))).len)
		return true;
	field_required(e, &at, "%s", "");
	return false;
}

bool rule_some(
	struct field_errors *e, const struct path *p, const struct cJSON *o, const char *name)
{
	struct path at = PATH(p, name);

	if (json_count(json_get(o, str_from(name))))
		return true;
	field_required(e, &at, "%s", "");
	return false;
}

bool rule_is_one_of(struct str value, const char *const *choices)
{
	for (size_t i = 0; choices[i]; i++)
		if (str_eq_text(value, choices[i]))
			return true;
	return false;
}

void rule_choice(struct field_errors *e, const struct path *p, const struct cJSON *o,
	const char *name, const char *const *choices)
{
	struct path at = PATH(p, name);
	const struct cJSON *value = json_get(o, str_from(name));

	if (!json_is(value, JSON_NULL) && !rule_is_one_of(json_str(value), choices))
		field_not_supported_str(e, &at, json_str(value), choices);
}

void rule_choice_required(struct field_errors *e, const struct path *p, const struct cJSON *o,
	const char *name, const char *const *choices)
{
	if (rule_text(e, p, o, name))
		rule_choice(e, p, o, name, choices);
}

void rule_between(struct field_errors *e, const struct path *p, const struct cJSON *o,
	const char *name, int64_t low, int64_t high)
{
	struct path at = PATH(p, name);
	int64_t value;

	if (json_int(json_get(o, str_from(name)), &value) && (value < low || value > high))
		field_invalid_int(e, &at, value, "must be between %lld and %lld, inclusive",
			(long long)low, (long long)high);
}

void rule_positive(
	struct field_errors *e, const struct path *p, const struct cJSON *o, const char *name)
{
	struct path at = PATH(p, name);
	int64_t value;

	if (json_int(json_get(o, str_from(name)), &value) && value <= 0)
		field_invalid_int(e, &at, value, "must be greater than 0");
}

void rule_name(struct field_errors *e, const struct path *p, const struct cJSON *o,
	const char *name, name_check_fn *check)
{
	struct path at = PATH(p, name);
	struct str value = json_str(json_get(o, str_from(name)));

	if (value.len)
		field_check_name(e, &at, value, check);
}

void rule_name_joined(struct field_errors *e, const struct path *at, struct str value,
	const char *intro, name_check_fn *check)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct name_faults f = {0};

	check(value, &f);
	for (size_t i = 0; i < f.count; i++)
		buf_print(&text, "%s%s", i ? "," : intro, f.items[i]);
	if (f.count)
		field_invalid_str(e, at, value, "%.*s", STRF(buf_str(&text)));
}

bool rule_came_before(const struct cJSON *list, size_t index, const char *key, struct str value)
{
	json_each (item, list) {
		if (!index--)
			return false;
		if (str_eq(json_str(key ? json_get(item, str_from(key)) : item), value))
			return true;
	}
	return false;
}

void rule_index_init(struct rule_index *x, const struct cJSON *list, const char *key)
{
	uintptr_t position = 0;

	map_init_borrowed(&x->first);
	json_each (item, list) {
		struct str text = json_str(key ? json_get(item, str_from(key)) : item);

		position++;
		if (!map_has(&x->first, text))
			map_set(&x->first, text, (void *)position);
	}
}

void rule_index_done(struct rule_index *x)
{
	map_done(&x->first);
}

bool rule_index_before(const struct rule_index *x, size_t index, struct str value)
{
	uintptr_t position = (uintptr_t)map_get(&x->first, value);

	return position && position - 1 < index;
}

/* ---- ports ---- */

void rule_port_number(struct field_errors *e, const struct path *at, int64_t port)
{
	if (port < 1 || port > 65535)
		field_invalid_int(e, at, port, "must be between 1 and 65535, inclusive");
}

void rule_port(struct field_errors *e, const struct path *at, const struct cJSON *port)
{
	int64_t number = 0;

	if (json_is(port, JSON_STRING)) {
		field_check_name(e, at, json_str(port), name_check_port_name);
		return;
	}
	json_int(port, &number);
	rule_port_number(e, at, number);
}

/* ---- paths ---- */

void rule_no_backsteps(struct field_errors *e, const struct path *at, struct str path)
{
	struct str rest = path, part;

	while (str_next(&rest, '/', &part))
		if (str_eq_text(part, "..")) {
			field_invalid_str(e, at, path, "must not contain '..'");
			return;
		}
}

void rule_relative_path(struct field_errors *e, const struct path *at, struct str path)
{
	if (path.len && path.at[0] == '/')
		field_invalid_str(e, at, path, "must be a relative path");
	rule_no_backsteps(e, at, path);
}

/* Names that begin with two dots are the writer's own. */
void rule_free_path(struct field_errors *e, const struct path *at, struct str path)
{
	rule_relative_path(e, at, path);
	if (str_starts(path, STR("..")) && !str_starts(path, STR("../")) && path.len > 2)
		field_invalid_str(e, at, path, "must not start with '..'");
}

/* ---- updates ---- */

void rule_immutable(struct field_errors *e, const struct path *p, const struct cJSON *now,
	const struct cJSON *old, const char *name)
{
	struct path at = PATH(p, name);
	const struct cJSON *value = json_get(now, str_from(name));

	if (!json_equal(value, json_get(old, str_from(name))))
		field_invalid(e, &at, value, "field is immutable");
}

void rule_same(struct field_errors *e, const struct path *at, const struct schema *schema,
	const struct cJSON *now, const struct cJSON *old)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);

	if (json_equal(now, old))
		return;
	if (!schema || !json_is(now, JSON_OBJECT)) {
		field_invalid(e, at, now, "field is immutable");
		return;
	}
	api_print_go(&text, schema, now);
	field_invalid_raw(e, at, buf_str(&text), "field is immutable");
}
