/*
 * The evaluator: walks over the tree. Costs are counted as upstream counts them: a name, a field
 * and an index one each, literals nothing, lists 10, maps 30, calls by their arguments.
 */
#include "eval.h"
#include "messages.h"

#include <kube/mem.h>

/* Beside the cost: loops whose bodies cost nothing end, too. */
#define STEPS_MAX 50000000
/* Nothing is freed before the end, and text may grow faster than its cost. */
#define MEMORY_MAX (256 * MIB)

void eval_spend(struct evaluation *ev, uint64_t cost)
{
	if (__builtin_add_overflow(ev->cost, cost, &ev->cost))
		ev->cost = UINT64_MAX;
	if (ev->cost > ev->limit)
		ev->over = true;
}

static bool takes_too_much(const struct evaluation *ev)
{
	return ev->steps > STEPS_MAX || ev->arena->size - ev->memory > MEMORY_MAX;
}

static struct cel_value stopped(const struct evaluation *ev)
{
	bool ours = takes_too_much(ev);
	struct cel_value v = value_error_text(
		ours ? "operation cancelled: the expression takes too long or too much memory"
		     : "operation cancelled: actual cost limit exceeded");

	v.held = ours ? CEL_TOO_DEEP : CEL_OVER_LIMIT;
	return v;
}

/* ---- logic: an error counts only when the other side does not decide ---- */

static struct cel_value eval_logic(struct evaluation *ev, const struct expr *e, bool decides)
{
	struct cel_value x = eval_expr(ev, e->args[0]), y;

	if (x.kind == CEL_BOOL && x.b == decides)
		return x;
	if (ev->over)
		return x;
	y = eval_expr(ev, e->args[1]);
	if (y.kind == CEL_BOOL && y.b == decides)
		return y;
	if (x.kind == CEL_BOOL && y.kind == CEL_BOOL)
		return cel_truth(!decides);
	if (value_fails(x))
		return x;
	if (value_fails(y))
		return y;
	return value_no_overload();
}

static struct cel_value eval_conditional(struct evaluation *ev, const struct expr *e)
{
	struct cel_value v = eval_expr(ev, e->args[0]);

	if (value_fails(v))
		return v;
	if (v.kind != CEL_BOOL)
		return value_no_overload();
	return eval_part(ev, e->args[v.b ? 1 : 2]);
}

static struct cel_value eval_not_strictly_false(struct evaluation *ev, const struct expr *e)
{
	struct cel_value v = eval_expr(ev, e->args[0]);

	eval_spend(ev, 1);
	return v.kind == CEL_BOOL ? v : cel_truth(true);
}

/* optional.or(…), .orValue(…): the other one only when it is needed. */
static struct cel_value eval_or(struct evaluation *ev, const struct expr *e, bool plain)
{
	struct cel_value v = eval_expr(ev, e->args[0]);

	if (value_fails(v))
		return v;
	if (v.kind != CEL_OPTIONAL)
		return cel_error(ev->arena, "no such overload: %.*s", STRF(e->name));
	if (!v.inner)
		return eval_expr(ev, e->args[1]);
	return plain ? *v.inner : v;
}

static struct cel_value eval_operator(struct evaluation *ev, const struct expr *e)
{
	switch (e->name.at[0]) {
	case '_':
		switch (e->name.at[1]) {
		case '&':
			return eval_logic(ev, e, false);
		case '|':
			return eval_logic(ev, e, true);
		default:
			return e->name.at[2] == '.' ? eval_optional_select(ev, e)
						    : eval_conditional(ev, e);
		}
	case '@':
		return eval_not_strictly_false(ev, e);
	default:
		return eval_or(ev, e, e->name.len > 2);
	}
}

/* ---- calls ---- */

static struct cel_value eval_call(struct evaluation *ev, const struct expr *e)
{
	struct cel_value few[4], *args = few, result = {0};
	bool is_index = e->name.len > 1 && e->name.at[1] == '[', failed = false;
	struct call c = {.arena = ev->arena, .expr = e, .count = e->count, .run = ev};

	if (!e->function->run)
		return eval_operator(ev, e);
	if (e->count > ARRAY_LEN(few))
		args = arena_alloc(ev->arena, e->count * sizeof(*args));
	for (uint32_t i = 0; i < e->count; i++) {
		args[i] = is_index && i ? eval_part(ev, e->args[i]) : eval_expr(ev, e->args[i]);
		if (!value_fails(args[i]) || failed)
			continue;
		result = args[i];
		failed = true;
		/* Of one or two, all are asked for, and the call counts all the same. */
		if (e->count > 2 || ev->over)
			return result;
	}
	c.args = args;
	if (!failed)
		result = e->function->run(&c);
	eval_spend(ev, call_cost(&c, result));
	return result;
}

/* ---- literals of several ---- */

static struct cel_value eval_list(struct evaluation *ev, const struct expr *e)
{
	struct cel_value list = list_new(ev->arena, e->count);

	for (uint32_t i = 0; i < e->count; i++) {
		struct cel_value v = eval_expr(ev, e->args[i]);
		if (value_fails(v))
			return v;
		if (e->optional && e->optional[i]) {
			if (v.kind != CEL_OPTIONAL)
				return cel_error(ev->arena,
					"cannot initialize optional list element from non-optional "
					"value");
			if (!v.inner)
				continue;
			v = *v.inner;
		}
		list_push(ev->arena, &list, v);
	}
	if (e->count)
		eval_spend(ev, LIST_COST); /* else it is a constant to upstream */
	return list;
}

static struct cel_value eval_map(struct evaluation *ev, const struct expr *e)
{
	struct cel_value map = map_new(ev->arena, e->count / 2);

	for (uint32_t i = 0; i + 1 < e->count; i += 2) {
		struct cel_value key = eval_expr(ev, e->args[i]), v;
		if (value_fails(key))
			return key;
		v = eval_expr(ev, e->args[i + 1]);
		if (value_fails(v))
			return v;
		if (e->optional && e->optional[i]) {
			if (v.kind != CEL_OPTIONAL)
				return cel_error(ev->arena,
					"cannot initialize optional entry '%s' from non-optional "
					"value",
					key.kind == CEL_STRING ? key.str.at : "");
			if (!v.inner)
				continue;
			v = *v.inner;
		}
		map_put(ev->arena, &map, key, v);
	}
	if (e->kind == EXPR_STRUCT || e->count)
		eval_spend(ev, e->kind == EXPR_STRUCT ? STRUCT_COST : MAP_COST);
	if (e->message)
		return e->message->make(ev->arena, map);
	if (e->kind == EXPR_STRUCT) {
		map.kind = CEL_OBJECT;
		map.type = e->type;
	}
	return map;
}

/* ---- loops ---- */

struct loop {
	struct cel_value range;
	struct walk walk;
};

/* The next element: an index or key and a value, or the one that loops of one variable see. */
static bool loop_next(
	struct evaluation *ev, struct loop *l, const struct fold *f, struct cel_value *locals)
{
	struct cel_value first, second = value_of(CEL_NULL);

	if (l->range.kind == CEL_LIST) {
		first = cel_number((int64_t)l->walk.index);
		if (!list_next(ev->arena, l->range, &l->walk, &second))
			return false;
		if (!f->second.len)
			first = second;
	} else if (!map_walk(ev->arena, l->range, &l->walk, &first, &second)) {
		return false;
	}
	locals[f->slot + 1] = first;
	locals[f->slot + 2] = second;
	return true;
}

static struct cel_value run_loop(struct evaluation *ev, const struct fold *f, struct loop *l)
{
	while (!ev->over && loop_next(ev, l, f, ev->locals)) {
		struct cel_value go = eval_expr(ev, f->condition);
		if (go.kind == CEL_BOOL && !go.b)
			break;
		ev->locals[f->slot] = eval_expr(ev, f->step);
	}
	return ev->over ? stopped(ev) : eval_expr(ev, f->result);
}

static struct cel_value eval_fold(struct evaluation *ev, const struct expr *e)
{
	const struct fold *f = e->fold;
	struct loop l = {0};

	if (f->binds) {
		ev->locals[f->slot] = eval_expr(ev, f->init);
		return eval_expr(ev, f->result);
	}
	l.range = eval_expr(ev, f->range);
	if (value_fails(l.range))
		return l.range;
	if (l.range.kind == CEL_OPTIONAL && l.range.inner)
		l.range = *l.range.inner;
	if (l.range.kind != CEL_LIST && l.range.kind != CEL_MAP && l.range.kind != CEL_OBJECT)
		return cel_error(ev->arena, "got '%.*s', expected iterable type",
			STRF(value_type_name(l.range)));
	ev->locals[f->slot] = eval_expr(ev, f->init);
	return run_loop(ev, f, &l);
}

/* ---- all of it ---- */

static struct cel_value eval_any(struct evaluation *ev, const struct expr *e)
{
	switch ((enum expr_kind)e->kind) {
	case EXPR_LITERAL:
		return e->literal;
	case EXPR_IDENT:
		return eval_ident(ev, e);
	case EXPR_SELECT:
		return eval_select(ev, e);
	case EXPR_CALL:
		return eval_call(ev, e);
	case EXPR_LIST:
		return eval_list(ev, e);
	case EXPR_MAP:
	case EXPR_STRUCT:
		return eval_map(ev, e);
	default:
		return eval_fold(ev, e);
	}
}

struct cel_value eval_expr(struct evaluation *ev, const struct expr *e)
{
	struct cel_value v;

	if (e->constant)
		return e->literal;
	if (ev->over)
		return stopped(ev);
	if (ev->depth >= TREE_MAX) {
		v = value_error_text("the expression is too deep");
		v.held = CEL_TOO_DEEP;
		return v;
	}
	ev->steps++;
	if (takes_too_much(ev)) {
		ev->over = true;
		return stopped(ev);
	}
	ev->depth++;
	v = eval_any(ev, e);
	ev->depth--;
	return v;
}

struct cel_value cel_eval(const struct cel_program *p, struct cel_run *run)
{
	struct evaluation ev = {.arena = run->arena,
		.program = p,
		.run = run,
		.limit = run->limit ? run->limit : CEL_PER_CALL_LIMIT,
		.memory = run->arena->size};
	struct evaluation *outer = evaluation_running;
	struct cel_value v;

	run->cost = 0;
	if (p->failure.kind != CEL_COMPILED)
		return (struct cel_value){.kind = CEL_ERROR, .str = p->failure.text};
	ev.locals = arena_new(run->arena, ((size_t)p->local_count + 1) * sizeof(*ev.locals));
	evaluation_running = &ev;
	v = eval_expr(&ev, p->root);
	evaluation_running = outer;
	run->cost = ev.cost;
	return ev.over ? stopped(&ev) : v;
}
