/* Rules of every schema of a definition by itself, wherever it stands. */
#include "definition_schemas.h"
#include "rule_checks.h"

struct checking {
	struct field_errors *errors;
	const struct schema_demands *demands;
	/* why there may be no defaults here; NULL: there may */
	const char *no_defaults;
	bool inside_meta;
	const struct node *node;   /* the schema as a node; NULL: there is none, or not known */
	struct rule_checks *rules; /* NULL: those here are not looked at */
	struct rule_scope scope;
};

static const char *const types[] = {
	"array", "boolean", "integer", "number", "object", "string", NULL};

static bool there(const struct cJSON *schema, const char *name)
{
	return json_type(json_get(schema, str_from(name))) != JSON_NULL;
}

static void forbid(
	struct checking *c, const struct path *at, const char *name, bool is_set, const char *why)
{
	struct path here = PATH(at, name);

	if (is_set)
		field_forbidden(c->errors, &here, "%s", why);
}

/* ---- what OpenAPI knows and definitions must not have ---- */

static void check_supported(struct checking *c, const struct path *at, const struct cJSON *s)
{
	struct path type_at = PATH(at, "type"), default_at = PATH(at, "default");
	struct str type = tree_str(s, "type");

	if (c->demands->valid_types && type.len && !rule_is_one_of(type, types))
		field_not_supported_str(c->errors, &type_at, type, types);
	if (c->no_defaults && json_get(s, STR("default")))
		field_forbidden(c->errors, &default_at, "must not be set %s", c->no_defaults);
	forbid(c, at, "id", tree_str(s, "id").len > 0, "id is not supported");
	forbid(c, at, "additionalItems", there(s, "additionalItems"),
		"additionalItems is not supported");
	forbid(c, at, "patternProperties", json_count(json_get(s, STR("patternProperties"))) > 0,
		"patternProperties is not supported");
	forbid(c, at, "definitions", json_count(json_get(s, STR("definitions"))) > 0,
		"definitions is not supported");
	forbid(c, at, "dependencies", there(s, "dependencies"), "dependencies is not supported");
	forbid(c, at, "$ref", there(s, "$ref"), "$ref is not supported");
	forbid(c, at, "type", str_eq_text(type, "null"),
		"type cannot be set to null, use nullable as an alternative");
	forbid(c, at, "items",
		json_count(json_get(s, STR("items"))) > 0 &&
			json_is(json_get(s, STR("items")), JSON_ARRAY),
		"items must be a schema object and not an array");
	forbid(c, at, "x-kubernetes-embedded-resource",
		c->inside_meta && json_bool(json_get(s, STR("x-kubernetes-embedded-resource"))),
		"must not be used inside of resource meta");
	forbid(c, at, "uniqueItems", json_bool(json_get(s, STR("uniqueItems"))),
		"uniqueItems cannot be set to true since the runtime complexity becomes "
		"quadratic");
}

/* ---- those within ---- */

static void check(struct checking c, const struct path *at, const struct cJSON *s, bool root);

static void check_rest(struct checking c, const struct path *at, const struct cJSON *s)
{
	const struct cJSON *rest = json_get(s, STR("additionalProperties"));
	struct path here = PATH(at, "additionalProperties");

	if (json_type(rest) == JSON_NULL)
		return;
	if (json_count(json_get(s, STR("properties"))) &&
		!(json_is(rest, JSON_BOOL) && json_bool(rest)))
		field_forbidden(c.errors, &here,
			"additionalProperties and properties are mutual exclusive");
	c.scope = rule_scope_below(&c.scope, s);
	if (c.inside_meta)
		c.no_defaults = "inside additionalProperties applying to object metadata";
	c.node = c.node ? c.node->rest : NULL;
	if (json_is(rest, JSON_OBJECT))
		check(c, &here, rest, false);
}

static void check_properties(
	struct checking c, const struct path *at, const struct cJSON *s, bool root)
{
	bool whole = root || json_bool(json_get(s, STR("x-kubernetes-embedded-resource")));
	struct path properties = PATH(at, "properties");

	c.scope = rule_scope_below(&c.scope, s);
	json_each (property, json_get(s, STR("properties"))) {
		struct path here = PATH_KEY(&properties, json_key(property));
		struct checking below = c;

		below.node = c.node ? node_property(c.node, json_key(property)) : NULL;

		if (whole && is_identity(json_key(property))) {
			below.inside_meta = true;
			if (root)
				below.no_defaults = arena_print(c.errors->arena,
					"in top-level %.*s", STRF(json_key(property)))
							    .at;
		}
		check(below, &here, property, false);
	}
}

static void check_list(
	struct checking c, const struct path *at, const struct cJSON *s, const char *name)
{
	struct path list = PATH(at, name);
	size_t i = 0;

	json_each (below, json_get(s, str_from(name))) {
		struct path here = PATH_INDEX(&list, i++);

		check(c, &here, below, false);
	}
}

static void check_map(
	struct checking c, const struct path *at, const struct cJSON *s, const char *name)
{
	struct path map = PATH(at, name);

	json_each (below, json_get(s, str_from(name))) {
		struct path here = PATH_KEY(&map, json_key(below));

		if (json_is(below, JSON_OBJECT))
			check(c, &here, below, false);
	}
}

/* Items are known again by their keys alone. */
static void check_items(
	struct checking c, const struct path *at, const struct cJSON *s, const struct cJSON *items)
{
	bool keyed = str_eq_text(tree_str(s, "x-kubernetes-list-type"), "map");

	c.scope = rule_scope_below(&c.scope, s);
	c.node = c.node ? c.node->items : NULL;
	if (!keyed && !c.scope.uncorrelated)
		c.scope.uncorrelated = at->parent;
	check(c, at, items, false);
}

static void check(struct checking c, const struct path *at, const struct cJSON *s, bool root)
{
	const struct cJSON *preserves = json_get(s, STR("x-kubernetes-preserve-unknown-fields"));
	struct path preserves_at = PATH(at, "x-kubernetes-preserve-unknown-fields");
	const struct cJSON *no = json_get(s, STR("not")), *items = json_get(s, STR("items"));
	struct path not_at = PATH(at, "not"), items_at = PATH(at, "items");
	struct checking other = c; /* below what only narrows */
	size_t before = c.errors->count;

	other.rules = NULL;
	other.node = NULL;
	check_supported(&c, at, s);
	check_rest(c, at, s);
	check_properties(c, at, s, root);
	if (json_is(no, JSON_OBJECT))
		check(other, &not_at, no, false);
	check_list(other, at, s, "allOf");
	check_list(other, at, s, "oneOf");
	check_list(other, at, s, "anyOf");
	check_map(other, at, s, "definitions");
	if (json_is(items, JSON_OBJECT))
		check_items(c, &items_at, s, items);
	if (json_is(items, JSON_ARRAY))
		check_list(other, at, s, "items");
	check_map(other, at, s, "dependencies");
	if (json_is(preserves, JSON_BOOL) && !json_bool(preserves))
		field_invalid(c.errors, &preserves_at, preserves, "must be true or undefined");
	check_list_extensions(c.errors, at, s, c.demands);
	check_rule_texts(c.errors, at, s, c.node);
	if (c.rules && c.node && c.errors->count == before)
		check_rule_programs(c.rules, at, c.node, &c.scope);
}

void check_each_schema(struct field_errors *e, const struct path *at, const struct cJSON *schema,
	const struct schema_demands *d, const struct node *root, struct rule_checks *rules)
{
	struct checking c = {.errors = e, .demands = d, .node = root, .rules = rules};

	c.scope.most = 1;
	check(c, at, schema, true);
}

/* ---- texts of rules ---- */

static bool has_lines(struct str s)
{
	return str_find_char(s, '\n') >= 0 || str_find_char(s, '\r') >= 0;
}

static struct str trimmed(const struct cJSON *rule, const char *name)
{
	return str_trim(tree_str(rule, name));
}

static bool is_path(
	struct arena *a, const struct cJSON *schema, const struct node *node, struct str text)
{
	const struct node *found;
	struct node *made;
	struct str canonical;

	if (!node && (structural_hindrance(a, schema).len || node_from(a, schema, &made, NULL)))
		return true;
	return !schema_field_path(a, node ? node : made, text, true, &found, &canonical);
}

static void check_field_path(struct field_errors *e, const struct path *at,
	const struct cJSON *schema, const struct node *node, struct str text)
{
	if (!text.len)
		return;
	if (!str_trim(text).len)
		field_invalid_str(e, at, text, "must be non-empty if specified");
	if (has_lines(text))
		field_invalid_str(e, at, text, "must not contain line breaks");
	if (!is_path(e->arena, schema, node, text))
		field_invalid_str(e, at, text, "must be a valid path");
}

static void check_texts_of(struct field_errors *e, const struct path *at,
	const struct cJSON *schema, const struct node *node, const struct cJSON *rule)
{
	static const char *const reasons[] = {"FieldValueDuplicate", "FieldValueForbidden",
		"FieldValueInvalid", "FieldValueRequired", NULL};
	struct path rule_at = PATH(at, "rule"), message_at = PATH(at, "message");
	struct path expression_at = PATH(at, "messageExpression"), reason_at = PATH(at, "reason");
	struct path field_at = PATH(at, "fieldPath");
	struct str message = tree_str(rule, "message"), reason = tree_str(rule, "reason");

	if (!trimmed(rule, "rule").len)
		field_required(e, &rule_at, "rule is not specified");
	else if (message.len && !str_trim(message).len)
		field_invalid_str(e, &message_at, message, "must be non-empty if specified");
	else if (has_lines(str_trim(message)))
		field_invalid_str(e, &message_at, message, "must not contain line breaks");
	else if (has_lines(trimmed(rule, "rule")) && !message.len)
		field_required(
			e, &message_at, "message must be specified if rule contains line breaks");
	if (tree_str(rule, "messageExpression").len && !trimmed(rule, "messageExpression").len)
		field_required(
			e, &expression_at, "messageExpression must be non-empty if specified");
	if (there(rule, "reason") && !rule_is_one_of(reason, reasons))
		field_not_supported_str(e, &reason_at, reason, reasons);
	check_field_path(e, &field_at, schema, node, tree_str(rule, "fieldPath"));
}

void check_rule_texts(struct field_errors *e, const struct path *at, const struct cJSON *schema,
	const struct node *node)
{
	struct path rules = PATH(at, "x-kubernetes-validations");
	size_t i = 0;

	json_each (rule, json_get(schema, STR("x-kubernetes-validations"))) {
		struct path here = PATH_INDEX(&rules, i++);

		check_texts_of(e, &here, schema, node, rule);
	}
}
