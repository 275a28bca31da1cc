/*
 * The types that a policy's rules name, at most ten of a rule, and its expressions compiled for
 * each of them as if objects had that type. Rules with stars say nothing of types.
 */
#include "policy_types.h"

#include <kube/cel.h>

#include <stdlib.h>

#define TYPES_MAX 10 /* of one rule */

struct kind {
	struct str group, version, name;
	const struct schema *table; /* of what is built in; else of a definition's version: */
	const struct cJSON *schema; /* NULL: nothing is known of it */
};

struct kinds {
	struct arena *arena;
	const struct trees *definitions;
	struct kind *items;
	size_t count, room, of_rule;
};

/* ---- kinds ---- */

static bool same_kind(const struct kind *a, const struct kind *b)
{
	return str_eq(a->group, b->group) && str_eq(a->version, b->version) &&
	       str_eq(a->name, b->name);
}

static void add_kind(struct kinds *k, struct kind kind)
{
	k->of_rule++;
	for (size_t i = 0; i < k->count; i++)
		if (same_kind(&k->items[i], &kind))
			return;
	if (k->count == k->room) {
		struct kind *grown;

		k->room = k->room ? 2 * k->room : 16;
		grown = arena_alloc(k->arena, k->room * sizeof(*grown));
		if (k->count)
			memcpy(grown, k->items, k->count * sizeof(*grown));
		k->items = grown;
	}
	k->items[k->count++] = kind;
}

static int by_name(const void *x, const void *y)
{
	const struct kind *a = x, *b = y;
	int order = str_cmp(a->group, b->group);

	if (!order)
		order = str_cmp(a->version, b->version);
	return order ? order : str_cmp(a->name, b->name);
}

static bool is_established(const struct cJSON *definition)
{
	json_each (c, json_path(definition, "status.conditions"))
		if (str_eq_text(tree_str(c, "type"), "Established"))
			return str_eq_text(tree_str(c, "status"), "True");
	return false;
}

/* The version as it is served; NULL: it is not. */
static const struct cJSON *served_version(const struct cJSON *definition, struct str version)
{
	json_each (v, json_path(definition, "spec.versions"))
		if (str_eq(tree_str(v, "name"), version) && json_bool(json_get(v, STR("served"))))
			return is_established(definition) ? v : NULL;
	return NULL;
}

static struct kind kind_of(const struct cJSON *definition, const struct cJSON *version)
{
	return (struct kind){.group = tree_str(definition, "spec.group"),
		.version = tree_str(version, "name"),
		.name = tree_str(definition, "spec.names.kind"),
		.schema = json_path(version, "schema.openAPIV3Schema")};
}

/* ---- rules ---- */

/* Without a group it is any: the mapping of resources to kinds cannot say "the core group". */
static bool in_group(struct str wanted, struct str group)
{
	return !wanted.len || str_eq(wanted, group);
}

static void add_named(struct kinds *k, struct str group, struct str version, struct str plural)
{
	const struct resource *r;

	for (size_t i = 0; (r = resource_at(i)) && k->of_rule < TYPES_MAX; i++)
		if (in_group(group, r->group) && str_eq(version, r->version) &&
			str_eq(plural, r->plural))
			add_kind(k, (struct kind){r->group, r->version, r->kind, r->schema, NULL});
	for (size_t i = 0; i < k->definitions->count && k->of_rule < TYPES_MAX; i++) {
		const struct cJSON *d = k->definitions->items[i], *v;

		if (!in_group(group, tree_str(d, "spec.group")) ||
			!str_eq(plural, tree_str(d, "spec.names.plural")))
			continue;
		v = served_version(d, version);
		if (v)
			add_kind(k, kind_of(d, v));
	}
}

static int by_text(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* Sorted. One with a star: all or nothing of the list goes, or (`skips`) that one alone. */
static size_t names_of(
	struct arena *a, const struct cJSON *list, const char *odd, bool skips, struct str **names)
{
	size_t count = 0;

	*names = arena_new(a, (json_count(list) + 1) * sizeof(**names));
	json_each (item, list) {
		struct str name = json_str(item);
		bool is_odd = false;

		for (const char *c = odd; *c; c++)
			is_odd |= str_find_char(name, *c) >= 0;
		if (is_odd && !skips)
			return 0;
		if (!is_odd)
			(*names)[count++] = name;
	}
	qsort(*names, count, sizeof(**names), by_text);
	return count;
}

/* false: enough, also of the rules behind it. */
static bool add_rule(struct kinds *k, const struct cJSON *rule)
{
	struct str *groups, *versions, *resources;
	struct arena *a = k->arena;
	size_t g = names_of(a, json_get(rule, STR("apiGroups")), "*", false, &groups);
	size_t v = names_of(a, json_get(rule, STR("apiVersions")), "*", false, &versions);
	size_t r = names_of(a, json_get(rule, STR("resources")), "*/", true, &resources);

	k->of_rule = 0;
	for (size_t i = 0; i < g * v * r && k->of_rule < TYPES_MAX; i++)
		add_named(k, groups[i / (v * r)], versions[i / r % v], resources[i % r]);
	return k->of_rule < TYPES_MAX;
}

static void find_kinds(struct kinds *k, const struct cJSON *policy)
{
	json_each (rule, json_path(policy, "spec.matchConstraints.resourceRules"))
		if (!add_rule(k, rule))
			break;
	if (k->count)
		qsort(k->items, k->count, sizeof(*k->items), by_name);
}

/* false: there is no such kind. */
static bool find_params(struct kinds *k, const struct cJSON *kind, struct kind *found)
{
	struct str group, version, name = tree_str(kind, "kind");
	const struct resource *r;

	api_version_split(tree_str(kind, "apiVersion"), &group, &version);
	r = resource_find_kind(group, version, name);
	if (r)
		*found = (struct kind){group, version, name, r->schema, NULL};
	for (size_t i = 0; !r && i < k->definitions->count; i++) {
		const struct cJSON *d = k->definitions->items[i];
		const struct cJSON *v = str_eq(group, tree_str(d, "spec.group")) &&
							str_eq(name, tree_str(d, "spec.names.kind"))
						? served_version(d, version)
						: NULL;

		if (!v)
			continue;
		*found = kind_of(d, v);
		return true;
	}
	return r;
}

/* ---- types ---- */

/* Of custom objects, too, the metadata are those that all objects have. */
static const struct cel_type *type_of(struct cel_env *env, const struct kind *k)
{
	static const char meta[] = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
	struct cel_type *t;

	if (k->table)
		return cel_type_of_table(env, k->table);
	if (!k->schema)
		return &cel_dyn;
	t = (struct cel_type *)(uintptr_t)cel_type_of_schema(env, k->schema, true);
	cel_type_add(env, t, STR("metadata"), cel_type_of_table(env, schema_find(str_from(meta))));
	return t;
}

/* What expressions know, as upstream lets them while they are checked. */
static struct cel_env *environment_for(
	const struct kind *kind, const struct kind *params, const struct cJSON *variables)
{
	struct cel_env *env = cel_env_new(0);
	const struct cel_type *object = type_of(env, kind);
	struct cel_type *record = cel_type_record(env, STR("kubernetes.variables"));

	cel_declare(env, STR("object"), object);
	cel_declare(env, STR("oldObject"), object);
	cel_declare(env, STR("request"), cel_type_of_request(env));
	cel_declare(env, STR("namespaceObject"), cel_type_of_namespace(env));
	cel_declare(env, STR("authorizer"), &cel_authorizer_type);
	if (params)
		cel_declare(env, STR("params"), type_of(env, params));
	cel_declare(env, STR("variables"), record);
	json_each (variable, variables) {
		struct cel_program *p = cel_compile(env, tree_str(variable, "expression"), NULL);

		cel_type_add(env, record, tree_str(variable, "name"),
			cel_failure(p).kind ? &cel_dyn
					    : cel_type_composed(env, cel_result_type(p)));
		cel_program_free(p);
	}
	return env;
}

/* ---- checking ---- */

struct checking {
	struct arena *arena;
	const struct kinds *kinds;
	struct cel_env **envs; /* one a kind */
	struct cJSON *warnings;
};

static void check(struct checking *c, struct str expression, struct str field)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);
	struct cJSON *warning;

	for (size_t i = 0; i < c->kinds->count; i++) {
		const struct kind *k = &c->kinds->items[i];
		struct cel_program *p = cel_compile(c->envs[i], expression, NULL);

		if (cel_failure(p).kind == CEL_INVALID)
			buf_print(&text, "%s%.*s/%.*s, Kind=%.*s: %.*s\n", text.len ? "\n" : "",
				STRF(k->group), STRF(k->version), STRF(k->name),
				STRF(cel_failure(p).text));
		cel_program_free(p);
	}
	if (!text.len)
		return;
	warning = json_new(c->arena, JSON_OBJECT);
	tree_set_str(c->arena, warning, "fieldRef", field);
	tree_set_str(c->arena, warning, "warning", buf_str(&text));
	json_append(c->warnings, warning);
}

struct cJSON *policy_type_warnings(
	struct arena *a, const struct cJSON *policy, const struct trees *definitions)
{
	const struct cJSON *params_kind = json_path(policy, "spec.paramKind");
	struct kinds kinds = {.arena = a, .definitions = definitions};
	struct checking c = {.arena = a, .kinds = &kinds, .warnings = json_new(a, JSON_ARRAY)};
	struct kind params;
	bool has_params = params_kind && find_params(&kinds, params_kind, &params);
	size_t n = 0;

	find_kinds(&kinds, policy);
	c.envs = arena_new(a, (kinds.count + 1) * sizeof(struct cel_env *));
	for (size_t i = 0; i < kinds.count; i++)
		c.envs[i] = environment_for(&kinds.items[i], has_params ? &params : NULL,
			json_path(policy, "spec.variables"));
	json_each (rule, json_path(policy, "spec.validations")) {
		check(&c, tree_str(rule, "expression"),
			arena_print(a, "spec.validations[%zu].expression", n));
		if (tree_str(rule, "messageExpression").len)
			check(&c, tree_str(rule, "messageExpression"),
				arena_print(a, "spec.validations[%zu].messageExpression", n));
		n++;
	}
	for (size_t i = 0; i < kinds.count; i++)
		cel_env_free(c.envs[i]);
	return c.warnings;
}
