/* Lists, maps and messages: what their parts have in common. */
#include "checker.h"
#include "messages.h"

static const struct cel_type *join(struct checker *c, const struct expr *e,
	const struct cel_type *before, const struct cel_type *now)
{
	if (!before)
		return now;
	if (type_assign(c, before, now))
		return type_less_specific(before, now) ? before : now;
	checker_mismatch(c, e, before, now);
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
		checker_mismatch(c, value, type_new(c->arena, CEL_OPTIONAL, t, NULL), t);
	return t;
}

void check_list(struct checker *c, struct expr *e)
{
	const struct cel_type *element = NULL;

	for (uint32_t i = 0; i < e->count; i++) {
		struct expr *item = e->args[i];
		check_expr(c, item);
		element = join(
			c, item, element, held_type(c, e, item, e->optional && e->optional[i]));
	}
	e->type = type_new(c->arena, CEL_LIST, element ? element : param_new(c), NULL);
}

void check_map(struct checker *c, struct expr *e)
{
	const struct cel_type *keys = NULL, *values = NULL;

	for (uint32_t i = 0; i + 1 < e->count; i += 2) {
		struct expr *key = e->args[i], *value = e->args[i + 1];
		check_expr(c, key);
		keys = join(c, key, keys, key->type);
		check_expr(c, value);
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

	if (!checker_look_up(c, &named, name))
		return NULL;
	if (named.kind != EXPR_LITERAL)
		program_problem(c->program, e->at, "'%.*s' is not a type",
			STRF(checker_shown(c, named.type)));
	else if (named.literal.of->kind != CEL_OBJECT)
		program_problem(c->program, e->at, "'%.*s' is not a message type",
			STRF(checker_shown(c, named.literal.of)));
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
			       ? checker_field_type(c, field, e->type, field->literal.str)
			       : &cel_error_type;
	t = message_field(e->message, field->literal.str);
	if (t)
		return t;
	program_problem(c->program, field->at, "undefined field '%.*s'", STRF(field->literal.str));
	return &cel_error_type;
}

void check_struct(struct checker *c, struct expr *e)
{
	struct str name = str_skip(e->name, str_starts(e->name, STR(".")));

	e->message = message_find(name);
	e->type = e->message ? e->message->yields : struct_type(c, e, name);
	if (!e->type) {
		checker_undeclared(c, e, e->name);
		return;
	}
	for (uint32_t i = 0; i + 1 < e->count; i += 2) {
		struct expr *field = e->args[i], *value = e->args[i + 1];
		const struct cel_type *wanted, *given;
		check_expr(c, value);
		field->type = &cel_string;
		wanted = struct_field_type(c, e, field);
		given = held_type(c, e, value, e->optional && e->optional[i]);
		if (!type_assign(c, wanted, given))
			program_problem(c->program, field->at,
				"expected type of field '%.*s' is '%.*s' but provided type is "
				"'%.*s'",
				STRF(field->literal.str), STRF(checker_shown(c, wanted)),
				STRF(checker_shown(c, given)));
	}
}
