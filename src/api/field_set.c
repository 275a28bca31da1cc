#include "field_set.h"

#include <stdlib.h>

/* ---- the tree ---- */

struct field_set *field_set_new(struct arena *a)
{
	return arena_new(a, sizeof(struct field_set));
}

struct field_set *field_set_find(const struct field_set *s, struct str element)
{
	for (struct field_set *c = s ? s->children : NULL; c; c = c->next) {
		int order = str_cmp(c->element, element);

		if (order >= 0)
			return order ? NULL : c;
	}
	return NULL;
}

/*
 * The child of that element for walks in order: **at is where the one before it was. Clients choose
 * how many there are, so none of the walks below looks for each from the start.
 */
static struct field_set *child_behind(
	struct arena *a, struct field_set *s, struct field_set ***at, struct str element)
{
	while (**at && str_cmp((**at)->element, element) < 0)
		*at = &(**at)->next;
	if (**at && str_eq((**at)->element, element))
		return **at;
	struct field_set *made = field_set_new(a);
	made->element = element;
	made->next = **at;
	**at = made;
	if (!made->next)
		s->last = made;
	return made;
}

/* Most come in order: those go to the end at once. */
struct field_set *field_set_child(struct arena *a, struct field_set *s, struct str element)
{
	struct field_set **at = &s->children;

	if (s->last && str_cmp(s->last->element, element) < 0)
		at = &s->last->next;
	return child_behind(a, s, &at, element);
}

bool field_set_empty(const struct field_set *s)
{
	if (s->member)
		return false;
	for (const struct field_set *c = s->children; c; c = c->next)
		if (!field_set_empty(c))
			return false;
	return true;
}

static void prune(struct field_set *s)
{
	struct field_set **at = &s->children;

	s->last = NULL;
	while (*at) {
		if (!field_set_empty(*at)) {
			s->last = *at;
			at = &(*at)->next;
		} else {
			*at = (*at)->next;
		}
	}
}

/* ---- FieldsV1 ---- */

static int by_key(const void *x, const void *y)
{
	const struct cJSON *const *a = x, *const *b = y;

	return str_cmp(json_key(*a), json_key(*b));
}

struct field_set *field_set_parse(struct arena *a, const struct cJSON *fields)
{
	struct field_set *s = field_set_new(a);
	const struct cJSON **items =
		arena_alloc(a, (json_count(fields) + 1) * sizeof(const struct cJSON *));
	size_t count = 0;

	json_each (item, fields)
		items[count++] = item;
	qsort(items, count, sizeof(const struct cJSON *), by_key);
	for (size_t i = 0; i < count; i++) {
		const struct cJSON *item = items[i];

		if (str_eq_text(json_key(item), ".")) {
			s->member = true;
			continue;
		}
		struct field_set *child = field_set_child(a, s, json_key(item));
		struct field_set *parsed = field_set_parse(a, item);

		child->children = parsed->children;
		child->last = parsed->last;
		child->member = parsed->member || !json_count(item);
	}
	return s;
}

struct cJSON *field_set_tree(struct arena *a, const struct field_set *s)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);

	if (s->member && s->children)
		json_add_borrowed(tree, STR("."), json_new(a, JSON_OBJECT));
	for (const struct field_set *c = s->children; c; c = c->next)
		if (!field_set_empty(c))
			json_add(a, tree, c->element, field_set_tree(a, c));
	return tree;
}

/* ---- algebra: children are sorted, so two sets are walked side by side ---- */

static const struct field_set *advance(const struct field_set *c, struct str element)
{
	while (c && str_cmp(c->element, element) < 0)
		c = c->next;
	return c;
}

struct field_set *field_set_copy(struct arena *a, const struct field_set *s)
{
	struct field_set *copy = field_set_new(a);

	field_set_unite(a, copy, s);
	copy->element = s->element;
	return copy;
}

void field_set_unite(struct arena *a, struct field_set *into, const struct field_set *from)
{
	struct field_set **at = &into->children;

	into->member |= from->member;
	for (const struct field_set *c = from->children; c; c = c->next)
		field_set_unite(a, child_behind(a, into, &at, c->element), c);
}

void field_set_subtract(struct field_set *from, const struct field_set *what)
{
	const struct field_set *w = what->children;

	if (what->member)
		from->member = false;
	for (struct field_set *c = from->children; c; c = c->next) {
		w = advance(w, c->element);
		if (w && str_eq(w->element, c->element))
			field_set_subtract(c, w);
	}
	prune(from);
}

void field_set_intersect(struct field_set *s, const struct field_set *with)
{
	static const struct field_set nothing;
	const struct field_set *w = with->children;

	s->member = s->member && with->member;
	for (struct field_set *c = s->children; c; c = c->next) {
		w = advance(w, c->element);
		field_set_intersect(c, w && str_eq(w->element, c->element) ? w : &nothing);
	}
	prune(s);
}

void field_set_cut(struct field_set *s, const char *dotted)
{
	struct str rest = str_from(dotted), step;

	while (s && str_next(&rest, '.', &step))
		for (s = s->children; s; s = s->next)
			if (str_eq(str_skip(s->element, 2), step))
				break;
	if (!s)
		return;
	s->member = false;
	s->children = s->last = NULL;
}

/* ---- sets of objects ---- */

void field_set_of(struct arena *a, struct typed t, struct field_set *set)
{
	struct typed_children children = typed_children_of(a, t);
	struct field_set **at = &set->children;

	if (typed_is_atomic(typed_settled(t).field)) {
		set->member = true;
		return;
	}
	for (size_t i = 0; i < children.count; i++) {
		const struct typed_child *c = children.sorted[i];
		struct field_set *below = child_behind(a, set, &at, c->element);
		bool empty = json_type(c->at.value) == JSON_NULL ||
			     (json_is(c->at.value, JSON_OBJECT) && !json_count(c->at.value));

		field_set_of(a, c->at, below);
		if (!c->declared || empty)
			below->member = true;
	}
	prune(set);
}

/* The children of two containers side by side, in the order of their elements. */
struct pairs {
	struct typed_children before, after;
	size_t b, a;
	const struct typed_child *was, *now;
	struct str element;
};

static bool next_pair(struct pairs *p)
{
	bool more_before = p->b < p->before.count, more_after = p->a < p->after.count;
	const struct typed_child *was = more_before ? p->before.sorted[p->b] : NULL;
	const struct typed_child *now = more_after ? p->after.sorted[p->a] : NULL;
	int order = !was ? -1 : !now ? 1 : str_cmp(now->element, was->element);

	if (!was && !now)
		return false;
	p->was = order >= 0 ? was : NULL;
	p->now = order <= 0 ? now : NULL;
	p->element = p->now ? now->element : was->element;
	p->a += order <= 0;
	p->b += order > 0;
	/* of items that are there twice each one is compared with the first */
	if (order || (p->a < p->after.count && str_eq(p->after.sorted[p->a]->element, p->element)))
		return true;
	while (p->b < p->before.count && str_eq(p->before.sorted[p->b]->element, p->element))
		p->b++;
	return true;
}

static void compare(struct arena *a, struct typed old, struct typed now, struct field_set *changed,
	struct field_set *removed)
{
	struct pairs p = {.before = typed_children_of(a, old), .after = typed_children_of(a, now)};
	bool leaf = typed_is_atomic(typed_settled(now).field) ||
		    typed_is_atomic(typed_settled(old).field) ||
		    (!p.before.count && !p.after.count);
	struct field_set **in_changed = &changed->children, **in_removed = &removed->children;

	while (next_pair(&p)) {
		struct typed nothing = {.field = (p.now ? p.now : p.was)->at.field};

		compare(a, p.was ? p.was->at : nothing, p.now ? p.now->at : nothing,
			child_behind(a, changed, &in_changed, p.element),
			child_behind(a, removed, &in_removed, p.element));
	}
	if (!old.value)
		changed->member = true;
	else if (!now.value)
		removed->member = true;
	else if (leaf && !json_equal(old.value, now.value))
		changed->member = true;
}

static void prune_all(struct field_set *s)
{
	for (struct field_set *c = s->children; c; c = c->next)
		prune_all(c);
	prune(s);
}

void field_set_compare(struct arena *a, struct typed old, struct typed now,
	struct field_set *changed, struct field_set *removed)
{
	compare(a, old, now, changed, removed);
	prune_all(changed);
	prune_all(removed);
}

void field_set_name_ways(struct field_set *s, const struct schema_field *f)
{
	struct schema_field one;

	if (f && f->kind == KIND_DEDUCED &&
		f->shape == SHAPE_ONE) /* a struct, or no names at all */
		f = f->element;
	if (!f)
		return;
	one = *f;
	one.shape = SHAPE_ONE;
	one.map_type = MAP_UNSET;
	for (struct field_set *c = s->children; c; c = c->next) {
		const struct schema_field *below = f->element ? f->element : &one;

		if (typed_is_struct(f)) {
			below = schema_field(f->of, str_skip(c->element, 2));
			if (below && c->children)
				c->member = true;
			if (!below)
				below = f->of->rest;
		}
		field_set_name_ways(c, below);
	}
}
