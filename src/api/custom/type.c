#include "type.h"
#include "rule_programs.h"

#include <kube/mem.h>

static const struct cJSON *find_version(const struct cJSON *definition, struct str name)
{
	json_each (version, json_path(definition, "spec.versions"))
		if (str_eq(tree_str(version, "name"), name))
			return version;
	return NULL;
}

static struct str text(struct custom_type *t, const struct cJSON *definition, const char *dotted)
{
	return arena_str(&t->arena, tree_str(definition, dotted));
}

static int fill(struct custom_type *t, const struct cJSON *definition, const struct cJSON *version,
	struct err *err)
{
	const struct cJSON *schema = json_path(version, "schema.openAPIV3Schema");
	const struct cJSON *parts = json_get(version, STR("subresources"));

	t->group = text(t, definition, "spec.group");
	t->kind = text(t, definition, "spec.names.kind");
	t->list_kind = text(t, definition, "spec.names.listKind");
	t->plural = text(t, definition, "spec.names.plural");
	t->version = text(t, version, "name");
	t->api_version = arena_print(&t->arena, "%.*s/%.*s", STRF(t->group), STRF(t->version));
	t->preserves_all = tree_true(definition, "spec.preserveUnknownFields");
	t->has_status = tree_has(parts, "status");
	if (tree_has(parts, "scale"))
		t->scale = json_copy(&t->arena, json_get(parts, STR("scale")));
	if (json_is(schema, JSON_OBJECT))
		t->source = json_copy(&t->arena, schema);
	if (!t->source) {
		t->root = node_empty(&t->arena);
		return 0;
	}
	return node_from(&t->arena, t->source, &t->root, err);
}

struct custom_type *custom_type_new(
	const struct cJSON *definition, struct str version, struct err *err)
{
	const struct cJSON *found = find_version(definition, version);
	struct custom_type *t;

	if (!found) {
		err_set(err, ERR_NOT_FOUND, "the definition has no version %.*s", STRF(version));
		return NULL;
	}
	t = mem_new(sizeof(*t));
	t->refs = 1;
	arena_init(&t->arena);
	if (fill(t, definition, found, err)) {
		custom_type_unref(t);
		return NULL;
	}
	custom_fields_build(t);
	t->rules = rule_set_new(t->root, true);
	return t;
}

struct custom_type *custom_type_ref(struct custom_type *t)
{
	t->refs++;
	return t;
}

void custom_type_unref(struct custom_type *t)
{
	if (!t || --t->refs)
		return;
	rule_set_free(t->rules);
	arena_done(&t->arena);
	mem_free(t);
}

const struct schema *custom_type_schema(const struct custom_type *t)
{
	return &t->schema;
}

const struct schema *custom_type_list_schema(const struct custom_type *t)
{
	return &t->list_schema;
}
