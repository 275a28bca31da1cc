#include "definition_schemas.h"
#include "rule_checks.h"

#include <kube/custom.h>

/* ---- walking ---- */

static bool any_below(const struct cJSON *below, bool (*test)(const struct cJSON *schema))
{
	if (json_is(below, JSON_ARRAY)) {
		json_each (item, below)
			if (any_schema(item, test))
				return true;
		return false;
	}
	return json_is(below, JSON_OBJECT) && any_schema(below, test);
}

bool any_schema(const struct cJSON *schema, bool (*test)(const struct cJSON *schema))
{
	static const char *const ones[] = {"items", "allOf", "anyOf", "oneOf", "not",
		"additionalProperties", "additionalItems"};
	static const char *const maps[] = {
		"properties", "patternProperties", "definitions", "dependencies"};

	if (test(schema))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(ones); i++)
		if (any_below(json_get(schema, str_from(ones[i])), test))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(maps); i++)
		json_each (below, json_get(schema, str_from(maps[i])))
			if (json_is(below, JSON_OBJECT) && any_schema(below, test))
				return true;
	return false;
}

static bool any_version(const struct cJSON *definition, bool (*test)(const struct cJSON *schema))
{
	json_each (version, json_path(definition, "spec.versions")) {
		const struct cJSON *schema = json_path(version, "schema.openAPIV3Schema");

		if (json_is(schema, JSON_OBJECT) && any_schema(schema, test))
			return true;
	}
	return false;
}

/* ---- what is asked ---- */

static bool has_bad_type(const struct cJSON *schema)
{
	static const char *const types[] = {
		"array", "boolean", "integer", "number", "object", "string", NULL};
	struct str type = tree_str(schema, "type");

	return type.len && !rule_is_one_of(type, types);
}

static bool has_loose_set(const struct cJSON *schema)
{
	return !set_is_atomic(schema);
}

static bool has_unsound_keys(const struct cJSON *schema)
{
	return !keys_are_sound(schema);
}

static bool has_unpruned_default(const struct cJSON *schema)
{
	struct arena a;
	struct field_errors e = {.arena = &a};
	struct schema_demands d = {.pruned_defaults = true};
	struct node *root;
	bool found = false;

	arena_init(&a);
	if (!structural_hindrance(&a, schema).len && !node_from(&a, schema, &root, NULL)) {
		check_schema_defaults(&e, NULL, root, &d);
		for (size_t i = 0; i < e.count; i++)
			found |= str_ends(e.items[i].body, STR(": must not have unknown fields"));
	}
	arena_done(&a);
	return found;
}

static bool any_unpruned(const struct cJSON *definition)
{
	json_each (version, json_path(definition, "spec.versions")) {
		const struct cJSON *schema = json_path(version, "schema.openAPIV3Schema");

		if (json_is(schema, JSON_OBJECT) && has_unpruned_default(schema))
			return true;
	}
	return false;
}

struct schema_demands schema_demands_of(const struct cJSON *old)
{
	return (struct schema_demands){
		.old = old,
		.valid_types = !old || !any_version(old, has_bad_type),
		.pruned_defaults = !old || !any_unpruned(old),
		.atomic_sets = !old || !any_version(old, has_loose_set),
		.keyed_maps = !old || !any_version(old, has_unsound_keys),
	};
}

/* ---- with the status subresource ---- */

/* The status is checked by its own schema alone: what the root says of it would be lost. */
static void check_root(struct field_errors *e, const struct path *at, const struct cJSON *schema)
{
	static const char *const lost[] = {"enum", "maxProperties", "minProperties", "allOf",
		"oneOf", "anyOf", "not", "additionalProperties", "default", "nullable",
		"x-kubernetes-embedded-resource", "x-kubernetes-int-or-string",
		"x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type"};
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);
	struct path type = PATH(at, "type");

	if (tree_str(schema, "type").len && !str_eq_text(tree_str(schema, "type"), "object")) {
		field_invalid_str(e, &type, tree_str(schema, "type"),
			"only \\\"object\\\" is allowed as the type at the root of the schema if "
			"the status subresource is enabled");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
		if (json_type(json_get(schema, str_from(lost[i]))) == JSON_NULL)
			continue;
		api_print_go(&text, SCHEMA(apiextensions_v1, JSONSchemaProps), schema);
		field_invalid_raw(e, at, buf_str(&text),
			"only [Description Type Format Title Maximum ExclusiveMaximum Minimum "
			"ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems "
			"UniqueItems MultipleOf Required Items Properties ExternalDocs Example "
			"XPreserveUnknownFields XValidations] fields are allowed at the root of "
			"the schema if the status subresource is enabled");
		return;
	}
}

/* ---- the whole ---- */

void check_definition_schema(struct field_errors *e, const struct path *at,
	const struct cJSON *schema, const struct schema_demands *d)
{
	_cleanup_(err_done) struct err err = {0};
	struct str hindrance = structural_hindrance(e->arena, schema);
	struct path nullable = PATH(at, "nullable");
	struct rule_checks rules = {.errors = {.arena = e->arena}, .unchanged = d->unchanged};
	size_t before = e->count;
	bool sound = false;
	struct node *root = NULL;

	if (d->status)
		check_root(e, at, schema);
	if (json_bool(json_get(schema, STR("nullable"))))
		field_forbidden(e, &nullable, "nullable cannot be true at the root");
	if (!hindrance.len && node_from(e->arena, schema, &root, &err))
		hindrance = arena_str(e->arena, str_from(err_text(&err)));
	if (!hindrance.len) {
		size_t count = e->count;

		check_structural(e, at, root);
		if (e->count == count)
			check_schema_defaults(e, at, root, d);
		sound = e->count == count;
	}
	check_each_schema(e, at, schema, d, hindrance.len ? NULL : root, sound ? &rules : NULL);
	rule_checks_finish(&rules, e, at);
	if (e->count == before && hindrance.len)
		field_invalid_str(e, at, STR(""), "%.*s", STRF(hindrance));
}

struct definition_faults custom_definition_faults(struct arena *a, const struct cJSON *definition)
{
	struct path spec = PATH(NULL, "spec"), versions = PATH(&spec, "versions");
	struct path preserves = PATH(&spec, "preserveUnknownFields");
	struct field_errors e = {.arena = a};
	size_t i = 0;

	if (tree_true(definition, "spec.preserveUnknownFields"))
		field_invalid(&e, &preserves, json_new_bool(a, true), "must be false");
	json_each (version, json_path(definition, "spec.versions")) {
		const struct cJSON *schema = json_path(version, "schema.openAPIV3Schema");
		struct path here = PATH_INDEX(&versions, i++), part = PATH(&here, "schema");
		struct path at = PATH(&part, "openAPIV3Schema");
		_cleanup_(err_done) struct err err = {0};
		struct node *root;

		if (!json_is(schema, JSON_OBJECT))
			continue;
		struct str why = structural_hindrance(a, schema);
		if (!why.len && node_from(a, schema, &root, &err))
			why = arena_str(a, str_from(err_text(&err)));
		if (why.len)
			return (struct definition_faults){
				.text = arena_print(a,
					"failed to check validation schema for version %.*s: %.*s",
					STRF(tree_str(version, "name")), STRF(why)),
				.unchecked = true};
		check_structural(&e, &at, root);
	}
	return (struct definition_faults){.text = field_errors_text(a, &e)};
}
