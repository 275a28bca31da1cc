/*
 * Types of expressions, by upstream's algorithm: parameters of generic functions are unified with
 * what they meet, overloads are tried in order, several that fit make the result dyn.
 */
#include "checker.h"

/* ---- messages ---- */

struct str checker_shown(struct checker *c, const struct cel_type *t)
{
	return cel_type_text(c->arena, type_resolve(c, t, false));
}

void checker_mismatch(struct checker *c, const struct expr *e, const struct cel_type *wanted,
	const struct cel_type *found)
{
	program_problem(c->program, e->at, "expected type '%.*s' but found '%.*s'",
		STRF(checker_shown(c, wanted)), STRF(checker_shown(c, found)));
}

void checker_undeclared(struct checker *c, struct expr *e, struct str name)
{
	program_problem(
		c->program, e->at, "undeclared reference to '%.*s' (in container '')", STRF(name));
	e->type = &cel_error_type;
}

/* ---- names ---- */

static void note_use(struct cel_program *p, struct str name)
{
	for (size_t i = 0; i < p->used_count; i++)
		if (str_eq(p->used[i], name))
			return;
	p->used = type_grow(&p->arena, p->used, p->used_count, &p->used_cap, sizeof(*p->used));
	p->used[p->used_count++] = name;
}

static const struct cel_type *object_type(struct checker *c, struct str name)
{
	struct cel_env *env = c->program->env;
	struct cel_type *t;
	bool of_objects = (env->with & CEL_WITH_OBJECTS) &&
			  (str_eq_text(name, "Object") || str_starts(name, STR("Object.")));
	bool of_patches = (env->with & CEL_WITH_PATCHES) && str_eq_text(name, "JSONPatch");

	if (!of_objects && !of_patches)
		return NULL;
	t = cel_type_record(env, name);
	t->open = of_objects;
	if (of_patches) {
		cel_type_add(env, t, STR("op"), &cel_string);
		cel_type_add(env, t, STR("from"), &cel_string);
		cel_type_add(env, t, STR("path"), &cel_string);
		cel_type_add(env, t, STR("value"), &cel_dyn);
	}
	return t;
}

/* A variable of a loop, of the env, or a type's name; what is found is written into e. */
bool checker_look_up(struct checker *c, struct expr *e, struct str name)
{
	const struct cel_env *env = c->program->env;
	bool global = str_starts(name, STR("."));
	const struct cel_type *t;

	for (const struct scope *s = global ? NULL : c->scope; s; s = s->outer)
		if (str_eq(s->name, name)) {
			e->kind = EXPR_IDENT;
			e->local = true;
			e->slot = s->slot;
			e->type = s->type;
			return true;
		}
	name = str_skip(name, global);
	for (size_t i = 0; i < env->count; i++)
		if (env->variables[i].type && str_eq(env->variables[i].name, name)) {
			e->kind = EXPR_IDENT;
			e->local = false;
			e->slot = (int32_t)i;
			e->name = env->variables[i].name;
			e->type = env->variables[i].type;
			note_use(c->program, e->name);
			return true;
		}
	t = type_named(name);
	if (!t)
		t = object_type(c, name);
	if (!t)
		return false;
	e->kind = EXPR_LITERAL;
	e->literal = (struct cel_value){.kind = CEL_TYPE, .of = t};
	e->type = type_new(c->arena, CEL_TYPE, t, NULL);
	return true;
}

static void check_ident(struct checker *c, struct expr *e)
{
	if (!checker_look_up(c, e, e->name))
		checker_undeclared(c, e, str_skip(e->name, str_starts(e->name, STR("."))));
}

/* The type of a field of a type; optional ones are looked into. */
const struct cel_type *checker_field_type(
	struct checker *c, const struct expr *e, const struct cel_type *of, struct str name)
{
	const struct cel_field *f;

	switch (of->kind) {
	case CEL_MAP:
		return of->second;
	case CEL_OBJECT:
		f = type_find(of, name);
		if (f)
			return f->type;
		if (of->open)
			return &cel_dyn;
		program_problem(c->program, e->at, "undefined field '%.*s'", STRF(name));
		return &cel_error_type;
	case CEL_OPAQUE:
		program_problem(c->program, e->at, "undefined field '%.*s'", STRF(name));
		return &cel_error_type;
	case CEL_PARAM:
		type_assign(c, &cel_dyn, of);
		return &cel_dyn;
	case CEL_DYN:
	case CEL_ERROR:
		return &cel_dyn;
	default:
		program_problem(c->program, e->at, "type '%.*s' does not support field selection",
			STRF(checker_shown(c, of)));
		return &cel_error_type;
	}
}

const struct cel_type *checker_select_type(
	struct checker *c, struct expr *e, struct expr *target, struct str name, bool optional)
{
	const struct cel_type *of, *type;
	bool unwrapped;

	check_expr(c, target);
	of = type_resolve(c, target->type, false);
	unwrapped = of->kind == CEL_OPTIONAL;
	type = checker_field_type(c, e, unwrapped ? type_resolve(c, of->first, false) : of, name);
	return unwrapped || optional ? type_new(c->arena, CEL_OPTIONAL, type, NULL) : type;
}

static void check_select(struct checker *c, struct expr *e)
{
	struct str name;

	if (!e->test && expr_qualified(c->program, e, &name) && checker_look_up(c, e, name))
		return;
	e->type = checker_select_type(c, e, e->target, e->name, false);
	e->type = e->test ? &cel_bool : type_resolve(c, e->type, false);
}

/* ---- loops ---- */

static void range_types(struct checker *c, const struct fold *f, const struct cel_type **first,
	const struct cel_type **second)
{
	const struct cel_type *range = type_resolve(c, f->range->type, false);

	switch (range->kind) {
	case CEL_LIST:
		*first = f->second.len ? &cel_int : range->first;
		*second = range->first;
		return;
	case CEL_MAP:
		*first = range->first;
		*second = range->second;
		return;
	case CEL_DYN:
	case CEL_ERROR:
	case CEL_PARAM:
		type_assign(c, &cel_dyn, range);
		*first = *second = &cel_dyn;
		return;
	default:
		program_problem(c->program, f->range->at,
			"expression of type '%.*s' cannot be range of a comprehension (must be "
			"list, map, or dynamic)",
			STRF(checker_shown(c, range)));
		*first = *second = &cel_error_type;
	}
}

static void check_fold(struct checker *c, struct expr *e)
{
	struct fold *f = e->fold;
	struct scope accumulator = {.outer = c->scope, .name = f->accumulator};
	struct scope first = {.outer = &accumulator, .name = f->variable};
	struct scope second = {.outer = &first, .name = f->second};
	int slots = c->slots;

	check_expr(c, f->range);
	check_expr(c, f->init);
	accumulator.type = f->init->type;
	range_types(c, f, &first.type, &second.type);
	f->slot = accumulator.slot = c->slots++;
	first.slot = c->slots++;
	second.slot = c->slots++;
	c->program->local_count = MAX(c->program->local_count, c->slots);
	c->scope = f->second.len ? &second : &first;
	check_expr(c, f->condition);
	checker_want(c, f->condition, &cel_bool);
	check_expr(c, f->step);
	checker_want(c, f->step, accumulator.type);
	c->scope = &accumulator;
	check_expr(c, f->result);
	c->scope = accumulator.outer;
	c->slots = slots;
	e->type = type_resolve(c, f->result->type, false);
}

static const struct cel_type *literal_type(struct cel_value v)
{
	switch (v.kind) {
	case CEL_BOOL:
		return &cel_bool;
	case CEL_INT:
		return &cel_int;
	case CEL_UINT:
		return &cel_uint;
	case CEL_DOUBLE:
		return &cel_double;
	case CEL_STRING:
		return &cel_string;
	case CEL_BYTES:
		return &cel_bytes;
	default:
		return &cel_null;
	}
}

void check_expr(struct checker *c, struct expr *e)
{
	switch ((enum expr_kind)e->kind) {
	case EXPR_LITERAL:
		if (e->literal.kind != CEL_TYPE)
			e->type = literal_type(e->literal);
		break;
	case EXPR_IDENT:
		check_ident(c, e);
		break;
	case EXPR_SELECT:
		check_select(c, e);
		break;
	case EXPR_CALL:
		check_call(c, e);
		break;
	case EXPR_LIST:
		check_list(c, e);
		break;
	case EXPR_MAP:
		check_map(c, e);
		break;
	case EXPR_STRUCT:
		check_struct(c, e);
		break;
	case EXPR_FOLD:
		check_fold(c, e);
		break;
	}
}

/* Types as they are known in the end, everywhere. Shared nodes are met twice, to no harm. */
static void settle(struct checker *c, struct expr *e)
{
	if (!e)
		return;
	if (e->type)
		e->type = type_resolve(c, e->type, true);
	settle(c, e->target);
	for (uint32_t i = 0; i < e->count; i++)
		settle(c, e->args[i]);
	if (e->fold) {
		settle(c, e->fold->range);
		settle(c, e->fold->init);
		settle(c, e->fold->condition);
		settle(c, e->fold->step);
		settle(c, e->fold->result);
	}
}

void program_check(struct cel_program *p)
{
	struct checker c = {.program = p, .arena = &p->arena};

	params_room(&c);
	check_expr(&c, p->root);
	if (p->problem_total)
		return;
	settle(&c, p->root);
	p->type = p->root->type;
}
