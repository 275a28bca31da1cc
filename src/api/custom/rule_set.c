/* The rules of a schema and all within, compiled once. */
#include "rule_set.h"

#include <kube/mem.h>

/* ---- building ---- */

static bool has_rules(const struct node *n)
{
	if (!n)
		return false;
	if (n->rules || has_rules(n->items) || has_rules(n->rest))
		return true;
	for (size_t i = 0; i < n->property_count; i++)
		if (has_rules(n->properties[i].node))
			return true;
	return false;
}

static struct ruled *build(struct rule_set *s, const struct node *n, const struct cel_type *type);

/* What CEL cannot name is still seen as what it is. */
static const struct cel_type *type_of_member(
	struct rule_set *s, const struct ruled *r, const struct property *p)
{
	struct str escaped;

	if (cel_escape_name(&s->arena, p->name, &escaped))
		return cel_type_field(r->type, p->name);
	return cel_type_of_schema(s->env, p->node->source, p->node->embedded);
}

static void build_members(struct rule_set *s, struct ruled *r)
{
	const struct node *n = r->node;

	if (n->property_count)
		r->members = arena_alloc(&s->arena, n->property_count * sizeof(*r->members));
	for (size_t i = 0; i < n->property_count; i++) {
		struct ruled_member *m = &r->members[r->member_count];

		if (!has_rules(n->properties[i].node))
			continue;
		m->name = n->properties[i].name;
		m->ruled = build(s, n->properties[i].node, type_of_member(s, r, &n->properties[i]));
		r->member_count += m->ruled != NULL;
	}
}

static struct ruled *build(struct rule_set *s, const struct node *n, const struct cel_type *type)
{
	struct ruled *r;

	if (!type || !has_rules(n))
		return NULL;
	r = arena_new(&s->arena, sizeof(*r));
	r->node = n;
	r->type = type;
	if (n->rules)
		r->rules = arena_alloc(&s->arena, json_count(n->rules) * sizeof(*r->rules));
	json_each (rule, n->rules) {
		struct rule_program *p = &r->rules[r->rule_count++];

		rule_compile(p, s->env, &s->arena, n, type, rule);
		r->uses_old |= p->uses_old;
	}
	r->items = build(s, n->items, cel_type_element(type));
	r->rest = build(s, n->rest, cel_type_element(type));
	build_members(s, r);
	return r;
}

struct rule_set *rule_set_new(const struct node *root, bool resource)
{
	struct rule_set *s;

	if (!has_rules(root))
		return NULL;
	s = mem_new(sizeof(*s));
	arena_init(&s->arena);
	s->env = cel_env_new(0);
	s->root = build(s, root, cel_type_of_schema(s->env, root->source, resource));
	return s;
}

static void free_programs(struct ruled *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->rule_count; i++)
		rule_program_done(&r->rules[i]);
	free_programs(r->items);
	free_programs(r->rest);
	for (size_t i = 0; i < r->member_count; i++)
		free_programs(r->members[i].ruled);
}

void rule_set_free(struct rule_set *s)
{
	if (!s)
		return;
	free_programs(s->root);
	cel_env_free(s->env);
	arena_done(&s->arena);
	mem_free(s);
}
