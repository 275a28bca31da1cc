/*
 * Types of expressions, by upstream's algorithm: parameters of generic functions are unified with
 * what they meet, overloads are tried in order, several that fit make the result dyn.
 */
#include "messages.h"
#include "unify.h"

static void check(struct checker *c, struct expr *e);

/* ---- messages ---- */

static struct str shown(struct checker *c, const struct cel_type *t)
{
	return cel_type_text(c->arena, type_resolve(c, t, false));
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
		type_print(&out, type_resolve(c, args[i], true));
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
		type_assign(c, &cel_dyn, of);
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
	of = type_resolve(c, target->type, false);
	unwrapped = of->kind == CEL_OPTIONAL;
	type = field_type(c, e, unwrapped ? type_resolve(c, of->first, false) : of, name);
	return unwrapped || optional ? type_new(c->arena, CEL_OPTIONAL, type, NULL) : type;
}

static void check_select(struct checker *c, struct expr *e)
{
	struct str name;

	if (!e->test && expr_qualified(c->program, e, &name) && look_up(c, e, name))
		return;
	e->type = select_type(c, e, e->target, e->name, false);
	e->type = e->test ? &cel_bool : type_resolve(c, e->type, false);
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
	params_room(c);
	return types_assign(c, args, wanted, count);
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
		result = type_resolve(c, result, false);
		found[e->overload_count++] = &f->overloads[i];
		if (!type)
			type = result;
		else if (!type_is_dyn(type) && !type_same(type, result))
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
	e->type = type_resolve(c, e->type, false);
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
	if (!type_assign(c, type, e->type))
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
	if (type_assign(c, before, now))
		return type_less_specific(before, now) ? before : now;
	mismatch(c, e, before, now);
	return &cel_error_type;
}

/* What an element written with '?' adds: what the optional holds. */
static const struct cel_type *held_type(
	struct checker *c, const struct expr *e, const struct expr *value, bool optional)
{
	const struct cel_type *t = type_resolve(c, value->type, false);

	(void)e;
	if (!optional)
		return value->type;
	if (t->kind == CEL_OPTIONAL)
		return t->first;
	if (!type_is_dyn_or_error(t))
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
	e->type = type_new(c->arena, CEL_LIST, element ? element : param_new(c), NULL);
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
		c->arena, CEL_MAP, keys ? keys : param_new(c), values ? values : param_new(c));
}

/* What a name in front of braces stands for; NULL: it is not known. */
static const struct cel_type *struct_type(struct checker *c, const struct expr *e, struct str name)
{
	struct expr named = {.at = e->at};

	if (!look_up(c, &named, name))
		return NULL;
	if (named.kind != EXPR_LITERAL)
		program_problem(
			c->program, e->at, "'%.*s' is not a type", STRF(shown(c, named.type)));
	else if (named.literal.of->kind != CEL_OBJECT)
		program_problem(c->program, e->at, "'%.*s' is not a message type",
			STRF(shown(c, named.literal.of)));
	else
		return named.literal.of;
	return &cel_error_type;
}

static const struct cel_type *struct_field_type(
	struct checker *c, const struct expr *e, const struct expr *field)
{
	const struct cel_type *t;

	if (!e->message)
		return e->type->kind == CEL_OBJECT
			       ? field_type(c, field, e->type, field->literal.str)
			       : &cel_error_type;
	t = message_field(e->message, field->literal.str);
	if (t)
		return t;
	program_problem(c->program, field->at, "undefined field '%.*s'", STRF(field->literal.str));
	return &cel_error_type;
}

static void check_struct(struct checker *c, struct expr *e)
{
	struct str name = str_skip(e->name, str_starts(e->name, STR(".")));

	e->message = message_find(name);
	e->type = e->message ? e->message->yields : struct_type(c, e, name);
	if (!e->type) {
		undeclared(c, e, e->name);
		return;
	}
	for (uint32_t i = 0; i + 1 < e->count; i += 2) {
		struct expr *field = e->args[i], *value = e->args[i + 1];
		const struct cel_type *wanted, *given;
		check(c, value);
		field->type = &cel_string;
		wanted = struct_field_type(c, e, field);
		given = held_type(c, e, value, e->optional && e->optional[i]);
		if (!type_assign(c, wanted, given))
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
	check(&c, p->root);
	if (p->problem_total)
		return;
	settle(&c, p->root);
	p->type = p->root->type;
}
