/*
 * Macros: what looks like a call becomes a loop. Upstream's expansions, node by node, since their
 * types, costs and messages are seen from outside.
 */
#include "program.h"

struct macro {
	const char *name;
	bool member;
	size_t count;
	unsigned with;
	struct expr *(*expand)(struct cel_program *p, struct expr *call);
};

/* Expressions write no '@', so nobody can speak of it. */
#define ACCUMULATOR STR("@result")

static struct expr *literal(struct cel_program *p, uint32_t at, struct cel_value v)
{
	struct expr *e = expr_new(p, EXPR_LITERAL, at);

	e->literal = v;
	return e;
}

static struct expr *ident(struct cel_program *p, uint32_t at, struct str name)
{
	struct expr *e = expr_new(p, EXPR_IDENT, at);

	e->name = name;
	return e;
}

static struct expr *result(struct cel_program *p, uint32_t at)
{
	return ident(p, at, ACCUMULATOR);
}

static struct expr *list_of(struct cel_program *p, uint32_t at, struct expr *item)
{
	struct expr *e = expr_new(p, EXPR_LIST, at);

	e->args = arena_new(&p->arena, sizeof(struct expr *));
	e->args[0] = item;
	e->count = item ? 1 : 0;
	return e;
}

static struct expr *fold_new(
	struct cel_program *p, uint32_t at, struct expr *range, struct expr *init)
{
	struct expr *e = expr_new(p, EXPR_FOLD, at);

	e->fold = arena_new(&p->arena, sizeof(*e->fold));
	e->fold->range = range;
	e->fold->init = init;
	e->fold->accumulator = ACCUMULATOR;
	return e;
}

/* Takes the loop's names from the first arguments: one, or two in the forms with two. */
static bool take_names(struct cel_program *p, struct expr *call, struct fold *fold, size_t count,
	const char *problem)
{
	for (size_t i = 0; i < count; i++) {
		const struct expr *name = call->args[i];
		if (name->kind != EXPR_IDENT || str_starts(name->name, STR("."))) {
			program_problem(p, name->at, "%s", problem);
			return false;
		}
		if (str_eq_text(name->name, "__result__") || str_eq(name->name, ACCUMULATOR)) {
			program_problem(
				p, name->at, "iteration variable overwrites accumulator variable");
			return false;
		}
		*(i ? &fold->second : &fold->variable) = name->name;
	}
	if (count > 1 && str_eq(fold->variable, fold->second)) {
		program_problem(p, call->args[1]->at, "duplicate variable name: %.*s",
			STRF(fold->variable));
		return false;
	}
	return true;
}

static const char simple_name[] = "argument must be a simple name";

static struct expr *expand_has(struct cel_program *p, struct expr *call)
{
	struct expr *field = call->args[0];
	struct expr *e;

	if (field->kind != EXPR_SELECT || field->test) {
		program_problem(p, field->at, "invalid argument to has() macro");
		return call;
	}
	e = expr_new(p, EXPR_SELECT, call->at);
	e->target = field->target;
	e->name = field->name;
	e->test = true;
	return e;
}

static struct expr *expand_all(struct cel_program *p, struct expr *call)
{
	uint32_t at = call->at;
	struct expr *e = fold_new(p, at, call->target, literal(p, at, cel_truth(true)));

	if (!take_names(p, call, e->fold, call->count - 1, simple_name))
		return call;
	e->fold->condition = expr_call(p, at, "@not_strictly_false", 1, result(p, at));
	e->fold->step = expr_call(p, at, "_&&_", 2, result(p, at), call->args[call->count - 1]);
	e->fold->result = result(p, at);
	return e;
}

static struct expr *expand_exists(struct cel_program *p, struct expr *call)
{
	uint32_t at = call->at;
	struct expr *e = fold_new(p, at, call->target, literal(p, at, cel_truth(false)));

	if (!take_names(p, call, e->fold, call->count - 1, simple_name))
		return call;
	e->fold->condition = expr_call(
		p, at, "@not_strictly_false", 1, expr_call(p, at, "!_", 1, result(p, at)));
	e->fold->step = expr_call(p, at, "_||_", 2, result(p, at), call->args[call->count - 1]);
	e->fold->result = result(p, at);
	return e;
}

static struct expr *expand_exists_one(struct cel_program *p, struct expr *call)
{
	uint32_t at = call->at;
	struct expr *e = fold_new(p, at, call->target, literal(p, at, cel_number(0)));
	struct expr *add;

	if (!take_names(p, call, e->fold, call->count - 1, simple_name))
		return call;
	e->fold->condition = literal(p, at, cel_truth(true));
	add = expr_call(p, at, "_+_", 2, result(p, at), literal(p, at, cel_number(1)));
	e->fold->step =
		expr_call(p, at, "_?_:_", 3, call->args[call->count - 1], add, result(p, at));
	e->fold->result = expr_call(p, at, "_==_", 2, result(p, at), literal(p, at, cel_number(1)));
	return e;
}

/* `add` (into the accumulator), but where there is a filter only when it holds. */
static struct expr *finish_transform(
	struct cel_program *p, struct expr *e, struct expr *filter, struct expr *add)
{
	e->fold->condition = literal(p, e->at, cel_truth(true));
	e->fold->step =
		filter ? expr_call(p, e->at, "_?_:_", 3, filter, add, result(p, e->at)) : add;
	e->fold->result = result(p, e->at);
	return e;
}

static struct expr *make_map(struct cel_program *p, struct expr *call, struct expr *range,
	size_t names, const char *problem)
{
	uint32_t at = call->at;
	struct expr *e = fold_new(p, at, range, list_of(p, at, NULL));
	struct expr *filter = call->count > names + 1 ? call->args[names] : NULL;
	struct expr *add;

	if (!take_names(p, call, e->fold, names, problem))
		return call;
	add = expr_call(
		p, at, "_+_", 2, result(p, at), list_of(p, at, call->args[call->count - 1]));
	return finish_transform(p, e, filter, add);
}

static struct expr *expand_map(struct cel_program *p, struct expr *call)
{
	return make_map(p, call, call->target, 1, "argument is not an identifier");
}

static struct expr *expand_filter(struct cel_program *p, struct expr *call)
{
	uint32_t at = call->at;
	struct expr *e = fold_new(p, at, call->target, list_of(p, at, NULL));

	if (!take_names(p, call, e->fold, 1, "argument is not an identifier"))
		return call;
	return finish_transform(p, e, call->args[1],
		expr_call(p, at, "_+_", 2, result(p, at),
			list_of(p, at, ident(p, call->args[0]->at, e->fold->variable))));
}

static struct expr *expand_transform_list(struct cel_program *p, struct expr *call)
{
	return make_map(p, call, call->target, 2, simple_name);
}

static struct expr *make_transform_map(struct cel_program *p, struct expr *call, bool entries)
{
	uint32_t at = call->at;
	struct expr *e = fold_new(p, at, call->target, expr_new(p, EXPR_MAP, at));
	struct expr *filter = call->count == 4 ? call->args[2] : NULL;
	struct expr *value = call->args[call->count - 1];
	struct expr *add;

	if (!take_names(p, call, e->fold, 2, simple_name))
		return call;
	add = entries ? expr_call(p, at, "cel.@mapInsert", 2, result(p, at), value)
		      : expr_call(p, at, "cel.@mapInsert", 3, result(p, at),
				ident(p, at, e->fold->variable), value);
	return finish_transform(p, e, filter, add);
}

static struct expr *expand_transform_map(struct cel_program *p, struct expr *call)
{
	return make_transform_map(p, call, false);
}

static struct expr *expand_transform_entry(struct cel_program *p, struct expr *call)
{
	return make_transform_map(p, call, true);
}

/* name = value in result: a loop over nothing. */
static struct expr *bind(struct cel_program *p, uint32_t at, struct str name, struct expr *value,
	struct expr *result_expr)
{
	struct expr *e = fold_new(p, at, list_of(p, at, NULL), value);

	e->fold->binds = true;
	e->fold->variable = STR("#unused");
	e->fold->accumulator = name;
	e->fold->condition = literal(p, at, cel_truth(false));
	e->fold->step = ident(p, at, name);
	e->fold->result = result_expr;
	return e;
}

static struct expr *expand_sort_by(struct cel_program *p, struct expr *call)
{
	struct str name = STR("@__sortBy_input__");
	struct expr *keys, *sorted;

	if (call->target->kind == EXPR_LITERAL || call->target->kind == EXPR_MAP ||
		call->target->kind == EXPR_STRUCT) {
		program_problem(p, call->target->at,
			"sortBy can only be applied to a list, identifier, comprehension, call or "
			"select expression");
		return call;
	}
	keys = make_map(p, call, ident(p, call->at, name), 1, "argument is not an identifier");
	if (keys == call)
		return call;
	sorted = expr_call(p, call->at, "@sortByAssociatedKeys", 1, keys);
	sorted->target = ident(p, call->at, name);
	sorted->member = true;
	return bind(p, call->at, name, call->target, sorted);
}

static bool is_optional_call(const struct expr *call, const char *namespace)
{
	return call->target->kind == EXPR_IDENT && str_eq_text(call->target->name, namespace);
}

static struct expr *expand_bind(struct cel_program *p, struct expr *call)
{
	if (!is_optional_call(call, "cel"))
		return NULL;
	if (call->args[0]->kind != EXPR_IDENT) {
		program_problem(p, call->args[0]->at,
			"cel.bind() variable names must be simple identifiers");
		return call;
	}
	return bind(p, call->at, call->args[0]->name, call->args[1], call->args[2]);
}

/* target.hasValue() ? optional.of(name = target.value() in map) : optional.none() */
static struct expr *make_optional_map(struct cel_program *p, struct expr *call, bool flat)
{
	uint32_t at = call->at;
	struct str name = STR("@target");
	struct expr *has, *value, *mapped, *none, *simple = call->args[0];
	bool held = call->target->kind == EXPR_IDENT;

	if (simple->kind != EXPR_IDENT) {
		program_problem(p, simple->at, "%s variable name must be a simple identifier",
			flat ? "optFlatMap()" : "optMap()");
		return call;
	}
	has = expr_call(p, at, "hasValue", 0);
	has->target = held ? call->target : ident(p, at, name);
	has->member = true;
	value = expr_call(p, at, "value", 0);
	value->target = held ? call->target : ident(p, at, name);
	value->member = true;
	mapped = bind(p, at, simple->name, value, call->args[1]);
	if (!flat)
		mapped = expr_call(p, at, "optional.of", 1, mapped);
	none = expr_call(p, at, "optional.none", 0);
	mapped = expr_call(p, at, "_?_:_", 3, has, mapped, none);
	return held ? mapped : bind(p, at, name, call->target, mapped);
}

static struct expr *expand_opt_map(struct cel_program *p, struct expr *call)
{
	return make_optional_map(p, call, false);
}

static struct expr *expand_opt_flat_map(struct cel_program *p, struct expr *call)
{
	return make_optional_map(p, call, true);
}

static const struct macro macros[] = {
	{"has", false, 1, 0, expand_has},
	{"all", true, 2, 0, expand_all},
	{"all", true, 3, 0, expand_all},
	{"exists", true, 2, 0, expand_exists},
	{"exists", true, 3, 0, expand_exists},
	{"exists_one", true, 2, 0, expand_exists_one},
	{"exists_one", true, 3, 0, expand_exists_one},
	{"existsOne", true, 2, 0, expand_exists_one},
	{"existsOne", true, 3, 0, expand_exists_one},
	{"map", true, 2, 0, expand_map},
	{"map", true, 3, 0, expand_map},
	{"filter", true, 2, 0, expand_filter},
	{"transformList", true, 3, 0, expand_transform_list},
	{"transformList", true, 4, 0, expand_transform_list},
	{"transformMap", true, 3, 0, expand_transform_map},
	{"transformMap", true, 4, 0, expand_transform_map},
	{"transformMapEntry", true, 3, 0, expand_transform_entry},
	{"transformMapEntry", true, 4, 0, expand_transform_entry},
	{"sortBy", true, 2, 0, expand_sort_by},
	{"optMap", true, 2, 0, expand_opt_map},
	{"optFlatMap", true, 2, 0, expand_opt_flat_map},
	{"bind", true, 3, CEL_WITH_BIND, expand_bind},
};

struct expr *macro_expand(struct cel_program *p, struct expr *call)
{
	for (size_t i = 0; i < ARRAY_LEN(macros); i++) {
		const struct macro *m = &macros[i];
		if (m->count == call->count && m->member == call->member &&
			(m->with & p->env->with) == m->with && str_eq_text(call->name, m->name))
			return m->expand(p, call);
	}
	return NULL;
}
