/*
 * Types of expressions, by upstream's algorithm: parameters of generic functions are unified with
 * what they meet, overloads are tried in order, several that fit make the result dyn.
 */
#include "program.h"

struct scope {
	struct scope *outer;
	struct str name;
	const struct cel_type *type;
	int slot;
};

/* What a parameter stands for; written down, so that a failed attempt can be undone. */
struct undo {
	uint32_t param;
	const struct cel_type *was;
};

struct checker {
	struct cel_program *program;
	struct arena *arena;
	const struct cel_type **bound; /* by the parameter's number */
	uint32_t param_count, param_cap;
	struct undo *undo;
	size_t undo_count, undo_cap;
	struct scope *scope;
	int slots;
	int depth;
};

static void check(struct checker *c, struct expr *e);

/* ---- parameters ---- */

static void *grow(struct arena *a, void *at, size_t count, size_t *cap, size_t size)
{
	void *to;

	if (count < *cap)
		return at;
	*cap = *cap ? *cap * 2 : 64;
	to = arena_new(a, *cap * size);
	if (count)
		memcpy(to, at, count * size);
	return to;
}

static void make_room(struct checker *c)
{
	size_t cap = c->param_cap;

	while (c->param_count >= c->param_cap) {
		c->bound = grow(c->arena, (void *)c->bound, c->param_cap, &cap, sizeof(*c->bound));
		c->param_cap = (uint32_t)cap;
	}
}

static const struct cel_type *new_param(struct checker *c)
{
	const struct cel_type *t = type_param(c->arena, c->param_count++);

	make_room(c);
	return t;
}

static void bind(struct checker *c, const struct cel_type *param, const struct cel_type *type)
{
	c->undo = grow(c->arena, c->undo, c->undo_count, &c->undo_cap, sizeof(*c->undo));
	c->undo[c->undo_count++] = (struct undo){param->param, c->bound[param->param]};
	c->bound[param->param] = type;
}

static void undo_to(struct checker *c, size_t count)
{
	while (c->undo_count > count) {
		const struct undo *u = &c->undo[--c->undo_count];
		c->bound[u->param] = u->was;
	}
}

/* With parameters replaced by what they stand for; `final`: the unbound ones are dyn. */
static const struct cel_type *resolve(struct checker *c, const struct cel_type *t, bool final)
{
	const struct cel_type *first, *second;
	struct cel_type *copy;

	if (t->kind == CEL_PARAM) {
		const struct cel_type *to = c->bound[t->param];
		return to ? resolve(c, to, final) : final ? &cel_dyn : t;
	}
	if (t->kind == CEL_OBJECT || !t->first)
		return t;
	first = resolve(c, t->first, final);
	second = t->second ? resolve(c, t->second, final) : NULL;
	if (first == t->first && second == t->second)
		return t;
	copy = arena_copy(c->arena, t, sizeof(*t));
	copy->first = first;
	copy->second = second;
	return copy;
}

static bool is_dyn(const struct cel_type *t)
{
	return t->kind == CEL_DYN;
}

static bool is_dyn_or_error(const struct cel_type *t)
{
	return t->kind == CEL_DYN || t->kind == CEL_ERROR;
}

/* ---- unification ---- */

static bool less_specific(const struct cel_type *a, const struct cel_type *b)
{
	if (is_dyn(a) || a->kind == CEL_PARAM)
		return true;
	if (is_dyn(b) || b->kind == CEL_PARAM || a->kind != b->kind)
		return false;
	switch (a->kind) {
	case CEL_LIST:
	case CEL_OPTIONAL:
		return less_specific(a->first, b->first);
	case CEL_MAP:
		return less_specific(a->first, b->first) && less_specific(a->second, b->second);
	case CEL_TYPE:
		return true;
	default:
		return type_same(a, b);
	}
}

static bool occurs(struct checker *c, const struct cel_type *param, const struct cel_type *in)
{
	if (type_same(param, in))
		return true;
	if (in->kind == CEL_PARAM)
		return c->bound[in->param] && occurs(c, param, c->bound[in->param]);
	if (in->kind == CEL_OBJECT)
		return false;
	return (in->first && occurs(c, param, in->first)) ||
	       (in->second && occurs(c, param, in->second));
}

static bool assignable(struct checker *c, const struct cel_type *a, const struct cel_type *b);

static bool substitutes(
	struct checker *c, const struct cel_type *t, const struct cel_type *param, bool *has)
{
	const struct cel_type *to = c->bound[param->param];

	*has = true;
	if (type_same(t, param))
		return true;
	if (to) {
		const struct cel_type *general;
		if (type_same(t, to))
			return true;
		if (!assignable(c, t, to))
			return false;
		general = less_specific(t, to) ? t : to;
		if (!occurs(c, param, general))
			bind(c, param, general);
		return true;
	}
	*has = false;
	if (occurs(c, param, t))
		return false;
	bind(c, param, t);
	return true;
}

static bool nullable(const struct cel_type *t)
{
	switch (t->kind) {
	case CEL_NULL:
	case CEL_OBJECT:
	case CEL_OPAQUE:
	case CEL_OPTIONAL:
	case CEL_TIMESTAMP:
	case CEL_DURATION:
		return true;
	default:
		return false;
	}
}

static bool assignable_parts(struct checker *c, const struct cel_type *a, const struct cel_type *b)
{
	return assignable(c, a->first, b->first) &&
	       (!a->second || assignable(c, a->second, b->second));
}

static bool assignable_deep(struct checker *c, const struct cel_type *a, const struct cel_type *b)
{
	bool has;

	if (b->kind == CEL_PARAM) {
		if (substitutes(c, a, b, &has))
			return true;
		if (has)
			return false;
	}
	if (a->kind == CEL_PARAM)
		return substitutes(c, b, a, &has);
	if (is_dyn_or_error(a) || is_dyn_or_error(b))
		return true;
	if (a->kind == CEL_NULL)
		return nullable(b);
	if (b->kind == CEL_NULL)
		return nullable(a);
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case CEL_LIST:
	case CEL_MAP:
	case CEL_OPTIONAL:
		return assignable_parts(c, a, b);
	case CEL_TYPE:
		return true;
	default:
		return type_same(a, b);
	}
}

static bool assignable(struct checker *c, const struct cel_type *a, const struct cel_type *b)
{
	bool yes;

	if (c->depth > DEPTH_MAX)
		return false;
	c->depth++;
	yes = assignable_deep(c, a, b);
	c->depth--;
	return yes;
}

/* All of them or, with everything as it was, none. */
static bool try_assign(struct checker *c, const struct cel_type *const *from,
	const struct cel_type *const *to, size_t count)
{
	size_t mark = c->undo_count;

	for (size_t i = 0; i < count; i++)
		if (!assignable(c, from[i], to[i])) {
			undo_to(c, mark);
			return false;
		}
	return true;
}

static bool try_one(struct checker *c, const struct cel_type *from, const struct cel_type *to)
{
	return try_assign(c, &from, &to, 1);
}

/* ---- messages ---- */

static struct str shown(struct checker *c, const struct cel_type *t)
{
	return cel_type_text(c->arena, resolve(c, t, false));
}

static void mismatch(struct checker *c, const struct expr *e, const struct cel_type *wanted,
	const struct cel_type *found)
{
	program_problem(c->program, e->at, "expected type '%.*s' but found '%.*s'",
		STRF(shown(c, wanted)), STRF(shown(c, found)));
}

static void undeclared(struct checker *c, struct expr *e, struct str name)
{
	program_problem(
		c->program, e->at, "undeclared reference to '%.*s' (in container '')", STRF(name));
	e->type = &cel_error_type;
}

static void no_overload(
	struct checker *c, struct expr *e, const struct cel_type **args, size_t count, bool member)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	for (size_t i = 0; i < count; i++) {
		if (i == (member ? 1U : 0U))
			buf_add_char(&out, '(');
		else if (i > 0)
			buf_add_text(&out, ", ");
		type_print(&out, resolve(c, args[i], true));
		if (member && i == 0)
			buf_add_char(&out, '.');
	}
	if (count <= (member ? 1U : 0U))
		buf_add_char(&out, '(');
	buf_add_char(&out, ')');
	program_problem(c->program, e->at,
		"found no matching overload for '%.*s' applied to '%.*s'", STRF(e->name),
		STRF(buf_str(&out)));
	e->type = &cel_error_type;
}

/* ---- names ---- */

static void note_use(struct cel_program *p, struct str name)
{
	for (size_t i = 0; i < p->used_count; i++)
		if (str_eq(p->used[i], name))
			return;
	p->used = grow(&p->arena, p->used, p->used_count, &p->used_cap, sizeof(*p->used));
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
static bool look_up(struct checker *c, struct expr *e, struct str name)
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
	if (!look_up(c, e, e->name))
		undeclared(c, e, str_skip(e->name, str_starts(e->name, STR("."))));
}

/* The type of a field of a type; optional ones are looked into. */
static const struct cel_type *field_type(
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
		try_one(c, &cel_dyn, of);
		return &cel_dyn;
	case CEL_DYN:
	case CEL_ERROR:
		return &cel_dyn;
	default:
		program_problem(c->program, e->at, "type '%.*s' does not support field selection",
			STRF(shown(c, of)));
		return &cel_error_type;
	}
}

static const struct cel_type *select_type(
	struct checker *c, struct expr *e, struct expr *target, struct str name, bool optional)
{
	const struct cel_type *of, *type;
	bool unwrapped;

	check(c, target);
	of = resolve(c, target->type, false);
	unwrapped = of->kind == CEL_OPTIONAL;
	type = field_type(c, e, unwrapped ? resolve(c, of->first, false) : of, name);
	return unwrapped || optional ? type_new(c->arena, CEL_OPTIONAL, type, NULL) : type;
}

static void check_select(struct checker *c, struct expr *e)
{
	struct str name;

	if (!e->test && expr_qualified(c->program, e, &name) && look_up(c, e, name))
		return;
	e->type = select_type(c, e, e->target, e->name, false);
	e->type = e->test ? &cel_bool : resolve(c, e->type, false);
}

/* ---- calls ---- */

/* Does this overload fit? Its result is written down. */
static bool fits(struct checker *c, const struct overload *o, const struct cel_type **args,
	size_t count, bool member, const struct cel_type **result)
{
	const struct cel_type *letters[26] = {0}, *wanted[8];
	struct str text = str_from(o->signature);
	bool is_member = str_starts(text, STR("."));
	uint32_t start = c->param_count;
	size_t n = 0;

	if (is_member != member)
		return false;
	text = str_skip(text, is_member);
	while (!str_starts(text, STR("->"))) {
		if (n == ARRAY_LEN(wanted))
			return false;
		wanted[n++] = type_read(c->arena, &text, letters, &c->param_count);
		text = str_skip(text, str_starts(text, STR(",")));
	}
	if (n != count) {
		c->param_count = start;
		return false;
	}
	text = str_skip(text, 2);
	*result = type_read(c->arena, &text, letters, &c->param_count);
	make_room(c);
	return try_assign(c, args, wanted, count);
}

static void resolve_call(struct checker *c, struct expr *e, const struct function *f)
{
	const struct cel_type **types = arena_new(c->arena, (e->count + 1) * sizeof(*types));
	const struct overload **found = arena_new(c->arena, f->overload_count * sizeof(*found));
	const struct cel_type *type = NULL;

	for (uint32_t i = 0; i < e->count; i++)
		types[i] = e->args[i]->type;
	for (size_t i = 0; i < f->overload_count; i++) {
		const struct cel_type *result;
		if (!fits(c, &f->overloads[i], types, e->count, e->member, &result))
			continue;
		result = resolve(c, result, false);
		found[e->overload_count++] = &f->overloads[i];
		if (!type)
			type = result;
		else if (!is_dyn(type) && !type_same(type, result))
			type = &cel_dyn;
	}
	e->function = f;
	e->overloads = found;
	if (type)
		e->type = type;
	else
		no_overload(c, e, types, e->count, e->member);
}

static void check_optional_select(struct checker *c, struct expr *e)
{
	struct expr *target = e->args[0];

	e->type = select_type(c, e, target, e->args[1]->literal.str, true);
	e->type = resolve(c, e->type, false);
	e->args[1]->type = &cel_string;
	e->function = function_find(e->name, 0);
	e->overloads = arena_new(c->arena, sizeof(*e->overloads));
	e->overload_count = 0;
}

/* The receiver becomes the first argument, so that all calls look alike from here on. */
static void take_receiver(struct checker *c, struct expr *e)
{
	struct expr **args = arena_new(c->arena, (e->count + 1) * sizeof(*args));

	args[0] = e->target;
	if (e->count)
		memcpy(args + 1, e->args, e->count * sizeof(*args));
	e->args = args;
	e->count++;
	e->target = NULL;
}

static void want(struct checker *c, const struct expr *e, const struct cel_type *type)
{
	if (!try_one(c, type, e->type))
		mismatch(c, e, type, e->type);
}

/* && and ||: upstream's have any number of sides, each of which must be a bool. */
static void check_logic(struct checker *c, struct expr *e)
{
	for (uint32_t i = 0; i < e->count; i++) {
		check(c, e->args[i]);
		want(c, e->args[i], &cel_bool);
	}
	e->function = function_find(e->name, 0);
	e->overloads = arena_new(c->arena, sizeof(*e->overloads));
	e->type = &cel_bool;
}

static void check_call(struct checker *c, struct expr *e)
{
	unsigned with = c->program->env->with;
	const struct function *f;
	struct str name;

	e->overload_count = 0;
	if (str_eq_text(e->name, "_?._")) {
		check_optional_select(c, e);
		return;
	}
	if (str_eq_text(e->name, "_&&_") || str_eq_text(e->name, "_||_")) {
		check_logic(c, e);
		return;
	}
	for (uint32_t i = 0; i < e->count; i++)
		check(c, e->args[i]);
	if (e->member && e->target && expr_qualified(c->program, e->target, &name)) {
		name = arena_print(c->arena, "%.*s.%.*s", STRF(name), STRF(e->name));
		name = str_skip(name, str_starts(name, STR(".")));
		f = function_find(name, with);
		if (f) {
			e->name = name;
			e->member = false;
			e->target = NULL;
			resolve_call(c, e, f);
			return;
		}
	}
	if (e->target) {
		check(c, e->target);
		take_receiver(c, e);
	}
	name = str_skip(e->name, str_starts(e->name, STR(".")) && e->name.len > 1);
	f = function_find(name, with);
	if (!f) {
		undeclared(c, e, name);
		return;
	}
	e->name = name;
	resolve_call(c, e, f);
}

/* ---- literals of several ---- */

static const struct cel_type *join(struct checker *c, const struct expr *e,
	const struct cel_type *before, const struct cel_type *now)
{
	if (!before)
		return now;
	if (try_one(c, before, now))
		return less_specific(before, now) ? before : now;
	mismatch(c, e, before, now);
	return &cel_error_type;
}

/* What an element written with '?' adds: what the optional holds. */
static const struct cel_type *held_type(
	struct checker *c, const struct expr *e, const struct expr *value, bool optional)
{
	const struct cel_type *t = resolve(c, value->type, false);

	(void)e;
	if (!optional)
		return value->type;
	if (t->kind == CEL_OPTIONAL)
		return t->first;
	if (!is_dyn_or_error(t))
		mismatch(c, value, type_new(c->arena, CEL_OPTIONAL, t, NULL), t);
	return t;
}

static void check_list(struct checker *c, struct expr *e)
{
	const struct cel_type *element = NULL;

	for (uint32_t i = 0; i < e->count; i++) {
		struct expr *item = e->args[i];
		check(c, item);
		element = join(
			c, item, element, held_type(c, e, item, e->optional && e->optional[i]));
	}
	e->type = type_new(c->arena, CEL_LIST, element ? element : new_param(c), NULL);
}

static void check_map(struct checker *c, struct expr *e)
{
	const struct cel_type *keys = NULL, *values = NULL;

	for (uint32_t i = 0; i + 1 < e->count; i += 2) {
		struct expr *key = e->args[i], *value = e->args[i + 1];
		check(c, key);
		keys = join(c, key, keys, key->type);
		check(c, value);
		values = join(
			c, value, values, held_type(c, e, value, e->optional && e->optional[i]));
	}
	e->type = type_new(
		c->arena, CEL_MAP, keys ? keys : new_param(c), values ? values : new_param(c));
}

static void check_struct(struct checker *c, struct expr *e)
{
	struct expr named = {.at = e->at};
	const struct cel_type *type = &cel_error_type;
	bool known = look_up(c, &named, str_skip(e->name, str_starts(e->name, STR("."))));

	if (!known) {
		undeclared(c, e, e->name);
		return;
	}
	if (named.kind != EXPR_LITERAL)
		program_problem(
			c->program, e->at, "'%.*s' is not a type", STRF(shown(c, named.type)));
	else if (named.literal.of->kind != CEL_OBJECT)
		program_problem(c->program, e->at, "'%.*s' is not a message type",
			STRF(shown(c, named.literal.of)));
	else
		type = named.literal.of;
	e->type = type;
	for (uint32_t i = 0; i + 1 < e->count; i += 2) {
		struct expr *field = e->args[i], *value = e->args[i + 1];
		const struct cel_type *wanted = &cel_error_type, *given;
		check(c, value);
		field->type = &cel_string;
		if (type->kind == CEL_OBJECT)
			wanted = field_type(c, field, type, field->literal.str);
		given = held_type(c, e, value, e->optional && e->optional[i]);
		if (!try_one(c, wanted, given))
			program_problem(c->program, field->at,
				"expected type of field '%.*s' is '%.*s' but provided type is "
				"'%.*s'",
				STRF(field->literal.str), STRF(shown(c, wanted)),
				STRF(shown(c, given)));
	}
}

/* ---- loops ---- */

static void range_types(struct checker *c, const struct fold *f, const struct cel_type **first,
	const struct cel_type **second)
{
	const struct cel_type *range = resolve(c, f->range->type, false);

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
		try_one(c, &cel_dyn, range);
		*first = *second = &cel_dyn;
		return;
	default:
		program_problem(c->program, f->range->at,
			"expression of type '%.*s' cannot be range of a comprehension (must be "
			"list, map, or dynamic)",
			STRF(shown(c, range)));
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

	check(c, f->range);
	check(c, f->init);
	accumulator.type = f->init->type;
	range_types(c, f, &first.type, &second.type);
	f->slot = accumulator.slot = c->slots++;
	first.slot = c->slots++;
	second.slot = c->slots++;
	c->program->local_count = MAX(c->program->local_count, c->slots);
	c->scope = f->second.len ? &second : &first;
	check(c, f->condition);
	want(c, f->condition, &cel_bool);
	check(c, f->step);
	want(c, f->step, accumulator.type);
	c->scope = &accumulator;
	check(c, f->result);
	c->scope = accumulator.outer;
	c->slots = slots;
	e->type = resolve(c, f->result->type, false);
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

static void check(struct checker *c, struct expr *e)
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
		e->type = resolve(c, e->type, true);
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

	make_room(&c);
	check(&c, p->root);
	if (p->problem_total)
		return;
	settle(&c, p->root);
	p->type = p->root->type;
}
