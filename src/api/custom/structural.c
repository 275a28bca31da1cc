#include "structural.h"

#include "value.h"
#include <kube/regex.h>

#include <stdlib.h>

static int by_name(const void *x, const void *y)
{
	const struct property *a = x, *b = y;

	return str_cmp(a->name, b->name);
}

static int build(struct arena *a, const struct cJSON *schema, size_t depth, struct node **out,
	struct err *err);

static int build_properties(
	struct arena *a, const struct cJSON *map, size_t depth, struct node *n, struct err *err)
{
	size_t count = json_count(map);

	if (!count)
		return 0;
	n->properties = arena_alloc(a, count * sizeof(*n->properties));
	json_each (item, map) {
		struct property *p = &n->properties[n->property_count++];

		p->name = json_key(item);
		int code = build(a, item, depth, &p->node, err);
		if (code)
			return code;
	}
	qsort(n->properties, count, sizeof(*n->properties), by_name);
	return 0;
}

static int build_list(struct arena *a, const struct cJSON *list, size_t depth,
	struct node_list *out, struct err *err)
{
	if (json_count(list))
		out->items = arena_alloc(a, json_count(list) * sizeof(struct node *));
	json_each (item, list) {
		int code = build(a, item, depth, &out->items[out->count], err);

		if (code)
			return code;
		out->count++;
	}
	return 0;
}

static int build_below(struct arena *a, struct node *n, size_t depth, struct err *err)
{
	const struct cJSON *s = n->source, *rest = json_get(s, STR("additionalProperties"));
	const struct cJSON *items = json_get(s, STR("items"));
	int code = build_properties(a, json_get(s, STR("properties")), depth, n, err);

	n->additional = json_type(rest) != JSON_NULL;
	n->additional_allowed = json_is(rest, JSON_OBJECT) || json_bool(rest);
	if (!code && json_is(rest, JSON_OBJECT))
		code = build(a, rest, depth, &n->rest, err);
	if (!code && json_is(items, JSON_OBJECT))
		code = build(a, items, depth, &n->items, err);
	return code;
}

static int build_alternatives(
	struct arena *a, const struct cJSON *s, size_t depth, struct limits *l, struct err *err)
{
	const struct cJSON *no = json_get(s, STR("not"));
	int code = 0;

	if (json_is(no, JSON_OBJECT))
		code = build(a, no, depth, &l->not, err);
	if (!code)
		code = build_list(a, json_get(s, STR("allOf")), depth, &l->all_of, err);
	if (!code)
		code = build_list(a, json_get(s, STR("anyOf")), depth, &l->any_of, err);
	if (!code)
		code = build_list(a, json_get(s, STR("oneOf")), depth, &l->one_of, err);
	return code;
}

/* ---- one node's own members ---- */

static struct bound number(const struct cJSON *schema, const char *name)
{
	const struct cJSON *value = json_get(schema, str_from(name));

	return (struct bound){.set = json_is(value, JSON_NUMBER), .value = json_double(value)};
}

static struct count_bound count(const struct cJSON *schema, const char *name)
{
	struct count_bound b = {0};

	b.set = json_int(json_get(schema, str_from(name)), &b.value);
	return b;
}

static const struct cJSON *some(const struct cJSON *schema, const char *name)
{
	const struct cJSON *value = json_get(schema, str_from(name));

	return json_count(value) ? value : NULL;
}

static void read_shape(struct arena *a, struct node *n)
{
	const struct cJSON *s = n->source, *keys = some(s, "x-kubernetes-list-map-keys");
	struct str list = tree_str(s, "x-kubernetes-list-type");
	struct str map = tree_str(s, "x-kubernetes-map-type");

	n->type = tree_str(s, "type");
	n->nullable = json_bool(json_get(s, STR("nullable")));
	n->preserves = json_bool(json_get(s, STR("x-kubernetes-preserve-unknown-fields")));
	n->embedded = json_bool(json_get(s, STR("x-kubernetes-embedded-resource")));
	n->int_or_string = json_bool(json_get(s, STR("x-kubernetes-int-or-string")));
	n->standard = json_get(s, STR("default"));
	if (json_type(n->standard) == JSON_NULL)
		n->standard = NULL;
	n->list_type = str_eq_text(list, "map")      ? LIST_MAP
		       : str_eq_text(list, "set")    ? LIST_SET
		       : str_eq_text(list, "atomic") ? LIST_ATOMIC
						     : LIST_UNSET;
	n->map_type = str_eq_text(map, "atomic")     ? MAP_ATOMIC
		      : str_eq_text(map, "granular") ? MAP_GRANULAR
						     : MAP_UNSET;
	if (keys)
		n->list_keys = arena_alloc(a, json_count(keys) * sizeof(*n->list_keys));
	json_each (key, keys)
		n->list_keys[n->list_key_count++] = json_str(key);
}

static void read_rules(struct node *n)
{
	const struct cJSON *s = n->source;

	n->format = tree_str(s, "format");
	if (!format_is_known(n->format))
		n->format = STR("");
	n->choices = some(s, "enum");
	n->required = some(s, "required");
	n->rules = some(s, "x-kubernetes-validations");
}

static const struct limits no_limits;

static bool says_limits(const struct cJSON *schema)
{
	static const char *const names[] = {"pattern", "maximum", "minimum", "multipleOf",
		"exclusiveMaximum", "exclusiveMinimum", "maxLength", "minLength", "maxItems",
		"minItems", "maxProperties", "minProperties", "uniqueItems", "not", "allOf",
		"anyOf", "oneOf", NULL};

	json_each (member, schema)
		if (rule_is_one_of(json_key(member), names))
			return true;
	return false;
}

static int read_limits(
	struct arena *a, const struct cJSON *s, size_t depth, struct node *n, struct err *err)
{
	struct limits *l;

	n->limits = &no_limits;
	if (!says_limits(s))
		return 0;
	l = arena_new(a, sizeof(*l));
	n->limits = l;
	l->pattern = tree_str(s, "pattern");
	l->maximum = number(s, "maximum");
	l->minimum = number(s, "minimum");
	l->multiple = number(s, "multipleOf");
	l->below_maximum = json_bool(json_get(s, STR("exclusiveMaximum")));
	l->above_minimum = json_bool(json_get(s, STR("exclusiveMinimum")));
	l->max_length = count(s, "maxLength");
	l->min_length = count(s, "minLength");
	l->max_items = count(s, "maxItems");
	l->min_items = count(s, "minItems");
	l->max_properties = count(s, "maxProperties");
	l->min_properties = count(s, "minProperties");
	l->unique = json_bool(json_get(s, STR("uniqueItems")));
	if (l->pattern.len)
		l->regex = regex_compile(a, l->pattern, &l->pattern_fault);
	return build_alternatives(a, s, depth, l, err);
}

static int build(struct arena *a, const struct cJSON *schema, size_t depth, struct node **out,
	struct err *err)
{
	struct node *n = arena_new(a, sizeof(*n));
	int code;

	if (depth >= NODE_DEPTH)
		return err_set(err, ERR_INVALID, "schemas nest deeper than %d levels", NODE_DEPTH);
	n->source = schema;
	read_shape(a, n);
	read_rules(n);
	*out = n;
	code = build_below(a, n, depth + 1, err);
	return code ? code : read_limits(a, schema, depth + 1, n, err);
}

struct node *node_empty(struct arena *a)
{
	struct node *n = arena_new(a, sizeof(*n));

	n->limits = &no_limits;
	return n;
}

int node_from(struct arena *a, const struct cJSON *schema, struct node **out, struct err *err)
{
	return build(a, schema, 0, out, err);
}

/* ---- members ---- */

struct node *node_property(const struct node *n, struct str name)
{
	size_t low = 0, high = n->property_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = str_cmp(n->properties[mid].name, name);

		if (!order)
			return n->properties[mid].node;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct node *node_member(const struct node *n, struct str name)
{
	struct node *p = n ? node_property(n, name) : NULL;

	return p || !n ? p : n->rest;
}

bool is_identity(struct str name)
{
	return str_eq_text(name, "apiVersion") || str_eq_text(name, "kind") ||
	       str_eq_text(name, "metadata");
}
