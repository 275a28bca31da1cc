#include "typed.h"

#include <stdlib.h>

#define KEYS_MAX 8
#define FEW      16

bool typed_is_struct(const struct schema_field *f)
{
	return f && f->shape == SHAPE_ONE && f->kind == KIND_OBJECT;
}

/* What says nothing of itself is what its value is. */
struct typed typed_settled(struct typed t)
{
	static const struct schema_field deduced = {.kind = KIND_DEDUCED};
	static const struct schema_field map = {
		.kind = KIND_DEDUCED, .shape = SHAPE_MAP, .element = &deduced};
	static const struct schema_field leaf = {.kind = KIND_JSON};

	if (!t.field || t.field->kind != KIND_DEDUCED || t.field->shape != SHAPE_ONE)
		return t;
	if (!json_is(t.value, JSON_OBJECT))
		t.field = &leaf;
	else
		t.field = t.field->element ? t.field->element : &map;
	return t;
}

bool typed_is_atomic(const struct schema_field *f)
{
	if (!f)
		return true;
	switch (f->shape) {
	case SHAPE_LIST:
		return f->list_type != LIST_MAP && f->list_type != LIST_SET;
	case SHAPE_MAP:
	case SHAPE_MAP_OF_LISTS:
		return f->map_type == MAP_ATOMIC;
	default:
		return f->kind != KIND_OBJECT || (f->of->flags & SCHEMA_ATOMIC) ||
		       f->map_type == MAP_ATOMIC;
	}
}

struct typed typed_root(
	struct schema_field *root, const struct schema *s, const struct cJSON *object)
{
	*root = (struct schema_field){.kind = KIND_OBJECT, .of = s};
	return (struct typed){.field = root, .value = object};
}

/* ---- elements ---- */

/*
 * A key that an item leaves out has its default there: ports are told apart with "TCP". What is
 * required has Go's zero for one.
 */
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
	if (!inner || !(inner->flags & FIELD_REQUIRED))
		return NULL;
	return inner->kind == KIND_STRING ? json_new_str(a, STR("")) : json_new_int(a, 0);
}

/* Empty: it has none of its keys. */
struct str typed_item(struct arena *a, const struct schema_field *f, const struct cJSON *item)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	struct cJSON *keys;
	struct str rest, key;

	if (f->list_type == LIST_SET) {
		buf_add_text(&text, "v:");
		json_print(&text, item, JSON_COMPACT);
		return arena_str(a, buf_str(&text));
	}
	rest = str_from(f->list_keys);
	keys = json_new(a, JSON_OBJECT);
	for (size_t i = 0; i < KEYS_MAX && str_next(&rest, ',', &key); i++) {
		const struct cJSON *value = key_value(a, f, item, key);

		if (value)
			json_add(a, keys, key, json_copy(a, value));
	}
	if (!json_count(keys))
		return (struct str){0};
	buf_add_text(&text, "k:");
	json_print(&text, keys, JSON_SORTED);
	return arena_str(a, buf_str(&text));
}

void typed_print_element(struct buf *out, struct arena *a, struct str element)
{
	struct str rest = str_skip(element, 2);
	struct cJSON *keys;
	bool first = true;

	if (str_starts(element, STR("i:"))) {
		buf_print(out, "[%.*s]", STRF(rest));
	} else if (str_starts(element, STR("f:"))) {
		buf_print(out, ".%.*s", STRF(rest));
	} else if (str_starts(element, STR("v:"))) {
		buf_print(out, "[=%.*s]", STRF(rest));
	} else if (!json_parse(a, rest, NULL, &keys, NULL)) {
		buf_add_char(out, '[');
		json_each (key, keys) {
			buf_print(out, "%s%.*s=", first ? "" : ",", STRF(json_key(key)));
			json_print(out, key, JSON_COMPACT);
			first = false;
		}
		buf_add_char(out, ']');
	}
}

/* ---- children ---- */

static int by_element(const void *x, const void *y)
{
	const struct typed_child *const *a = x, *const *b = y;
	int order = str_cmp((*a)->element, (*b)->element);

	return order ? order : (*a > *b) - (*a < *b);
}

static void sort_few(struct typed_children *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct typed_child *child = &c->items[i];
		size_t at = i;

		for (; at > 0 && str_cmp(c->sorted[at - 1]->element, child->element) > 0; at--)
			c->sorted[at] = c->sorted[at - 1];
		c->sorted[at] = child;
	}
}

/* Names come sorted as a rule: then there is nothing to do. */
static void sort(struct arena *a, struct typed_children *c)
{
	bool ordered = true;

	c->sorted = arena_alloc(a, (c->count + 1) * sizeof(const struct typed_child *));
	if (c->count <= FEW) {
		sort_few(c);
		return;
	}
	for (size_t i = 0; i < c->count; i++) {
		c->sorted[i] = &c->items[i];
		ordered &= i == 0 || str_cmp(c->items[i - 1].element, c->items[i].element) < 0;
	}
	if (!ordered)
		qsort(c->sorted, c->count, sizeof(const struct typed_child *), by_element);
}

static struct str member_element(struct arena *a, struct str key)
{
	char *at = arena_alloc(a, key.len + 3);

	memcpy(at, "f:", 2);
	if (key.len)
		memcpy(at + 2, key.at, key.len);
	at[key.len + 2] = 0;
	return str_make(at, key.len + 2);
}

const struct schema_field *typed_element(struct arena *a, const struct schema_field *f)
{
	struct schema_field *one;

	if (f->element)
		return f->element;
	one = arena_copy(a, f, sizeof(*f));
	one->shape = f->shape == SHAPE_MAP_OF_LISTS ? SHAPE_LIST : SHAPE_ONE;
	one->map_type = MAP_UNSET;
	return one;
}

struct typed_children typed_children_of(struct arena *a, struct typed t)
{
	size_t room = json_count(t.value);
	struct typed_children c;

	t = typed_settled(t);
	c = (struct typed_children){.list = t.field && t.field->shape == SHAPE_LIST};
	if (!room || typed_is_atomic(t.field) ||
		!json_is(t.value, c.list ? JSON_ARRAY : JSON_OBJECT))
		return c;
	const struct schema_field *one =
		typed_is_struct(t.field) ? t.field->of->rest : typed_element(a, t.field);
	c.items = arena_alloc(a, room * sizeof(*c.items));
	json_each (item, t.value) {
		struct typed_child *child = &c.items[c.count++];
		const struct schema_field *f =
			typed_is_struct(t.field) ? schema_field(t.field->of, json_key(item)) : NULL;

		child->element =
			c.list ? typed_item(a, t.field, item) : member_element(a, json_key(item));
		child->at = (struct typed){.field = f ? f : one, .value = item};
		child->declared = f;
	}
	sort(a, &c);
	return c;
}

/* The first of those that have the element. */
const struct typed_child *typed_find(const struct typed_children *c, struct str element)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (str_cmp(c->sorted[mid]->element, element) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < c->count && str_eq(c->sorted[low]->element, element) ? c->sorted[low] : NULL;
}
