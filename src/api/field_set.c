#include "field_set.h"

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

/* Most come in order: those go to the end at once. */
struct field_set *field_set_child(struct arena *a, struct field_set *s, struct str element)
{
	struct field_set **at = &s->children;

	if (s->last && str_cmp(s->last->element, element) < 0)
		at = &s->last->next;
	while (*at && str_cmp((*at)->element, element) < 0)
		at = &(*at)->next;
	if (*at && str_eq((*at)->element, element))
		return *at;
	struct field_set *made = field_set_new(a);
	made->element = element;
	made->next = *at;
	*at = made;
	if (!made->next)
		s->last = made;
	return made;
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

struct field_set *field_set_parse(struct arena *a, const struct cJSON *fields)
{
	struct field_set *s = field_set_new(a);

	json_each (item, fields) {
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
	into->member |= from->member;
	for (const struct field_set *c = from->children; c; c = c->next)
		field_set_unite(a, field_set_child(a, into, c->element), c);
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

	if (typed_is_atomic(t.field)) {
		set->member = true;
		return;
	}
	for (size_t i = 0; i < children.count; i++) {
		const struct typed_child *c = &children.items[i];
		struct field_set *below = field_set_child(a, set, c->element);
		bool empty = json_type(c->at.value) == JSON_NULL ||
			     (json_is(c->at.value, JSON_OBJECT) && !json_count(c->at.value));

		field_set_of(a, c->at, below);
		if (!c->declared || empty)
			below->member = true;
	}
	prune(set);
}

static void compare(struct arena *a, struct typed old, struct typed now, struct field_set *changed,
	struct field_set *removed)
{
	struct typed_children before = typed_children_of(a, old), after = typed_children_of(a, now);
	bool leaf = typed_is_atomic(now.field) || (!before.count && !after.count);

	for (size_t i = 0; i < after.count; i++) {
		const struct typed_child *c = &after.items[i];
		const struct typed_child *was = typed_find(&before, c->element);
		struct typed nothing = {.field = c->at.field};

		compare(a, was ? was->at : nothing, c->at, field_set_child(a, changed, c->element),
			field_set_child(a, removed, c->element));
	}
	for (size_t i = 0; i < before.count; i++) {
		const struct typed_child *c = &before.items[i];
		struct typed nothing = {.field = c->at.field};

		if (!typed_find(&after, c->element))
			compare(a, c->at, nothing, field_set_child(a, changed, c->element),
				field_set_child(a, removed, c->element));
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

	for (struct field_set *c = s->children; c; c = c->next) {
		const struct schema_field *below = typed_field_of(f, c->element);

		if (below && c->children)
			c->member = true;
		if (!typed_is_struct(f) && f) {
			one = *f;
			one.shape = SHAPE_ONE;
			one.map_type = MAP_UNSET;
			below = &one;
		}
		if (below)
			field_set_name_ways(c, below);
	}
}
