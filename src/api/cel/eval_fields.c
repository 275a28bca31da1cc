/* Names and fields while an expression is evaluated: what is asked for may not be there. */
#include "eval.h"

struct cel_value eval_ident(struct evaluation *ev, const struct expr *e)
{
	struct cel_value v;

	eval_spend(ev, 1);
	if (e->local)
		return ev->locals[e->slot];
	if ((size_t)e->slot >= ev->run->variable_count)
		return cel_error(ev->arena, "no such attribute(s): %.*s", STRF(e->name));
	v = ev->run->variables[e->slot];
	if (v.kind == CEL_LAZY)
		v = v.lazy->get(v.lazy->ctx, ev->arena, e->name);
	return value_settle(ev->arena, v);
}

static struct cel_value no_such_key(struct evaluation *ev, struct str name)
{
	return cel_error(ev->arena, "no such key: %.*s", STRF(name));
}

/* A field of a value; *found says whether it is there, where that may be asked. */
static struct cel_value get_field(
	struct evaluation *ev, struct cel_value v, struct str name, bool *found)
{
	struct cel_value value;

	*found = false;
	switch (v.kind) {
	case CEL_MAP:
	case CEL_OBJECT:
		*found = field_find(ev->arena, v, name, &value);
		return *found ? value : no_such_key(ev, name);
	case CEL_LIST:
		return value_error_text("unsupported index type 'string' in list");
	default:
		return no_such_key(ev, name);
	}
}

static struct cel_value in_optional(struct evaluation *ev, struct cel_value v, bool found)
{
	return !found ? cel_none : value_fails(v) ? v : cel_some(ev->arena, v);
}

bool expr_is_attribute(const struct expr *e)
{
	return e->kind == EXPR_IDENT || e->kind == EXPR_SELECT ||
	       (e->kind == EXPR_CALL &&
		       (str_eq_text(e->name, "_[_]") || str_eq_text(e->name, "_[?_]") ||
			       str_eq_text(e->name, "_?._")));
}

struct cel_value eval_part(struct evaluation *ev, const struct expr *e)
{
	uint64_t before = ev->cost;
	struct cel_value v = eval_expr(ev, e);

	if (expr_is_attribute(e) && !e->test && ev->cost > before && !ev->over)
		ev->cost--;
	return v;
}

struct cel_value eval_select(struct evaluation *ev, const struct expr *e)
{
	struct cel_value v = eval_expr(ev, e->target), value;
	bool found;

	if (value_fails(v))
		return v;
	if (!expr_is_attribute(e->target))
		eval_spend(ev, 1);
	if (v.kind == CEL_OPTIONAL) {
		found = false;
		value = v.inner ? get_field(ev, *v.inner, e->name, &found) : cel_none;
		eval_spend(ev, found && !e->test);
		return e->test ? cel_truth(found) : in_optional(ev, value, found);
	}
	if (!e->test)
		eval_spend(ev, 1);
	value = get_field(ev, v, e->name, &found);
	return e->test ? cel_truth(found) : value;
}

/* x.?name */
struct cel_value eval_optional_select(struct evaluation *ev, const struct expr *e)
{
	struct cel_value v = eval_expr(ev, e->args[0]), value;
	bool found;

	if (value_fails(v))
		return v;
	if (!expr_is_attribute(e->args[0]))
		eval_spend(ev, 1);
	if (v.kind == CEL_OPTIONAL) {
		if (!v.inner)
			return cel_none;
		v = *v.inner;
	}
	value = get_field(ev, v, e->args[1]->literal.str, &found);
	eval_spend(ev, found); /* what is not there is not counted */
	return in_optional(ev, value, found);
}
