#include "field_set.h"

#include <kube/api_codec.h>

/* ---- the tree ---- */

struct field_set *field_set_new(struct arena *a)
{
	return arena_new(a, sizeof(struct field_set));
}

struct field_set *field_set_find(const struct field_set *s, struct str element)
{
	for (struct field_set *c = s ? s->children : NULL; c; c = c->next)
		if (str_eq(c->element, element))
			return c;
	return NULL;
}

struct field_set *field_set_child(struct arena *a, struct field_set *s, struct str element)
{
	struct field_set **at = &s->children;

	while (*at && str_cmp((*at)->element, element) < 0)
		at = &(*at)->next;
	if (*at && str_eq((*at)->element, element))
		return *at;
	struct field_set *made = field_set_new(a);
	made->element = element;
	made->next = *at;
	*at = made;
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

	while (*at) {
		if (field_set_empty(*at))
			*at = (*at)->next;
		else
			at = &(*at)->next;
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

/* ---- algebra ---- */

void field_set_unite(struct arena *a, struct field_set *into, const struct field_set *from)
{
	into->member |= from->member;
	for (const struct field_set *c = from->children; c; c = c->next)
		field_set_unite(a, field_set_child(a, into, c->element), c);
}

void field_set_subtract(struct field_set *from, const struct field_set *what)
{
	if (what->member)
		from->member = false;
	for (struct field_set *c = from->children; c; c = c->next) {
		const struct field_set *w = field_set_find(what, c->element);

		if (w)
			field_set_subtract(c, w);
	}
	prune(from);
}

bool field_set_equal(const struct field_set *a, const struct field_set *b)
{
	const struct field_set *x = a->children, *y = b->children;

	if (a->member != b->member)
		return false;
	for (; x && y; x = x->next, y = y->next)
		if (!str_eq(x->element, y->element) || !field_set_equal(x, y))
			return false;
	return !x && !y;
}

/* ---- elements ---- */

bool field_is_atomic(const struct schema_field *f)
{
	if (!f)
		return true;
	switch (f->shape) {
	case SHAPE_LIST:
		return f->list_type != LIST_MAP && f->list_type != LIST_SET;
	case SHAPE_MAP:
		return f->map_type == MAP_ATOMIC;
	case SHAPE_MAP_OF_LISTS:
		return true;
	default:
		return f->kind != KIND_OBJECT || (f->of->flags & SCHEMA_ATOMIC) ||
		       f->map_type == MAP_ATOMIC;
	}
}

static const struct cJSON *key_value(
	struct arena *a, const struct schema_field *f, const struct cJSON *item, struct str key)
{
	const struct cJSON *value = json_get(item, key);
	const struct schema_field *inner = schema_field(f->of, key);
	struct cJSON *fallback = NULL;

	if (json_type(value) != JSON_NULL)
		return value;
	if (inner && inner->fallback &&
		!json_parse(a, str_from(inner->fallback), NULL, &fallback, NULL))
		return fallback;
	return NULL;
}

struct str field_set_item(struct arena *a, const struct schema_field *f, const struct cJSON *item)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct cJSON *keys;
	struct str rest, key, names[8];
	size_t count = 0;

	if (f->list_type == LIST_SET) {
		buf_add_text(&text, "v:");
		json_print(&text, item, JSON_COMPACT);
		return arena_str(a, buf_str(&text));
	}
	rest = str_from(f->list_keys);
	while (count < ARRAY_LEN(names) && str_next(&rest, ',', &key))
		names[count++] = key;
	keys = json_new(a, JSON_OBJECT);
	for (size_t i = 0; i < count; i++) {
		const struct cJSON *value = key_value(a, f, item, names[i]);

		if (value)
			json_add(a, keys, names[i], json_copy(a, value));
	}
	buf_add_text(&text, "k:");
	json_print(&text, keys, JSON_SORTED);
	return arena_str(a, buf_str(&text));
}

static struct str field_element(struct arena *a, struct str name)
{
	return arena_print(a, "f:%.*s", STRF(name));
}

/* ---- sets of objects ---- */

static void set_of_value(struct arena *a, const struct schema_field *f, const struct cJSON *value,
	struct field_set *set);

/* One member of an object, list or map: below it in the set. `item`: it is no schema field. */
static void set_of_items(struct arena *a, const struct schema_field *f, const struct cJSON *value,
	struct field_set *set)
{
	struct schema_field one = *f;

	one.shape = SHAPE_ONE;
	one.map_type = MAP_UNSET;
	json_each (item, value) {
		struct str element = f->shape == SHAPE_LIST ? field_set_item(a, f, item)
							    : field_element(a, json_key(item));
		struct field_set *child = field_set_child(a, set, element);

		child->member = true;
		if (f->kind == KIND_OBJECT && !field_is_atomic(&one) && json_count(item))
			field_set_of(a, f->of, item, child);
	}
}

static void set_of_value(struct arena *a, const struct schema_field *f, const struct cJSON *value,
	struct field_set *set)
{
	if (field_is_atomic(f) || !json_count(value))
		set->member = true;
	else if (f->shape == SHAPE_ONE)
		field_set_of(a, f->of, value, set);
	else
		set_of_items(a, f, value, set);
}

void field_set_of(
	struct arena *a, const struct schema *s, const struct cJSON *object, struct field_set *set)
{
	json_each (member, object) {
		const struct schema_field *f = schema_field(s, json_key(member));

		set_of_value(
			a, f, member, field_set_child(a, set, field_element(a, json_key(member))));
	}
}

/* ---- differences ---- */

static void compare_value(struct arena *a, const struct schema_field *f, const struct cJSON *old,
	const struct cJSON *now, struct field_set *changed, struct field_set *removed);

/* All of a value that was not there before, or is not there any more. */
static void whole(struct arena *a, const struct schema_field *f, const struct cJSON *value,
	struct field_set *set)
{
	set_of_value(a, f, value, set);
	if (f && f->shape != SHAPE_ONE && !field_is_atomic(f))
		set->member = true; /* lists and maps themselves come and go with their items */
}

static void whole_object(
	struct arena *a, const struct schema *s, const struct cJSON *object, struct field_set *set)
{
	json_each (member, object) {
		const struct schema_field *f = schema_field(s, json_key(member));
		struct field_set *child =
			field_set_child(a, set, field_element(a, json_key(member)));

		if (f && f->shape == SHAPE_ONE && f->kind == KIND_OBJECT && !field_is_atomic(f) &&
			json_count(member)) {
			whole_object(a, f->of, member, child);
			if (f->flags & FIELD_POINTER)
				child->member = true;
		} else {
			whole(a, f, member, child);
		}
	}
}

static const struct cJSON *find_item(
	struct arena *a, const struct schema_field *f, const struct cJSON *list, struct str element)
{
	json_each (item, list)
		if (str_eq(field_set_item(a, f, item), element))
			return item;
	return NULL;
}

static void whole_item(struct arena *a, const struct schema_field *f, const struct cJSON *item,
	struct field_set *set)
{
	set->member = true;
	if (f->kind == KIND_OBJECT && json_count(item))
		whole_object(a, f->of, item, set);
}

static void compare_items(struct arena *a, const struct schema_field *f, const struct cJSON *old,
	const struct cJSON *now, struct field_set *changed, struct field_set *removed)
{
	bool list = f->shape == SHAPE_LIST;

	json_each (item, now) {
		struct str element =
			list ? field_set_item(a, f, item) : field_element(a, json_key(item));
		const struct cJSON *was =
			list ? find_item(a, f, old, element) : json_get(old, json_key(item));

		if (!was)
			whole_item(a, f, item, field_set_child(a, changed, element));
		else if (f->kind == KIND_OBJECT)
			field_set_compare(a, f->of, was, item, field_set_child(a, changed, element),
				field_set_child(a, removed, element));
		else if (!json_equal(was, item))
			field_set_child(a, changed, element)->member = true;
	}
	json_each (was, old) {
		struct str element =
			list ? field_set_item(a, f, was) : field_element(a, json_key(was));
		const struct cJSON *is =
			list ? find_item(a, f, now, element) : json_get(now, json_key(was));

		if (!is)
			whole_item(a, f, was, field_set_child(a, removed, element));
	}
}

static void compare_value(struct arena *a, const struct schema_field *f, const struct cJSON *old,
	const struct cJSON *now, struct field_set *changed, struct field_set *removed)
{
	if (field_is_atomic(f)) {
		if (!json_equal(old, now))
			changed->member = true;
	} else if (f->shape == SHAPE_ONE) {
		field_set_compare(a, f->of, old, now, changed, removed);
	} else {
		compare_items(a, f, old, now, changed, removed);
	}
}

void field_set_compare(struct arena *a, const struct schema *s, const struct cJSON *old,
	const struct cJSON *now, struct field_set *changed, struct field_set *removed)
{
	struct cJSON *empty = json_new(a, JSON_OBJECT);
	const struct cJSON *before = old ? old : empty;

	json_each (member, now) {
		const struct schema_field *f = schema_field(s, json_key(member));
		const struct cJSON *was = json_get(before, json_key(member));
		struct str element = field_element(a, json_key(member));

		if (was) { /* also null: a list that Go prints so is there, and empty */
			compare_value(a, f, was, member, field_set_child(a, changed, element),
				field_set_child(a, removed, element));
			continue;
		}
		struct cJSON *one = json_new(a, JSON_OBJECT);
		json_add_borrowed(one, json_key(member), json_copy(a, member));
		whole_object(a, s, one, changed);
	}
	json_each (was, before) {
		if (json_get(now, json_key(was)) || json_type(was) == JSON_NULL)
			continue;
		struct cJSON *one = json_new(a, JSON_OBJECT);
		json_add_borrowed(one, json_key(was), json_copy(a, was));
		whole_object(a, s, one, removed);
	}
	prune(changed);
	prune(removed);
}
