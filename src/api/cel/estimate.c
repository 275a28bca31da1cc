/*
 * What evaluating an expression may cost, from the sizes its types declare: upstream's estimate,
 * which decides which rules a definition may hold. Where upstream follows the path of an expression
 * through the declarations, the declared type itself is carried along.
 */
#include "estimate.h"

#include <kube/mem.h>

static struct cel_cost cost_of(struct estimator *s, const struct expr *e);

/* ---- names, fields, literals ---- */

static struct cel_cost cost_ident(struct estimator *s, const struct expr *e)
{
	if (!e->local && (size_t)e->slot < s->program->env->count)
		known_of(s, e)->declared = e->type->kind == CEL_PARAM ? NULL : e->type;
	return fixed(1);
}

static struct cel_cost cost_select(struct estimator *s, const struct expr *e)
{
	struct cel_cost cost = cost_of(s, e->target);
	const struct cel_type *of;
	enum cel_kind kind = e->target->type->kind;

	if (e->test)
		return cost;
	if (kind == CEL_MAP || kind == CEL_OBJECT || kind == CEL_PARAM)
		cost = add(cost, fixed(1));
	of = known_type(s, e->target);
	if (of && of->kind == CEL_OBJECT) {
		const struct cel_field *f = type_find(of, e->name);
		known_of(s, e)->declared = f ? f->type : NULL;
	}
	/* Of a map of strings upstream's path names a field that no declaration has: nothing. */
	return cost;
}

static struct cel_cost cost_list(struct estimator *s, const struct expr *e)
{
	struct size item = {e->count ? UINT64_MAX : 0, 0};
	struct cel_cost cost = {0};

	for (uint32_t i = 0; i < e->count; i++) {
		cost = add(cost, cost_of(s, e->args[i]));
		item = both(item, size_of(s, e->args[i]));
	}
	set_entries(s, e, true, (struct size){1, 1}, item);
	return add(cost, fixed(LIST_COST));
}

static struct cel_cost cost_map(struct estimator *s, const struct expr *e)
{
	struct size key = {e->count ? UINT64_MAX : 0, 0}, value = key;
	struct cel_cost cost = {0};

	for (uint32_t i = 0; i + 1 < e->count; i += 2) {
		if (e->kind == EXPR_MAP)
			cost = add(cost, cost_of(s, e->args[i]));
		cost = add(cost, cost_of(s, e->args[i + 1]));
		key = both(key, size_of(s, e->args[i]));
		value = both(value, size_of(s, e->args[i + 1]));
	}
	if (e->kind == EXPR_STRUCT)
		return add(cost, fixed(STRUCT_COST));
	set_entries(s, e, false, key, value);
	return add(cost, fixed(MAP_COST));
}

/* ---- loops ---- */

static void enter(struct estimator *s, struct local *l, struct str name)
{
	l->outer = s->locals;
	l->name = name;
	s->locals = l;
}

/* What a loop's variable is known to be: a key or index, or an element. */
static struct known of_range(struct estimator *s, const struct expr *range, bool value)
{
	const struct cel_type *of = known_type(s, range);
	struct known entries, k = {0};

	if (known_entries(s, range, &entries)) {
		k.has_size = true;
		k.size = value ? entries.value : entries.key;
	}
	if (!of)
		k.declared = lost_type(s);
	else if (of->kind == CEL_LIST && value)
		k.declared = of->first;
	else if (of->kind == CEL_MAP)
		k.declared = value ? of->second : of->first;
	return k;
}

static bool is_list_range(struct estimator *s, const struct expr *range)
{
	struct known k;

	return known_entries(s, range, &k) ? k.of_list : range->type->kind == CEL_LIST;
}

static struct cel_cost cost_bind(struct estimator *s, const struct expr *e)
{
	const struct fold *f = e->fold;
	struct cel_cost cost = add(cost_of(s, f->range), cost_of(s, f->init));
	struct local bound = {0};

	known_entries(s, f->init, &bound.known);
	bound.known.declared = known_type(s, f->init);
	bound.known.has_size = known_size(s, f->init, &bound.known.size);
	enter(s, &bound, f->accumulator);
	cost = add(cost, cost_of(s, f->result));
	copy_sizes(s, e, f->result);
	s->locals = bound.outer;
	return cost;
}

static struct cel_cost cost_fold(struct estimator *s, const struct expr *e)
{
	const struct fold *f = e->fold;
	struct local accumulator = {0}, first = {0}, second = {0};
	struct cel_cost cost, loop;
	struct size range, size;
	struct known step;

	if (f->binds)
		return cost_bind(s, e);
	cost = add(cost_of(s, f->range), cost_of(s, f->init));
	accumulator.known.has_size = known_size(s, f->init, &accumulator.known.size);
	first.known = of_range(s, f->range, !f->second.len && is_list_range(s, f->range));
	second.known = of_range(s, f->range, true);
	enter(s, &accumulator, f->accumulator);
	enter(s, &first, f->variable);
	if (f->second.len)
		enter(s, &second, f->second);
	loop = add(cost_of(s, f->step), cost_of(s, f->condition));
	s->locals = &accumulator;
	cost = add(cost, cost_of(s, f->result));
	s->locals = accumulator.outer;
	range = size_of(s, f->range);
	cost = add(cost, product((struct cel_cost){range.min, range.max}, loop));
	if (f->init->kind == EXPR_LITERAL) {
		if (known_size(s, f->init, &size))
			set_size(s, e, size);
	} else if (f->init->kind == EXPR_LIST || f->init->kind == EXPR_MAP) {
		set_size(s, e, range);
		if (known_entries(s, f->step, &step))
			set_entries(s, e, step.of_list, step.key, step.value);
	}
	return cost;
}

/* ---- calls ---- */

static struct made conditional_cost(
	struct estimator *s, const struct expr *e, const struct cel_cost *args)
{
	struct known x, y;
	bool known_x = known_entries(s, e->args[1], &x), known_y = known_entries(s, e->args[2], &y);

	if (known_x && known_y)
		set_entries(s, e, x.of_list, both(x.key, y.key), both(x.value, y.value));
	return gives(add(args[0], either(args[1], args[2])),
		both(size_of(s, e->args[1]), size_of(s, e->args[2])));
}

static struct made call_made(struct estimator *s, const struct expr *e, const struct cel_cost *args)
{
	struct cel_cost all = {0};
	struct made made;

	if (str_eq_text(e->name, "_&&_") || str_eq_text(e->name, "_||_"))
		return costs((struct cel_cost){args[0].min, plus(args[0].max, args[1].max)});
	if (str_eq_text(e->name, "_?_:_"))
		return conditional_cost(s, e, args);
	for (uint32_t i = 0; i < e->count; i++)
		all = add(all, args[i]);
	made = estimate_function(s, e);
	made.cost = add(made.cost, all);
	return made;
}

static struct cel_cost cost_call(struct estimator *s, const struct expr *e)
{
	struct cel_cost few[8], *args = few;
	struct made made;

	if (str_eq_text(e->name, "dyn")) {
		struct cel_cost cost = add(fixed(1), cost_of(s, e->args[0]));
		copy_sizes(s, e, e->args[0]);
		return cost;
	}
	if (e->count > ARRAY_LEN(few))
		args = mem_new(e->count * sizeof(*args));
	for (uint32_t i = 0; i < e->count; i++)
		args[i] = cost_of(s, e->args[i]);
	made = call_made(s, e, args);
	if (made.has_size)
		set_size(s, e, made.size);
	if (args != few)
		mem_free(args);
	return made.cost;
}

static struct cel_cost cost_of(struct estimator *s, const struct expr *e)
{
	switch ((enum expr_kind)e->kind) {
	case EXPR_IDENT:
		return cost_ident(s, e);
	case EXPR_SELECT:
		return cost_select(s, e);
	case EXPR_CALL:
		return cost_call(s, e);
	case EXPR_LIST:
		return cost_list(s, e);
	case EXPR_MAP:
	case EXPR_STRUCT:
		return cost_map(s, e);
	case EXPR_FOLD:
		return cost_fold(s, e);
	default:
		return fixed(e->literal.kind == CEL_TYPE); /* a name, to upstream */
	}
}

struct cel_cost cel_estimate(const struct cel_program *p)
{
	struct estimator s = {.program = p};
	struct cel_cost cost;

	if (p->failure.kind != CEL_COMPILED)
		return (struct cel_cost){0};
	s.known = mem_new((p->next_id + 1) * sizeof(*s.known));
	cost = cost_of(&s, p->root);
	mem_free(s.known);
	return cost;
}
