/* The policies that stand in the store, with their bindings, compiled. */
#include "configurations.h"
#include "policies.h"

#include <kube/api_codec.h>
#include <kube/mem.h>

struct policy_sources {
	struct api_server *server;
	struct bucket *policies[2], *bindings[2];
	struct policy_set *sets[2];
	uint64_t changes[2][2]; /* of the buckets, when the sets were read */
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

		match_conditions_done(&p->conditions);
		free_rules(p->validations, p->validation_count);
		free_rules(p->annotations, p->annotation_count);
		free_rules(p->mutations, p->mutation_count);
		vocabulary_done(&p->words);
	}
	arena_done(&set->arena);
	mem_free(set);
}

/* ---- expressions ---- */

static struct policy_rule *compile_rules(struct arena *a, struct policy *p,
	const struct cJSON *list, const char *path, const char *message, size_t *count)
{
	struct policy_rule *rules = arena_new(a, (json_count(list) + 1) * sizeof(*rules));

	*count = 0;
	json_each (tree, list) {
		struct policy_rule *r = &rules[(*count)++];

		r->tree = tree;
		r->expression = vocabulary_compile(&p->words, tree_str(tree, path), NULL);
		if (message)
			r->message = vocabulary_compile(&p->words, tree_str(tree, message), NULL);
	}
	return rules;
}

static void compile_mutations(struct arena *a, struct policy *p, const struct cJSON *list)
{
	p->mutations = arena_new(a, (json_count(list) + 1) * sizeof(*p->mutations));
	json_each (tree, list) {
		struct policy_rule *r = &p->mutations[p->mutation_count++];
		struct str text = tree_str(tree, "applyConfiguration.expression");

		if (!text.len)
			text = tree_str(tree, "jsonPatch.expression");
		r->tree = tree;
		r->expression = vocabulary_compile(&p->words, text, NULL);
	}
}

/* ---- policies and bindings ---- */

static void read_match(struct arena *a, const struct cJSON *tree, struct policy_match *m)
{
	m->hook.rules = json_get(tree, STR("resourceRules"));
	m->exclude = json_get(tree, STR("excludeResourceRules"));
	m->hook.all_namespaces = configuration_selector(
		a, json_get(tree, STR("namespaceSelector")), &m->hook.namespaces);
	m->hook.all_objects =
		configuration_selector(a, json_get(tree, STR("objectSelector")), &m->hook.objects);
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
	vocabulary_init(&p->words, mutating ? CEL_WITH_OBJECTS | CEL_WITH_PATCHES : 0,
		p->param_kind != NULL);
	vocabulary_take_variables(&p->words, a, json_get(spec, STR("variables")));
	match_conditions_compile(
		&p->conditions, &p->words, a, json_get(spec, STR("matchConditions")));
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

static struct policy_set *read_all(
	const struct bucket *policies, const struct bucket *bindings, bool mutating)
{
	struct policy_set *set = mem_new(sizeof(*set));
	const struct cJSON **trees, **bound;
	size_t bound_count;

	set->refs = 1;
	arena_init(&set->arena);
	trees = configuration_trees(&set->arena, policies, &set->count);
	bound = configuration_trees(&set->arena, bindings, &bound_count);
	set->policies = arena_new(&set->arena, (set->count + 1) * sizeof(*set->policies));
	for (size_t i = 0; i < set->count; i++) {
		read_policy(&set->arena, trees[i], mutating, &set->policies[i]);
		read_bindings(&set->arena, &set->policies[i], bound, bound_count);
	}
	return set;
}

static void find_buckets(struct policy_sources *p, bool mutating)
{
	static const char *const plurals[2][2] = {
		{"validatingadmissionpolicies", "validatingadmissionpolicybindings"},
		{"mutatingadmissionpolicies", "mutatingadmissionpolicybindings"}};

	p->policies[mutating] = configuration_bucket(p->server, plurals[mutating][0]);
	p->bindings[mutating] = configuration_bucket(p->server, plurals[mutating][1]);
}

struct policy_set *policy_set_take(struct policy_sources *p, bool mutating)
{
	struct policy_set **set = &p->sets[mutating];
	uint64_t *changes = p->changes[mutating];

	if (!p->policies[mutating])
		find_buckets(p, mutating);
	const struct bucket *policies = p->policies[mutating], *bindings = p->bindings[mutating];
	if (!store_count(policies) || !store_count(bindings)) {
		policy_set_unref(TAKE(*set));
		return NULL;
	}
	if (!*set || changes[0] != store_changes(policies) ||
		changes[1] != store_changes(bindings)) {
		policy_set_unref(*set);
		changes[0] = store_changes(policies);
		changes[1] = store_changes(bindings);
		*set = read_all(policies, bindings, mutating);
	}
	(*set)->refs++;
	return *set;
}
