/*
 * Beforehand: literals that can never work are refused, and what is constant is worked out once:
 * conversions of constants, lists and maps of constants, regular expressions.
 */
#include "eval.h"

#include "format_text.h"
#include <kube/regex.h>

/* ---- validation of literals ---- */

static void check_literal_call(struct cel_program *p, const struct expr *e)
{
	static const struct {
		const char *name;
	} checked[] = {{"timestamp"}, {"duration"}, {"matches"}};
	size_t at = str_eq_text(e->name, "matches") ? 1 : 0;
	struct str why;

	for (size_t i = 0; i < ARRAY_LEN(checked); i++) {
		const struct expr *arg;
		struct cel_value args[1];
		struct call c = {.arena = &p->arena, .expr = e, .args = args, .count = 1};
		if (!str_eq_text(e->name, checked[i].name) || e->count != at + 1 ||
			e->args[at]->kind != EXPR_LITERAL)
			continue;
		arg = e->args[at];
		args[0] = arg->literal;
		if (at) {
			if (arg->literal.kind == CEL_STRING &&
				!regex_compile(&p->arena, arg->literal.str, &why))
				program_problem(p, arg->at, "invalid matches argument");
		} else if (value_fails(e->function->run(&c)))
			program_problem(p, arg->at, "invalid %s argument", checked[i].name);
	}
}

static bool clause_takes(char letter, const struct cel_type *type)
{
	if (type->kind == CEL_DYN || type->kind == CEL_PARAM)
		return true;
	if ((letter == 'f' || letter == 'e') && type->kind == CEL_STRING)
		return true;
	return !clause_refuses(letter, type);
}

/* 'text'.format([…]): do the types of the elements suit the clauses? */
static void check_format(struct cel_program *p, const struct expr *e)
{
	struct clause clause;
	struct str text;
	uint32_t used = 0;
	const char *why;

	if (!str_eq_text(e->name, "format") || e->count != 2 || e->args[0]->kind != EXPR_LITERAL ||
		e->args[1]->kind != EXPR_LIST || e->args[0]->literal.kind != CEL_STRING)
		return;
	text = e->args[0]->literal.str;
	for (size_t i = 0; i < text.len;) {
		struct str rest = str_skip(text, i);
		const struct expr *arg;
		if (text.at[i] != '%' || str_starts(rest, STR("%%"))) {
			i += text.at[i] == '%' ? 2 : 1;
			continue;
		}
		if (used >= e->args[1]->count) {
			program_problem(p, e->at, "index %u out of range", used);
			return;
		}
		if (rest.len < 2) {
			program_problem(p, e->at, "unexpected end of string");
			return;
		}
		why = clause_read(&p->arena, rest, &clause);
		if (why) {
			program_problem(p, e->at, "%s", why);
			return;
		}
		arg = e->args[1]->args[used++];
		if (!clause_takes(clause.letter, arg->type)) {
			program_problem(p, arg->at, "error during formatting: %s, was given %.*s",
				clause_refuses(clause.letter, arg->type),
				STRF(type_runtime_name(arg->type)));
			return;
		}
		i += clause.length;
	}
	if (e->args[1]->count > used)
		program_problem(p, e->at,
			"too many arguments supplied to string.format (expected %u, got %u)", used,
			e->args[1]->count);
}

static void validate(struct cel_program *p, const struct expr *e)
{
	if (!e)
		return;
	validate(p, e->target);
	for (uint32_t i = 0; i < e->count; i++)
		validate(p, e->args[i]);
	if (e->fold) {
		validate(p, e->fold->range);
		validate(p, e->fold->init);
		validate(p, e->fold->condition);
		validate(p, e->fold->step);
		validate(p, e->fold->result);
	}
	if (e->kind == EXPR_CALL && e->function) {
		check_literal_call(p, e);
		check_format(p, e);
	}
}

void program_validate(struct cel_program *p)
{
	validate(p, p->root);
}

/* ---- constants ---- */

static bool is_conversion(struct str name)
{
	static const char *const names[] = {
		"bool", "bytes", "double", "duration", "int", "string", "timestamp", "uint", "dyn"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_text(name, names[i]))
			return true;
	return false;
}

static bool is_constant(const struct expr *e)
{
	return e->kind == EXPR_LITERAL || e->constant;
}

static bool all_constant(const struct expr *e)
{
	for (uint32_t i = 0; i < e->count; i++)
		if (!is_constant(e->args[i]))
			return false;
	return true;
}

static bool fold_all(struct cel_program *p, struct expr *e, struct str *why);

/* Evaluates e, all of whose parts are constant, in the program's arena. */
static bool fold_value(struct cel_program *p, struct expr *e, struct str *why)
{
	struct cel_run run = {.arena = &p->arena};
	struct evaluation ev = {.arena = &p->arena,
		.program = p,
		.run = &run,
		.limit = CEL_PER_CALL_LIMIT,
		.memory = p->arena.size};
	struct cel_value v = eval_expr(&ev, e);

	if (value_fails(v)) {
		*why = v.str;
		return false;
	}
	e->literal = v;
	e->constant = true;
	return true;
}

static bool fold_regex(struct cel_program *p, struct expr *e, struct str *why)
{
	bool matches = str_eq_text(e->name, "matches");

	if (!matches && !str_eq_text(e->name, "find") && !str_eq_text(e->name, "findAll"))
		return true;
	if (e->count < 2 || !is_constant(e->args[1]) || e->args[1]->literal.kind != CEL_STRING)
		return true;
	e->regex = regex_compile(&p->arena, e->args[1]->literal.str, why);
	return e->regex;
}

static bool fold_parts(struct cel_program *p, struct expr *e, struct str *why)
{
	if (e->target && !fold_all(p, e->target, why))
		return false;
	for (uint32_t i = 0; i < e->count; i++)
		if (!fold_all(p, e->args[i], why))
			return false;
	if (!e->fold)
		return true;
	return fold_all(p, e->fold->range, why) && fold_all(p, e->fold->init, why) &&
	       fold_all(p, e->fold->condition, why) && fold_all(p, e->fold->step, why) &&
	       fold_all(p, e->fold->result, why);
}

static bool fold_all(struct cel_program *p, struct expr *e, struct str *why)
{
	if (!fold_parts(p, e, why))
		return false;
	if (e->kind == EXPR_CALL && e->function && e->function->run) {
		e->cost_rule = cost_rule(e);
		if (e->count == 1 && !e->member && is_conversion(e->name) && all_constant(e))
			return fold_value(p, e, why);
		return fold_regex(p, e, why);
	}
	/* An empty list or map is what loops begin with, and grows: it must be made anew. */
	if ((e->kind == EXPR_LIST || e->kind == EXPR_MAP) && e->count && !e->optional &&
		all_constant(e))
		return fold_value(p, e, why);
	return true;
}

bool program_fold(struct cel_program *p, struct str *why)
{
	return fold_all(p, p->root, why);
}
