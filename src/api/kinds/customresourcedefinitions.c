/* CustomResourceDefinition */
#include "definition_rules.h"
#include "definition_schemas.h"

/* ---- defaults ---- */

static struct str lower(struct arena *a, struct str s)
{
	char *copy = arena_copy(a, s.at, s.len);

	for (size_t i = 0; i < s.len; i++)
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] += 'a' - 'A';
	return str_make(copy, s.len);
}

static void default_stored_versions(struct change *c)
{
	struct cJSON *stored;

	if (json_count(json_path(c->object, "status.storedVersions")))
		return;
	json_each (version, json_path(c->object, "spec.versions")) {
		if (!tree_true(version, "storage"))
			continue;
		stored = json_new(c->arena, JSON_ARRAY);
		json_append(stored, json_new_str(c->arena, tree_str(version, "name")));
		tree_set(c->arena, c->object, "status.storedVersions", stored);
		break;
	}
}

static void defaults(struct change *c)
{
	struct cJSON *names = json_path(c->object, "spec.names");
	struct str kind = tree_str(names, "kind");

	if (kind.len && !tree_str(names, "singular").len)
		tree_set_str(c->arena, names, "singular", lower(c->arena, kind));
	if (kind.len && !tree_str(names, "listKind").len)
		tree_set_str(
			c->arena, names, "listKind", arena_print(c->arena, "%.*sList", STRF(kind)));
	if (!tree_has(c->object, "spec.conversion"))
		tree_set_str(c->arena, c->object, "spec.conversion.strategy", STR("None"));
	default_stored_versions(c);
}

/* ---- preparation ---- */

/* The version that objects are stored in from now on joins those they were. */
static void record_storage(struct change *c)
{
	struct cJSON *stored = json_path(c->object, "status.storedVersions");

	if (!json_is(stored, JSON_ARRAY)) { /* it may be there as null */
		stored = json_new(c->arena, JSON_ARRAY);
		tree_set(c->arena, c->object, "status.storedVersions", stored);
	}
	json_each (version, json_path(c->object, "spec.versions")) {
		struct str name = tree_str(version, "name");

		if (!tree_true(version, "storage"))
			continue;
		if (!rule_came_before(stored, json_count(stored), NULL, name))
			json_append(stored, json_new_str(c->arena, name));
		break;
	}
	if (!json_count(stored))
		tree_drop(c->object, "status.storedVersions");
}

/* ---- rules ---- */

static void check_own_name(struct change *c, struct field_errors *e)
{
	struct path meta = PATH(NULL, "metadata"), at = PATH(&meta, "name");
	struct str wanted =
		arena_print(c->arena, "%.*s.%.*s", STRF(tree_str(c->object, "spec.names.plural")),
			STRF(tree_str(c->object, "spec.group")));

	if (c->name.len && !str_eq(c->name, wanted))
		field_invalid_str(e, &at, c->name, "must be spec.names.plural+\".\"+spec.group");
}

static void check_unknown_fields(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "preserveUnknownFields");

	if (tree_true(c->object, "spec.preserveUnknownFields") &&
		!(c->old && tree_true(c->old, "spec.preserveUnknownFields")))
		field_invalid(e, &at, json_path(c->object, "spec.preserveUnknownFields"),
			"cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
			"spec.versions[*].schema instead");
}

static void check_fixed(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), names = PATH(&spec, "names");
	const struct cJSON *now = json_get(c->object, STR("spec"));
	const struct cJSON *old = json_get(c->old, STR("spec"));
	const struct cJSON *now_names = json_get(now, STR("names"));
	const struct cJSON *old_names = json_get(old, STR("names"));
	bool established = false;

	json_each (condition, json_path(c->old, "status.conditions"))
		established |= str_eq_text(tree_str(condition, "type"), "Established") &&
			       str_eq_text(tree_str(condition, "status"), "True");
	if (established) {
		rule_immutable(e, &spec, now, old, "scope");
		rule_immutable(e, &names, now_names, old_names, "kind");
	}
	rule_immutable(e, &spec, now, old, "group");
	rule_immutable(e, &names, now_names, old_names, "plural");
}

static void check_rest(struct change *c, struct field_errors *e)
{
	struct path status = PATH(NULL, "status"), names = PATH(&status, "acceptedNames");

	check_definition_names(e, &names, json_path(c->object, "status.acceptedNames"));
	check_stored_versions(e, c->object);
	check_approval(e, c->object, c->old);
	check_unknown_fields(c, e);
}

static void validate(struct change *c, struct field_errors *e)
{
	check_own_name(c, e);
	check_definition_spec(e, json_get(c->object, STR("spec")), NULL);
	check_rest(c, e);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	check_definition_spec(e, json_get(c->object, STR("spec")), c->old);
	check_fixed(c, e);
	check_rest(c, e);
}

static void validate_status(struct change *c, struct field_errors *e)
{
	struct path status = PATH(NULL, "status"), names = PATH(&status, "acceptedNames");

	check_definition_names(e, &names, json_path(c->object, "status.acceptedNames"));
}

const struct strategy strategy_customresourcedefinitions = {
	.name_rule = name_check_dns_subdomain,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.status_keeps_metadata = true,
	.defaults = defaults,
	.prepare_create = record_storage,
	.prepare_update = record_storage,
	.validate = validate,
	.validate_update = validate_update,
	.validate_status = validate_status,
	.warn = warn_of_formats,
};
