/* Unification: what parameters of types stand for, found out as upstream finds it out. */
#include "unify.h"

/* ---- parameters ---- */

void *type_grow(struct arena *a, void *at, size_t count, size_t *cap, size_t size)
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

void params_room(struct checker *c)
{
	size_t cap = c->param_cap;

	while (c->param_count >= c->param_cap) {
		c->bound = type_grow(
			c->arena, (void *)c->bound, c->param_cap, &cap, sizeof(*c->bound));
		c->param_cap = (uint32_t)cap;
	}
}

const struct cel_type *param_new(struct checker *c)
{
	const struct cel_type *t = type_param(c->arena, c->param_count++);

	params_room(c);
	return t;
}

static void bind(struct checker *c, const struct cel_type *param, const struct cel_type *type)
{
	c->undo = type_grow(c->arena, c->undo, c->undo_count, &c->undo_cap, sizeof(*c->undo));
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
const struct cel_type *type_resolve(struct checker *c, const struct cel_type *t, bool final)
{
	const struct cel_type *first, *second;
	struct cel_type *copy;

	if (t->kind == CEL_PARAM) {
		const struct cel_type *to = c->bound[t->param];
		return to ? type_resolve(c, to, final) : final ? &cel_dyn : t;
	}
	if (t->kind == CEL_OBJECT || !t->first)
		return t;
	first = type_resolve(c, t->first, final);
	second = t->second ? type_resolve(c, t->second, final) : NULL;
	if (first == t->first && second == t->second)
		return t;
	copy = arena_copy(c->arena, t, sizeof(*t));
	copy->first = first;
	copy->second = second;
	return copy;
}

bool type_is_dyn(const struct cel_type *t)
{
	return t->kind == CEL_DYN;
}

bool type_is_dyn_or_error(const struct cel_type *t)
{
	return t->kind == CEL_DYN || t->kind == CEL_ERROR;
}

/* ---- unification ---- */

bool type_less_specific(const struct cel_type *a, const struct cel_type *b)
{
	if (type_is_dyn(a) || a->kind == CEL_PARAM)
		return true;
	if (type_is_dyn(b) || b->kind == CEL_PARAM || a->kind != b->kind)
		return false;
	switch (a->kind) {
	case CEL_LIST:
	case CEL_OPTIONAL:
		return type_less_specific(a->first, b->first);
	case CEL_MAP:
		return type_less_specific(a->first, b->first) &&
		       type_less_specific(a->second, b->second);
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
		general = type_less_specific(t, to) ? t : to;
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
	if (t->wraps)
		return true;
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
	if (type_is_dyn_or_error(a) || type_is_dyn_or_error(b))
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
bool types_assign(struct checker *c, const struct cel_type *const *from,
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

bool type_assign(struct checker *c, const struct cel_type *from, const struct cel_type *to)
{
	return types_assign(c, &from, &to, 1);
}
