/*
 * The walk over a value and its schema. Checks come in upstream's order (type, alternatives,
 * text, format, number, items, choices, members), and their matches are counted as there.
 */
#include "value.h"

/* ---- type ---- */

static struct str type_of(const struct cJSON *value)
{
	switch (json_type(value)) {
	case JSON_BOOL:
		return STR("boolean");
	case JSON_STRING:
		return STR("string");
	case JSON_NUMBER: {
		int64_t number;

		return json_int(value, &number) ? STR("integer") : STR("number");
	}
	case JSON_ARRAY:
		return STR("array");
	case JSON_OBJECT:
		return STR("object");
	default:
		return STR("null");
	}
}

static bool allows(const struct node *n, struct str type)
{
	if (n->int_or_string)
		return str_eq_text(type, "integer") || str_eq_text(type, "string");
	return n->type.len && str_eq(n->type, type);
}

static struct str types(const struct node *n)
{
	return n->int_or_string ? STR("integer,string") : n->type;
}

static void check_type(
	struct findings *f, const struct node *n, const struct cJSON *value, const struct spot *at)
{
	struct str type = type_of(value), format = STR("");
	bool textual = json_is(value, JSON_STRING) || json_is(value, JSON_ARRAY);
	bool whole = str_eq_text(type, "integer"), real = str_eq_text(type, "number");

	if (whole)
		format = STR("int64");
	if (real)
		format = STR("float64");
	bool fits = allows(n, type) || (whole && allows(n, STR("number"))) ||
		    (real && allows(n, STR("integer")) && go_is_whole(json_double(value)));
	if (!textual && n->format.len && !fits && !str_eq(format, n->format)) {
		find_type(f, at, n->format, format);
		return;
	}
	if (textual && n->format.len && !allows(n, STR("number")) && !allows(n, STR("integer"))) {
		f->matches++;
		return;
	}
	if (!fits)
		find_type(f, at, types(n), type);
	else
		f->matches++;
}

static bool has_type(const struct node *n)
{
	return n->type.len || n->int_or_string;
}

static void check_null(
	struct findings *f, const struct node *n, const struct cJSON *value, const struct spot *at)
{
	if (has_type(n) && !n->nullable && !str_eq_text(n->type, "null"))
		find_type(f, at, types(n), STR("null"));
	else
		f->matches++;
	check_choice(f, n, value, at);
}

/* ---- alternatives ---- */

static void try_one(struct findings *out, struct findings *f, const struct node *n,
	const struct cJSON *value, const struct spot *at, const struct correlated *before)
{
	findings_init(out, f->arena);
	value_check(out, n, value, at, before);
}

static void check_any_of(struct findings *f, const struct node *n, const struct cJSON *value,
	const struct spot *at, const struct correlated *before)
{
	_cleanup_(findings_done) struct findings best;
	bool one = false;

	findings_init(&best, f->arena);
	for (size_t i = 0; i < n->limits->any_of.count && !one; i++) {
		_cleanup_(findings_done) struct findings tried;

		try_one(&tried, f, n->limits->any_of.items[i], value, at, before);
		one = !tried.count;
		if (one || i == 0 || tried.matches > best.matches) {
			struct findings worse = best;

			best = tried;
			tried = worse;
		}
	}
	if (!one && n->limits->any_of.count)
		find_sentence(f, "%.*s must validate at least one schema (anyOf)",
			STRF(field_quote(f->arena, spot_text(f->arena, at))));
	findings_merge(f, &best);
}

static void check_one_of(struct findings *f, const struct node *n, const struct cJSON *value,
	const struct spot *at, const struct correlated *before)
{
	_cleanup_(findings_done) struct findings best;
	size_t valid = 0;
	bool kept = false;

	findings_init(&best, f->arena);
	for (size_t i = 0; i < n->limits->one_of.count; i++) {
		_cleanup_(findings_done) struct findings tried;
		bool keep;

		try_one(&tried, f, n->limits->one_of.items[i], value, at, before);
		keep = tried.count ? !valid && (!kept || tried.matches > best.matches) : !valid;
		valid += !tried.count;
		if (keep) {
			struct findings worse = best;

			best = tried;
			tried = worse;
			kept = true;
		}
	}
	if (n->limits->one_of.count && valid != 1) {
		struct str where = field_quote(f->arena, spot_text(f->arena, at));
		struct str more =
			valid ? arena_print(f->arena, "Found %zu valid alternatives", valid)
			      : STR("Found none valid");

		find_sentence(f, "%.*s must validate one and only one schema (oneOf). %.*s",
			STRF(where), STRF(more));
	}
	if (valid < 2)
		findings_merge(f, &best);
}

static void check_all_of(struct findings *f, const struct node *n, const struct cJSON *value,
	const struct spot *at, const struct correlated *before)
{
	size_t valid = 0;

	for (size_t i = 0; i < n->limits->all_of.count; i++) {
		_cleanup_(findings_done) struct findings tried;

		try_one(&tried, f, n->limits->all_of.items[i], value, at, before);
		valid += !tried.count;
		findings_merge(f, &tried);
	}
	if (valid != n->limits->all_of.count)
		find_sentence(f, "%.*s must validate all the schemas (allOf)%s",
			STRF(field_quote(f->arena, spot_text(f->arena, at))),
			valid ? "" : ". None validated");
}

static void check_not(struct findings *f, const struct node *n, const struct cJSON *value,
	const struct spot *at, const struct correlated *before)
{
	_cleanup_(findings_done) struct findings tried;

	findings_init(&tried, f->arena);
	if (!n->limits->not )
		return;
	value_check(&tried, n->limits->not, value, at, before);
	if (!tried.count)
		find_sentence(f, "%.*s must not validate the schema (not)",
			STRF(field_quote(f->arena, spot_text(f->arena, at))));
}

/* ---- what is below ---- */

/* What was wrong before and has not been touched is let through. */
static void check_below(struct findings *f, const struct node *n, const struct cJSON *value,
	const struct spot *at, const struct correlated *before)
{
	size_t found = f->count;

	value_check(f, n, value, at, before);
	if (f->count > found && before && before->old && correlated_equal(before))
		findings_cut(f, found);
}

static void check_items(struct findings *f, const struct node *n, const struct cJSON *list,
	const struct spot *at, const struct correlated *before)
{
	_cleanup_(old_items_done) struct old_items old = {0};
	size_t count = json_count(list);
	struct spot here = {.up = at};

	json_each (item, list) {
		struct correlated below = correlated_item(before, &old, item);

		if (n->items)
			check_below(f, n->items, item, &here, below.old ? &below : NULL);
		here.index++;
	}
	if (n->limits->min_items.set && (int64_t)count < n->limits->min_items.value)
		find_invalid_raw(f, at, arena_print(f->arena, "%zu", count),
			"should have at least %lld items", (long long)n->limits->min_items.value);
	if (n->limits->max_items.set && (int64_t)count > n->limits->max_items.value)
		find_too_many(f, at, count, n->limits->max_items.value);
	if (n->limits->unique) {
		struct map seen;
		bool twice = false;

		map_init(&seen);
		json_each (item, list) {
			_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

			json_print(&text, item, JSON_SORTED);
			twice |= map_has(&seen, buf_str(&text));
			map_set(&seen, buf_str(&text), f);
		}
		map_done(&seen);
		if (twice)
			find_invalid_raw(f, at, STR("\"\""), "shouldn't contain duplicates");
	}
	f->matches++;
}

static void check_rest(struct findings *f, const struct node *n, const struct cJSON *object,
	const struct spot *at, const struct correlated *before)
{
	json_each (member, object) {
		struct str name = json_key(member);
		struct spot here = {.up = at, .name = name, .dotted = true};
		struct correlated below;

		if (node_property(n, name))
			continue;
		if (n->additional && !n->additional_allowed)
			find_invalid_raw(f, at, field_quote(f->arena, name),
				"%.*s is a forbidden property", STRF(name));
		if (!n->rest)
			continue;
		below = correlated_member(before, name);
		check_below(f, n->rest, member, &here, below.old ? &below : NULL);
	}
}

static void check_members(struct findings *f, const struct node *n, const struct cJSON *object,
	const struct spot *at, const struct correlated *before)
{
	size_t count = json_count(object);

	if (n->limits->min_properties.set && (int64_t)count < n->limits->min_properties.value) {
		find_invalid_raw(f, at, arena_print(f->arena, "%zu", count),
			"should have at least %lld properties",
			(long long)n->limits->min_properties.value);
		return;
	}
	if (n->limits->max_properties.set && (int64_t)count > n->limits->max_properties.value) {
		find_too_many(f, at, count, n->limits->max_properties.value);
		return;
	}
	if (n->additional)
		check_rest(f, n, object, at, before);
	for (size_t i = 0; i < n->property_count; i++) {
		struct str name = n->properties[i].name;
		struct spot here = {.up = at, .name = name};
		const struct cJSON *member = json_get(object, name);
		struct correlated below;

		if (!member)
			continue;
		below = correlated_member(before, name);
		check_below(f, n->properties[i].node, member, &here, below.old ? &below : NULL);
	}
	json_each (name, n->required) {
		struct spot here = {.up = at, .name = json_str(name), .dotted = true};

		if (!json_get(object, json_str(name)))
			find_required(f, &here);
	}
}

/* ---- the walk ---- */

void value_check(struct findings *f, const struct node *n, const struct cJSON *value,
	const struct spot *at, const struct correlated *before)
{
	enum json_type type = json_type(value);

	if (type == JSON_NULL) {
		check_null(f, n, value, at);
		return;
	}
	if (has_type(n) || n->format.len) {
		check_type(f, n, value, at);
		f->matches++;
	}
	check_any_of(f, n, value, at, before);
	check_one_of(f, n, value, at, before);
	check_all_of(f, n, value, at, before);
	check_not(f, n, value, at, before);
	f->matches += 2;
	if (type == JSON_STRING) {
		check_string(f, n, value, at);
		f->matches++;
		if (format_is_checked(n->format)) {
			if (!format_fits(n->format, json_str(value)))
				find_type(f, at, n->format, json_str(value));
			f->matches++;
		}
	}
	if (type == JSON_NUMBER) {
		check_number(f, n, value, at);
		f->matches += 2;
	}
	if (type == JSON_ARRAY) {
		check_items(f, n, value, at, before);
		f->matches++;
	}
	check_choice(f, n, value, at);
	f->matches++;
	if (type == JSON_OBJECT) {
		check_members(f, n, value, at, before);
		f->matches++;
	}
	f->matches++;
}
