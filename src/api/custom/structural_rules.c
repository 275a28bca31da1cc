/*
 * Structural schemas: the shape of values stands outside of allOf, anyOf, oneOf and not, which
 * may only narrow them.
 */
#include "definition_schemas.h"

#include <stdlib.h>

enum level { LEVEL_ROOT, LEVEL_ITEM, LEVEL_FIELD };

static bool text_at(const struct cJSON *schema, const char *name)
{
	return json_str(json_get(schema, str_from(name))).len > 0;
}

static bool true_at(const struct cJSON *schema, const char *name)
{
	return json_bool(json_get(schema, str_from(name)));
}

static bool there(const struct cJSON *schema, const char *name)
{
	return json_type(json_get(schema, str_from(name))) != JSON_NULL;
}

/* ---- within alternatives ---- */

static void check_nested(
	struct field_errors *e, const struct path *at, const struct node *n, bool skip_any);

/* `skip`: the alternatives that say integer or string; `skip_first`: those of the first allOf. */
static void check_alternatives(struct field_errors *e, const struct path *at, const struct node *n,
	bool skip, bool skip_first)
{
	struct path any = PATH(at, "anyOf"), all = PATH(at, "allOf"), one = PATH(at, "oneOf");
	struct path no = PATH(at, "not"), pattern = PATH(at, "pattern");

	for (size_t i = 0; !skip && i < n->limits->any_of.count; i++) {
		struct path here = PATH_INDEX(&any, i);

		check_nested(e, &here, n->limits->any_of.items[i], false);
	}
	for (size_t i = 0; i < n->limits->all_of.count; i++) {
		struct path here = PATH_INDEX(&all, i);

		check_nested(e, &here, n->limits->all_of.items[i], skip_first && i == 0);
	}
	for (size_t i = 0; i < n->limits->one_of.count; i++) {
		struct path here = PATH_INDEX(&one, i);

		check_nested(e, &here, n->limits->one_of.items[i], false);
	}
	if (n->limits->not )
		check_nested(e, &no, n->limits->not, false);
	if (n->limits->pattern.len && !n->limits->regex)
		field_invalid_str(e, &pattern, n->limits->pattern,
			"must be a valid regular expression, but isn't: %.*s",
			STRF(n->limits->pattern_fault));
}

static void check_forbidden(struct field_errors *e, const struct path *at, const struct cJSON *s)
{
	static const struct {
		const char *name;
		bool (*is_set)(const struct cJSON *schema, const char *name);
		const char *what;
	} rows[] = {{"type", text_at, "empty"}, {"additionalProperties", there, "undefined"},
		{"default", there, "undefined"}, {"title", text_at, "empty"},
		{"description", text_at, "empty"}, {"nullable", true_at, "false"},
		{"externalDocs", there, "undefined"},
		{"x-kubernetes-preserve-unknown-fields", true_at, "false"},
		{"x-kubernetes-embedded-resource", true_at, "false"},
		{"x-kubernetes-int-or-string", true_at, "false"},
		{"x-kubernetes-list-map-keys", there, "empty"},
		{"x-kubernetes-list-type", there, "undefined"},
		{"x-kubernetes-map-type", there, "undefined"},
		{"x-kubernetes-validations", there, "empty"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct path here = PATH(at, rows[i].name);

		if (rows[i].is_set(s, rows[i].name))
			field_forbidden(e, &here, "must be %s to be structural", rows[i].what);
	}
}

static void check_nested(
	struct field_errors *e, const struct path *at, const struct node *n, bool skip_any)
{
	struct path items = PATH(at, "items"), properties = PATH(at, "properties");

	check_alternatives(e, at, n, skip_any, false);
	if (n->items)
		check_nested(e, &items, n->items, false);
	for (size_t i = 0; i < n->property_count; i++) {
		struct path here = PATH_KEY(&properties, n->properties[i].name);

		check_nested(e, &here, n->properties[i].node, false);
		if (str_eq_text(n->properties[i].name, "metadata"))
			field_forbidden(e, &here, "must not be specified in a nested context");
	}
	check_forbidden(e, at, n->source);
}

/* ---- outside of them ---- */

/* Exactly the two that x-kubernetes-int-or-string stands for. */
static bool says_int_or_string(const struct node_list *list)
{
	static const char *const types[] = {"integer", "string"};

	if (list->count != 2)
		return false;
	for (size_t i = 0; i < 2; i++) {
		const struct cJSON *s = list->items[i]->source;

		if (json_count(s) != 1 || !str_eq_text(tree_str(s, "type"), types[i]))
			return false;
	}
	return true;
}

static void check_type(
	struct field_errors *e, const struct path *at, const struct node *n, enum level level)
{
	static const char *const places[] = {
		"at the root", "for specified array items", "for specified object fields"};
	static const char embedded[] = "must be object if x-kubernetes-embedded-resource is true";
	struct path type = PATH(at, "type"), rest = PATH(at, "additionalProperties");

	if (n->embedded && !str_eq_text(n->type, "object")) {
		if (n->type.len)
			field_invalid_str(e, &type, n->type, "%s", embedded);
		else
			field_required(e, &type, "%s", embedded);
	} else if (!n->type.len && !n->int_or_string && !n->preserves) {
		field_required(e, &type, "must not be empty %s", places[level]);
	}
	if (n->embedded && n->additional)
		field_forbidden(
			e, &rest, "must not be used if x-kubernetes-embedded-resource is set");
	if (level == LEVEL_ROOT && n->type.len && !str_eq_text(n->type, "object"))
		field_invalid_str(e, &type, n->type, "must be object at the root");
}

/* Of metadata nothing but names may be narrowed. */
static bool narrows_names_only(const struct node *meta)
{
	json_each (member, meta->source) {
		struct str name = json_key(member);

		if (!str_eq_text(name, "type") && !str_eq_text(name, "default") &&
			!str_eq_text(name, "properties") && !str_eq_text(name, "example") &&
			!str_eq_text(name, "externalDocs"))
			return false;
	}
	for (size_t i = 0; i < meta->property_count; i++)
		if (!str_eq_text(meta->properties[i].name, "name") &&
			!str_eq_text(meta->properties[i].name, "generateName"))
			return false;
	return true;
}

static void check_identity(
	struct field_errors *e, const struct path *at, const struct node *n, enum level level)
{
	static const char *const texts[] = {"kind", "apiVersion"};
	struct path properties = PATH(at, "properties");
	struct path meta_at = PATH_KEY(&properties, STR("metadata")), meta_type;
	struct node *meta = node_property(n, STR("metadata"));
	bool whole = level == LEVEL_ROOT || n->embedded;

	for (size_t i = 0; whole && i < ARRAY_LEN(texts); i++) {
		struct node *p = node_property(n, str_from(texts[i]));
		struct path here = PATH_KEY(&properties, str_from(texts[i]));
		struct path type = PATH(&here, "type");

		if (p && !str_eq_text(p->type, "string"))
			field_invalid_str(e, &type, p->type, "must be string");
	}
	meta_type = PATH(&meta_at, "type");
	if (meta && whole && !str_eq_text(meta->type, "object"))
		field_invalid_str(e, &meta_type, meta->type, "must be object");
	if (meta && level == LEVEL_ROOT && !narrows_names_only(meta))
		field_forbidden(e, &meta_at,
			"must not specify anything other than name and generateName, but metadata "
			"is implicitly specified");
}

static void check_extensions(struct field_errors *e, const struct path *at, const struct node *n)
{
	struct path preserves = PATH(at, "x-kubernetes-preserve-unknown-fields");
	struct path embedded = PATH(at, "x-kubernetes-embedded-resource");
	struct cJSON *yes = json_new_bool(e->arena, true);

	if (n->int_or_string && n->preserves)
		field_invalid(
			e, &preserves, yes, "must be false if x-kubernetes-int-or-string is true");
	if (n->int_or_string && n->embedded)
		field_invalid(
			e, &embedded, yes, "must be false if x-kubernetes-int-or-string is true");
}

static void check_shape(
	struct field_errors *e, const struct path *at, const struct node *n, enum level level)
{
	struct path items = PATH(at, "items"), properties = PATH(at, "properties");
	struct path rest = PATH(at, "additionalProperties");

	if (str_eq_text(n->type, "array") && !n->items)
		field_required(e, &items, "must be specified");
	if (n->items)
		check_shape(e, &items, n->items, LEVEL_ITEM);
	for (size_t i = 0; i < n->property_count; i++) {
		struct path here = PATH_KEY(&properties, n->properties[i].name);

		check_shape(e, &here, n->properties[i].node, LEVEL_FIELD);
	}
	if (n->additional && level == LEVEL_ROOT)
		field_forbidden(e, &rest, "must not be used at the root");
	if (n->rest)
		check_shape(e, &rest, n->rest, LEVEL_FIELD);
	check_extensions(e, at, n);
	check_alternatives(e, at, n, says_int_or_string(&n->limits->any_of),
		n->limits->all_of.count &&
			says_int_or_string(&n->limits->all_of.items[0]->limits->any_of));
	check_type(e, at, n, level);
	check_identity(e, at, n, level);
	if (n->embedded && !n->preserves && !n->property_count)
		field_required(e, &properties,
			"must not be empty if x-kubernetes-embedded-resource is true without "
			"x-kubernetes-preserve-unknown-fields");
}

/* ---- what alternatives speak of must be there outside of them ---- */

struct pair {
	const struct node *narrowing, *shape;
	const struct path *narrowing_at, *shape_at;
};

static void check_complete(struct field_errors *e, struct pair p);

static void ask_for(struct field_errors *e, const struct path *missing, const struct path *spoken)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	path_print(&text, spoken);
	field_required(e, missing, "because it is defined in %.*s", STRF(buf_str(&text)));
}

static void check_list_complete(
	struct field_errors *e, struct pair p, const struct node_list *list, const char *name)
{
	struct path at = PATH(p.narrowing_at, name);

	for (size_t i = 0; i < list->count; i++) {
		struct path here = PATH_INDEX(&at, i);

		check_complete(e, (struct pair){list->items[i], p.shape, &here, p.shape_at});
	}
}

static void check_alternatives_complete(struct field_errors *e, struct pair p)
{
	const struct node *n = p.narrowing;
	struct path no = PATH(p.narrowing_at, "not");

	if (n->limits->not )
		check_complete(e, (struct pair){n->limits->not, p.shape, &no, p.shape_at});
	check_list_complete(e, p, &n->limits->all_of, "allOf");
	check_list_complete(e, p, &n->limits->any_of, "anyOf");
	check_list_complete(e, p, &n->limits->one_of, "oneOf");
}

static void check_complete(struct field_errors *e, struct pair p)
{
	struct path items = PATH(p.narrowing_at, "items"), shape_items = PATH(p.shape_at, "items");
	struct path properties = PATH(p.narrowing_at, "properties");
	struct path shape_properties = PATH(p.shape_at, "properties");
	const struct node *n = p.narrowing;

	check_alternatives_complete(e, p);
	if (n->items && p.shape->items)
		check_complete(e, (struct pair){n->items, p.shape->items, &items, &shape_items});
	else if (n->items)
		ask_for(e, &shape_items, &items);
	for (size_t i = 0; i < n->property_count; i++) {
		struct str name = n->properties[i].name;
		struct path here = PATH_KEY(&properties, name);
		struct path shape_here = PATH_KEY(&shape_properties, name);
		struct node *shape = node_property(p.shape, name);

		if (shape)
			check_complete(
				e, (struct pair){n->properties[i].node, shape, &here, &shape_here});
		else
			ask_for(e, &shape_here, &here);
	}
}

/* ---- all of it ---- */

static int by_text(const void *x, const void *y)
{
	const struct field_error *a = x, *b = y;
	struct str first[] = {a->path, STR(": "), a->body};
	struct str second[] = {b->path, STR(": "), b->body};
	size_t i = 0, k = 0, at = 0, other = 0;

	for (;;) { /* the parts put together, byte by byte */
		while (i < 3 && at == first[i].len)
			i++, at = 0;
		while (k < 3 && other == second[k].len)
			k++, other = 0;
		if (i == 3 || k == 3)
			return (i < 3) - (k < 3);
		unsigned char c = (unsigned char)first[i].at[at++];
		unsigned char d = (unsigned char)second[k].at[other++];
		if (c != d)
			return c < d ? -1 : 1;
	}
}

/* Upstream asks for completeness at the root alone. */
void check_structural(struct field_errors *e, const struct path *at, const struct node *root)
{
	size_t before = e->count;

	check_shape(e, at, root, LEVEL_ROOT);
	check_alternatives_complete(e, (struct pair){root, root, at, at});
	if (e->count > before)
		qsort(e->items + before, e->count - before, sizeof(*e->items), by_text);
}

/* ---- what is no structural schema at all ---- */

static struct str hindrance_here(const struct cJSON *s)
{
	const struct cJSON *preserves = json_get(s, STR("x-kubernetes-preserve-unknown-fields"));

	if (text_at(s, "id"))
		return STR("OpenAPIV3Schema 'id' is not supported");
	if (text_at(s, "$schema"))
		return STR("OpenAPIV3Schema 'schema' is not supported");
	if (text_at(s, "$ref"))
		return STR("OpenAPIV3Schema '$ref' is not supported");
	if (json_count(json_get(s, STR("patternProperties"))))
		return STR("OpenAPIV3Schema 'patternProperties' is not supported");
	if (json_count(json_get(s, STR("dependencies"))))
		return STR("OpenAPIV3Schema 'dependencies' is not supported");
	if (there(s, "additionalItems"))
		return STR("OpenAPIV3Schema 'additionalItems' is not supported");
	if (json_count(json_get(s, STR("definitions"))))
		return STR("OpenAPIV3Schema 'definitions' is not supported");
	if (json_is(preserves, JSON_BOOL) && !json_bool(preserves))
		return STR("internal error: 'x-kubernetes-preserve-unknown-fields' must be true or "
			   "undefined");
	if (json_is(json_get(s, STR("items")), JSON_ARRAY))
		return STR("OpenAPIV3Schema 'items' must be a schema, but is an array");
	return STR("");
}

struct str structural_hindrance(struct arena *a, const struct cJSON *schema)
{
	static const char *const one[] = {"not", "additionalProperties", "items"};
	static const char *const many[] = {"allOf", "anyOf", "oneOf", "properties"};
	struct str found = hindrance_here(schema);

	for (size_t i = 0; !found.len && i < ARRAY_LEN(one); i++) {
		const struct cJSON *below = json_get(schema, str_from(one[i]));

		if (json_is(below, JSON_OBJECT))
			found = structural_hindrance(a, below);
	}
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		json_each (below, json_get(schema, str_from(many[i])))
			if (!found.len)
				found = structural_hindrance(a, below);
	return found;
}
