/* Calls: which overloads fit, and what they yield. */
#include "checker.h"

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

	e->type = checker_select_type(c, e, target, e->args[1]->literal.str, true);
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

void checker_want(struct checker *c, const struct expr *e, const struct cel_type *type)
{
	if (!type_assign(c, type, e->type))
		checker_mismatch(c, e, type, e->type);
}

/* && and ||: upstream's have any number of sides, each of which must be a bool. */
static void check_logic(struct checker *c, struct expr *e)
{
	for (uint32_t i = 0; i < e->count; i++) {
		check_expr(c, e->args[i]);
		checker_want(c, e->args[i], &cel_bool);
	}
	e->function = function_find(e->name, 0);
	e->overloads = arena_new(c->arena, sizeof(*e->overloads));
	e->type = &cel_bool;
}

void check_call(struct checker *c, struct expr *e)
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
		check_expr(c, e->args[i]);
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
		check_expr(c, e->target);
		take_receiver(c, e);
	}
	name = str_skip(e->name, str_starts(e->name, STR(".")) && e->name.len > 1);
	f = function_find(name, with);
	if (!f) {
		checker_undeclared(c, e, name);
		return;
	}
	e->name = name;
	resolve_call(c, e, f);
}
