/*
 * Types of custom resources in the documents: the schema of their definition as it was written,
 * with what every object has. OpenAPI v2 cannot say all of it, and what its readers would take for
 * a prohibition is left out.
 */
#include "parts.h"

#include "types.h"

#include <kube/api_codec.h>

#define PRESERVES "x-kubernetes-preserve-unknown-fields"
#define EMBEDDED  "x-kubernetes-embedded-resource"

static const struct resource *resource_of(
	const struct parts *p, const struct schema *s, struct str *definition)
{
	for (size_t i = 0; i < p->source->count; i++) {
		const struct resource *r = p->source->resources[i];

		if (!r->custom || r->schema->custom != s->custom)
			continue;
		if (p->source->definitions)
			*definition = p->source->definitions[i];
		return r;
	}
	return NULL;
}

/* ---- a schema, member by member ---- */

static bool says(const struct cJSON *node, const char *member)
{
	return json_bool(json_get(node, str_from(member)));
}

/* What a reader of objects has no use for. */
static bool is_left_out(struct str key)
{
	static const char *const names[] = {"$schema", "example", "externalDocs", "id"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_text(key, names[i]))
			return true;
	return false;
}

/* Of nullable ones the second version has no word, and of unknown fields it has none either. */
static bool is_unsaid_in_v2(const struct cJSON *node, struct str key)
{
	static const char *const junctors[] = {"allOf", "anyOf", "not", "oneOf"};
	bool shape = str_eq_text(key, "items") || str_eq_text(key, "properties");

	for (size_t i = 0; i < ARRAY_LEN(junctors); i++)
		if (str_eq_text(key, junctors[i]))
			return true;
	if (says(node, "nullable") &&
		(shape || str_eq_text(key, "type") || str_eq_text(key, "nullable")))
		return true;
	return says(node, PRESERVES) && shape;
}

static struct cJSON *publish(struct parts *p, const struct cJSON *node);

static struct cJSON *publish_each(struct parts *p, const struct cJSON *group)
{
	struct cJSON *out =
		json_new(&p->scratch, json_is(group, JSON_ARRAY) ? JSON_ARRAY : JSON_OBJECT);

	json_each (member, group)
		if (json_is(group, JSON_ARRAY))
			json_append(out, publish(p, member));
		else
			json_add(&p->scratch, out, json_key(member), publish(p, member));
	return out;
}

static struct cJSON *publish_member(struct parts *p, const struct cJSON *member)
{
	static const char *const one[] = {"additionalProperties", "items", "not"};
	static const char *const many[] = {"allOf", "anyOf", "oneOf", "properties"};

	for (size_t i = 0; i < ARRAY_LEN(one); i++)
		if (str_eq_text(json_key(member), one[i]) && json_is(member, JSON_OBJECT))
			return publish(p, member);
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		if (str_eq_text(json_key(member), many[i]))
			return publish_each(p, member);
	return json_copy(&p->scratch, member);
}

/* ---- what every object has ---- */

static const struct schema_field *general(const char *name)
{
	return schema_field(SCHEMA(core_v1, Pod), str_from(name));
}

static struct cJSON *text_property(struct parts *p, const char *name)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);

	part_add_description(p, tree, general(name)->doc);
	part_add_text(p, tree, "type", STR("string"));
	return tree;
}

static struct cJSON *meta_property(struct parts *p)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);
	struct cJSON *link = part_reference(p, SCHEMA(meta_v1, ObjectMeta));

	part_add_description(p, tree, general("metadata")->doc);
	if (p->v3) {
		struct cJSON *all = json_new(&p->scratch, JSON_ARRAY);

		json_append(all, link);
		part_add(p, tree, "allOf", all);
	} else {
		json_add(&p->scratch, tree, STR("$ref"),
			json_copy(&p->scratch, json_get(link, STR("$ref"))));
	}
	return tree;
}

static void add_identity(struct parts *p, struct cJSON *schema)
{
	struct cJSON *properties = json_get(schema, STR("properties"));

	if (!properties) {
		properties = json_new(&p->scratch, JSON_OBJECT);
		json_set(&p->scratch, schema, STR("properties"), properties);
	}
	json_set(&p->scratch, properties, STR("apiVersion"), text_property(p, "apiVersion"));
	json_set(&p->scratch, properties, STR("kind"), text_property(p, "kind"));
	json_set(&p->scratch, properties, STR("metadata"), meta_property(p));
}

/* An object within the object says what it is. */
static void require_identity(struct parts *p, struct cJSON *schema)
{
	static const char *const words[] = {"kind", "apiVersion"};
	struct cJSON *required = json_get(schema, STR("required"));

	if (!required) {
		required = json_new(&p->scratch, JSON_ARRAY);
		json_set(&p->scratch, schema, STR("required"), required);
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		bool there = false;

		json_each (word, required)
			there |= str_eq_text(json_str(word), words[i]);
		if (!there)
			json_append(required, json_new_str(&p->scratch, str_from(words[i])));
	}
}

static struct cJSON *publish(struct parts *p, const struct cJSON *node)
{
	struct cJSON *out = json_new(&p->scratch, JSON_OBJECT);

	json_each (member, node) {
		struct str key = json_key(member);

		if (!is_left_out(key) && (p->v3 || !is_unsaid_in_v2(node, key)))
			json_add(&p->scratch, out, key, publish_member(p, member));
	}
	if (says(node, EMBEDDED) && (p->v3 || !says(node, PRESERVES))) {
		add_identity(p, out);
		require_identity(p, out);
	}
	return out;
}

/* ---- the whole ---- */

static const struct cJSON *schema_in(
	struct parts *p, const struct resource *r, struct str definition, bool *preserves)
{
	struct json_options options = {.limits.max_bytes = definition.len};
	struct cJSON *tree;

	if (!definition.len || json_parse(&p->scratch, definition, &options, &tree, NULL))
		return NULL;
	*preserves = tree_true(tree, "spec.preserveUnknownFields");
	json_each (version, json_path(tree, "spec.versions"))
		if (str_eq(tree_str(version, "name"), r->version))
			return json_path(version, "schema.openAPIV3Schema");
	return NULL;
}

struct cJSON *part_custom_definition(struct parts *p, const struct schema *s)
{
	struct str definition = {0};
	const struct resource *r = resource_of(p, s, &definition);
	bool preserves = false;
	const struct cJSON *schema = r ? schema_in(p, r, definition, &preserves) : NULL;
	struct cJSON *tree, *kinds = json_new(&p->scratch, JSON_ARRAY);

	if (!schema || (!p->v3 && (preserves || says(schema, PRESERVES)))) {
		/* with properties, readers would take all others for wrong */
		tree = json_new(&p->scratch, JSON_OBJECT);
		part_add_text(p, tree, "type", STR("object"));
	} else {
		tree = publish(p, schema);
		add_identity(p, tree);
	}
	if (r)
		json_append(kinds, part_group_version_kind(p, r->group, r->version, r->kind));
	part_add(p, tree, "x-kubernetes-group-version-kind", kinds);
	return tree;
}
