/* The policies that stand in the store, with their bindings, compiled. */
#include "policies.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

#define GROUP "admissionregistration.k8s.io"

struct policy_sources {
	struct api_server *server;
	struct bucket *policies[2], *bindings[2];
	struct policy_set *sets[2];
};

struct policy_sources *policy_sources_new(struct api_server *s)
{
	struct policy_sources *p = mem_new(sizeof(*p));

	p->server = s;
	return p;
}

void policy_sources_free(struct policy_sources *p)
{
	if (!p)
		return;
	policy_set_unref(p->sets[0]);
	policy_set_unref(p->sets[1]);
	mem_free(p);
}

static void free_rules(struct policy_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		cel_program_free(rules[i].expression.program);
		cel_program_free(rules[i].message.program);
	}
}

void policy_set_unref(struct policy_set *set)
{
	if (!set || --set->refs)
		return;
	for (size_t i = 0; i < set->count; i++) {
		struct policy *p = &set->policies[i];

		for (size_t k = 0; k < p->variable_count; k++)
			cel_program_free(p->variables[k].expression.program);
		free_rules(p->conditions, p->condition_count);
		free_rules(p->validations, p->validation_count);
		free_rules(p->annotations, p->annotation_count);
		free_rules(p->mutations, p->mutation_count);
		cel_env_free(p->env);
	}
	for (size_t i = 0; i < set->seen_count; i++)
		object_unref(set->seen[i]);
	mem_free(set->seen);
	arena_done(&set->arena);
	mem_free(set);
}

/* ---- expressions ---- */

static struct policy_expression compile(struct policy *p, struct str text)
{
	if (!text.len)
		return (struct policy_expression){0};
	return (struct policy_expression){cel_compile(p->env, text, NULL), text};
}

static struct policy_rule *compile_rules(struct arena *a, struct policy *p,
	const struct cJSON *list, const char *path, const char *message, size_t *count)
{
	struct policy_rule *rules = arena_new(a, (json_count(list) + 1) * sizeof(*rules));

	*count = 0;
	json_each (tree, list) {
		struct policy_rule *r = &rules[(*count)++];

		r->tree = tree;
		r->expression = compile(p, tree_str(tree, path));
		if (message)
			r->message = compile(p, tree_str(tree, message));
	}
	return rules;
}

/* Each knows those before it. */
static void compile_variables(struct arena *a, struct policy *p, const struct cJSON *list)
{
	struct cel_type *record = cel_type_record(p->env, STR("kubernetes.variables"));

	p->variables_type = record;
	cel_declare(p->env, STR("variables"), record);
	p->variables = arena_new(a, (json_count(list) + 1) * sizeof(*p->variables));
	json_each (tree, list) {
		struct policy_variable *v = &p->variables[p->variable_count++];

		v->name = tree_str(tree, "name");
		v->expression = compile(p, tree_str(tree, "expression"));
		cel_type_add(p->env, record, v->name,
			v->expression.program && !cel_failure(v->expression.program).kind
				? cel_type_composed(p->env, cel_result_type(v->expression.program))
				: &cel_dyn);
	}
}

static void compile_mutations(struct arena *a, struct policy *p, const struct cJSON *list)
{
	p->mutations = arena_new(a, (json_count(list) + 1) * sizeof(*p->mutations));
	json_each (tree, list) {
		struct policy_rule *r = &p->mutations[p->mutation_count++];
		struct str text = tree_str(tree, "applyConfiguration.expression");

		r->tree = tree;
		r->expression =
			compile(p, text.len ? text : tree_str(tree, "jsonPatch.expression"));
	}
}

/* ---- policies and bindings ---- */

static bool read_selector(struct arena *a, const struct cJSON *tree, struct selector *s)
{
	if (!json_count(tree))
		return true;
	if (label_selector_from(a, tree, s, NULL))
		*s = (struct selector){.nothing = true};
	return false;
}

static void read_match(struct arena *a, const struct cJSON *tree, struct policy_match *m)
{
	m->hook.rules = json_get(tree, STR("resourceRules"));
	m->exclude = json_get(tree, STR("excludeResourceRules"));
	m->hook.all_namespaces =
		read_selector(a, json_get(tree, STR("namespaceSelector")), &m->hook.namespaces);
	m->hook.all_objects =
		read_selector(a, json_get(tree, STR("objectSelector")), &m->hook.objects);
	m->hook.exact = str_eq_text(tree_str(tree, "matchPolicy"), "Exact");
}

static void read_policy(struct arena *a, const struct cJSON *tree, bool mutating, struct policy *p)
{
	const struct cJSON *spec = json_get(tree, STR("spec"));

	p->name = tree_str(tree, "metadata.name");
	p->param_kind = json_get(spec, STR("paramKind"));
	p->fails_open = str_eq_text(tree_str(spec, "failurePolicy"), "Ignore");
	p->reinvoked = str_eq_text(tree_str(spec, "reinvocationPolicy"), "IfNeeded");
	read_match(a, json_get(spec, STR("matchConstraints")), &p->match);
	p->env = cel_env_for_admission(
		mutating ? CEL_WITH_OBJECTS | CEL_WITH_PATCHES : 0, p->param_kind != NULL);
	p->conditions = compile_rules(a, p, json_get(spec, STR("matchConditions")), "expression",
		NULL, &p->condition_count);
	compile_variables(a, p, json_get(spec, STR("variables")));
	p->validations = compile_rules(a, p, json_get(spec, STR("validations")), "expression",
		"messageExpression", &p->validation_count);
	p->annotations = compile_rules(a, p, json_get(spec, STR("auditAnnotations")),
		"valueExpression", NULL, &p->annotation_count);
	compile_mutations(a, p, json_get(spec, STR("mutations")));
}

static void read_bindings(
	struct arena *a, struct policy *p, const struct cJSON *const *trees, size_t count)
{
	p->bindings = arena_new(a, (count + 1) * sizeof(*p->bindings));
	for (size_t i = 0; i < count; i++) {
		const struct cJSON *spec = json_get(trees[i], STR("spec"));
		struct policy_binding *b = &p->bindings[p->binding_count];

		if (!str_eq(tree_str(spec, "policyName"), p->name))
			continue;
		b->name = tree_str(trees[i], "metadata.name");
		b->param_ref = json_get(spec, STR("paramRef"));
		b->actions = json_get(spec, STR("validationActions"));
		read_match(a, json_get(spec, STR("matchResources")), &b->match);
		p->binding_count++;
	}
}

/* ---- all of them ---- */

static bool still_stands(
	const struct policy_set *set, const struct bucket *policies, const struct bucket *bindings)
{
	const struct bucket *const both[] = {policies, bindings};
	size_t i = 0;

	for (size_t n = 0; n < ARRAY_LEN(both); n++) {
		struct store_iter it = store_seek(both[n], STR(""), STR(""));

		while (store_next(&it))
			if (i >= set->seen_count || set->seen[i++] != it.object)
				return false;
	}
	return i == set->seen_count;
}

static const struct cJSON **read_bucket(
	struct policy_set *set, const struct bucket *b, size_t *count)
{
	struct store_iter it = store_seek(b, STR(""), STR(""));
	const struct cJSON **trees = arena_new(&set->arena, (store_count(b) + 1) * sizeof(*trees));

	*count = 0;
	while (store_next(&it)) {
		set->seen[set->seen_count++] = object_ref(it.object);
		trees[(*count)++] = object_lean_tree(&set->arena, it.object);
	}
	return trees;
}

static struct policy_set *read_all(
	const struct bucket *policies, const struct bucket *bindings, bool mutating)
{
	struct policy_set *set = mem_new(sizeof(*set));
	const struct cJSON **trees, **bound;
	size_t bound_count;

	set->refs = 1;
	arena_init(&set->arena);
	set->seen = mem_alloc(
		(store_count(policies) + store_count(bindings) + 1) * sizeof(struct object *));
	trees = read_bucket(set, policies, &set->count);
	bound = read_bucket(set, bindings, &bound_count);
	set->policies = arena_new(&set->arena, (set->count + 1) * sizeof(*set->policies));
	for (size_t i = 0; i < set->count; i++) {
		read_policy(&set->arena, trees[i], mutating, &set->policies[i]);
		read_bindings(&set->arena, &set->policies[i], bound, bound_count);
	}
	return set;
}

static struct bucket *bucket_of(struct policy_sources *p, const char *plural)
{
	return server_bucket(p->server, resource_find(STR(GROUP), STR("v1"), str_from(plural)));
}

struct policy_set *policy_set_take(struct policy_sources *p, bool mutating)
{
	struct policy_set **set = &p->sets[mutating];
	struct bucket *policies, *bindings;

	if (!p->policies[mutating]) {
		p->policies[mutating] = bucket_of(
			p, mutating ? "mutatingadmissionpolicies" : "validatingadmissionpolicies");
		p->bindings[mutating] =
			bucket_of(p, mutating ? "mutatingadmissionpolicybindings"
					      : "validatingadmissionpolicybindings");
	}
	policies = p->policies[mutating];
	bindings = p->bindings[mutating];
	if (!store_count(policies) || !store_count(bindings)) {
		policy_set_unref(TAKE(*set));
		return NULL;
	}
	if (!*set || !still_stands(*set, policies, bindings)) {
		policy_set_unref(*set);
		*set = read_all(policies, bindings, mutating);
	}
	(*set)->refs++;
	return *set;
}
