/* Lists and maps, built or in JSON. */
#include "value.h"

#include <kube/hash.h>

/* ---- lists ---- */

static struct store *store_new(struct arena *a, size_t cap)
{
	struct store *s = arena_new(a, sizeof(*s));

	s->cap = cap;
	s->at = cap ? arena_alloc(a, cap * sizeof(*s->at)) : NULL;
	return s;
}

struct cel_value list_new(struct arena *a, size_t cap)
{
	struct cel_items *items = arena_new(a, sizeof(*items));

	items->store = store_new(a, cap);
	return (struct cel_value){.kind = CEL_LIST, .items = items};
}

static void store_push(struct arena *a, struct cel_items *items, struct cel_value v)
{
	struct store *s = items->store;

	if (items->len < s->used || s->used == s->cap) {
		/* Somebody else's end, or full: a store of one's own. */
		struct store *own = store_new(a, MAX(items->len * 2, (size_t)4));
		if (items->len)
			memcpy(own->at, s->at, items->len * sizeof(*s->at));
		own->used = items->len;
		items->store = s = own;
	}
	s->at[s->used++] = v;
	items->len = s->used;
}

void list_push(struct arena *a, struct cel_value *list, struct cel_value v)
{
	store_push(a, list->items, v);
}

size_t list_size(struct cel_value list)
{
	return list.held == HELD_JSON ? json_count(list.json) : list.items->len;
}

static const struct cel_type *element_type(struct cel_value list)
{
	return list.type && list.type->kind == CEL_LIST ? list.type->first : &cel_dyn;
}

struct cel_value list_at(struct arena *a, struct cel_value list, size_t index)
{
	if (list.held == HELD_JSON)
		return json_value(a, json_at(list.json, index), element_type(list));
	return list.items->store->at[index];
}

bool list_next(struct arena *a, struct cel_value list, struct walk *w, struct cel_value *v)
{
	if (list.held == HELD_JSON) {
		w->at = w->index++ ? json_next(w->at) : json_first(list.json);
		if (!w->at)
			return false;
		*v = json_value(a, w->at, element_type(list));
		return true;
	}
	if (w->index >= list.items->len)
		return false;
	*v = list.items->store->at[w->index++];
	return true;
}

bool cel_list_at(struct arena *a, struct cel_value list, size_t index, struct cel_value *v)
{
	if (list.kind != CEL_LIST || index >= list_size(list))
		return false;
	*v = list_at(a, list, index);
	return true;
}

size_t cel_list_size(struct cel_value list)
{
	return list.kind == CEL_LIST ? list_size(list) : 0;
}

/* ---- lists with sets' and maps' manners ---- */

static bool same_keys(
	struct arena *a, struct cel_value x, struct cel_value y, const struct cel_type *type)
{
	for (size_t i = 0; i < type->key_count; i++) {
		struct cel_value v, u;
		struct str name;
		if (!cel_escape_name(a, type->keys[i], &name))
			return false;
		if (!field_find(a, x, name, &v))
			v = value_of(CEL_NULL);
		if (!field_find(a, y, name, &u))
			u = value_of(CEL_NULL);
		if (!value_is_equal(a, v, u))
			return false;
	}
	return true;
}

/* x + y of sets: what y has more; of keyed lists: y's elements replace those of the same keys. */
static struct cel_value concat_ruled(struct arena *a, struct cel_value x, struct cel_value y)
{
	const struct cel_type *type = x.type;
	struct cel_value sum = list_new(a, list_size(x) + list_size(y)), item;
	struct walk w = {0};

	while (list_next(a, x, &w, &item))
		list_push(a, &sum, item);
	w = (struct walk){0};
	while (list_next(a, y, &w, &item)) {
		bool found = false;
		for (size_t i = 0; i < sum.items->len && !found; i++) {
			struct cel_value *at = &sum.items->store->at[i];
			found = type->list_rule == CEL_LIST_SET ? value_is_equal(a, *at, item)
								: same_keys(a, *at, item, type);
			if (found && type->list_rule == CEL_LIST_KEYED)
				*at = item;
		}
		if (!found)
			list_push(a, &sum, item);
	}
	sum.type = type;
	return sum;
}

struct cel_value list_concat(struct arena *a, struct cel_value x, struct cel_value y)
{
	struct cel_value sum, item;
	struct walk w = {0};

	if (x.type && x.type->kind == CEL_LIST && x.type->list_rule != CEL_LIST_ATOMIC)
		return concat_ruled(a, x, y);
	if (!list_size(y))
		return x;
	if (x.held == HELD_JSON) {
		sum = list_new(a, list_size(x) + list_size(y));
		while (list_next(a, x, &w, &item))
			list_push(a, &sum, item);
	} else {
		sum = x;
		sum.items = arena_copy(a, x.items, sizeof(*x.items));
	}
	w = (struct walk){0};
	while (list_next(a, y, &w, &item))
		list_push(a, &sum, item);
	return sum;
}

/* ---- maps ---- */

enum { INDEX_FROM = 16 };

struct cel_value map_new(struct arena *a, size_t cap)
{
	struct cel_entries *entries = arena_new(a, sizeof(*entries));

	entries->cap = cap;
	entries->at = cap ? arena_alloc(a, cap * sizeof(*entries->at)) : NULL;
	return (struct cel_value){.kind = CEL_MAP, .entries = entries};
}

/* Keys that are equal have one hash: numbers by their value, whatever their type. */
static uint64_t hash_key(const struct cel_entries *m, struct cel_value key)
{
	uint64_t h;
	double d;

	switch (key.kind) {
	case CEL_STRING:
	case CEL_BYTES:
		return hash_bytes((uintptr_t)m, key.str);
	case CEL_BOOL:
		return key.b;
	case CEL_INT:
		d = (double)key.i;
		break;
	case CEL_UINT:
		d = (double)key.u;
		break;
	case CEL_DOUBLE:
		d = key.d == 0 ? 0 : key.d;
		break;
	default:
		return 7;
	}
	memcpy(&h, &d, sizeof(h));
	return hash_bytes((uintptr_t)m, str_make((const char *)&h, sizeof(h)));
}

static struct entry *find_entry(struct arena *a, const struct cel_entries *m, struct cel_value key)
{
	if (!m->index) {
		for (size_t i = 0; i < m->len; i++)
			if (value_is_equal(a, m->at[i].key, key))
				return &m->at[i];
		return NULL;
	}
	for (size_t i = hash_key(m, key) & (m->index_cap - 1); m->index[i];
		i = (i + 1) & (m->index_cap - 1))
		if (value_is_equal(a, m->at[m->index[i] - 1].key, key))
			return &m->at[m->index[i] - 1];
	return NULL;
}

static void index_add(struct cel_entries *m, size_t position)
{
	size_t i = hash_key(m, m->at[position].key) & (m->index_cap - 1);

	while (m->index[i])
		i = (i + 1) & (m->index_cap - 1);
	m->index[i] = (uint32_t)position + 1;
}

static void index_all(struct arena *a, struct cel_entries *m)
{
	m->index_cap = m->index_cap ? m->index_cap * 4 : 64;
	while (m->index_cap < m->len * 2)
		m->index_cap *= 2;
	m->index = arena_new(a, m->index_cap * sizeof(*m->index));
	for (size_t i = 0; i < m->len; i++)
		index_add(m, i);
}

void map_put(struct arena *a, struct cel_value *map, struct cel_value key, struct cel_value value)
{
	struct cel_entries *m = map->entries;
	struct entry *e = find_entry(a, m, key);

	/* Upstream's maps of Go keep numbers of different types apart. */
	if (e && e->key.kind == key.kind) {
		e->value = value;
		return;
	}
	if (m->len == m->cap) {
		struct entry *at;
		m->cap = MAX(m->cap * 2, (size_t)4);
		at = arena_alloc(a, m->cap * sizeof(*at));
		if (m->len)
			memcpy(at, m->at, m->len * sizeof(*at));
		m->at = at;
	}
	m->at[m->len++] = (struct entry){.key = key, .value = value};
	if (m->len > INDEX_FROM && m->len * 2 > m->index_cap)
		index_all(a, m);
	else if (m->index)
		index_add(m, m->len - 1);
}

size_t map_size(struct cel_value map)
{
	return map.held == HELD_JSON    ? json_count(map.json)
	       : map.held == HELD_BUILT ? map.entries->len
					: 0;
}

static const struct cel_type *value_type_in(struct cel_value map)
{
	return map.type && map.type->kind == CEL_MAP ? map.type->second : &cel_dyn;
}

bool map_find(struct arena *a, struct cel_value map, struct cel_value key, struct cel_value *v)
{
	const struct cJSON *json;
	const struct entry *e;

	if (map.held == HELD_JSON) {
		json = key.kind == CEL_STRING ? json_find(map.json, key.str) : NULL;
		if (!json)
			return false;
		*v = json_value(a, json, value_type_in(map));
		return true;
	}
	e = find_entry(a, map.entries, key);
	if (!e)
		return false;
	*v = e->value;
	return true;
}

/* The type of an object's field, by its name in JSON. */
static const struct cel_type *json_field_type(struct cel_value object, struct str name)
{
	const struct cel_type *t = cel_type_field(object.type, name);

	return t ? t : &cel_dyn;
}

bool map_walk(struct arena *a, struct cel_value map, struct walk *w, struct cel_value *key,
	struct cel_value *v)
{
	if (map.held == HELD_JSON) {
		w->at = w->index++ ? json_next(w->at) : json_first(map.json);
		if (!w->at)
			return false;
		*key = cel_str(json_key(w->at));
		*v = json_value(a, w->at,
			map.kind == CEL_OBJECT ? json_field_type(map, key->str)
					       : value_type_in(map));
		return true;
	}
	if (map.held == HELD_LAZY || w->index >= map.entries->len)
		return false;
	*key = map.entries->at[w->index].key;
	*v = map.entries->at[w->index++].value;
	return true;
}

bool field_find(struct arena *a, struct cel_value v, struct str name, struct cel_value *found)
{
	const struct cel_field *f;
	const struct cJSON *json;

	if (v.kind == CEL_MAP || v.held == HELD_BUILT)
		return map_find(a, v, cel_str(name), found);
	f = type_find(v.type, name);
	if (v.held == HELD_LAZY) {
		if (!f)
			return false;
		*found = v.lazy->get(v.lazy->ctx, a, name);
		return true;
	}
	json = json_find(v.json, f ? f->in_json : name);
	if (json_type(json) == JSON_NULL) /* as good as not there */
		return false;
	*found = json_value(a, json, f ? f->type : &cel_dyn);
	return true;
}
