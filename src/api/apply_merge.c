/* The objects of server-side apply: merging a configuration in, taking fields out. */
#include "apply_merge.h"

/* ---- merging ---- */

static struct cJSON *merge_value(struct arena *a, const struct schema_field *f,
	const struct cJSON *live, const struct cJSON *config);

static const struct cJSON *find_item(
	struct arena *a, const struct schema_field *f, const struct cJSON *list, struct str element)
{
	json_each (item, list)
		if (str_eq(field_set_item(a, f, item), element))
			return item;
	return NULL;
}

/* What stands keeps its place; what is new comes behind what stands before it in the config. */
static struct cJSON *merge_list(struct arena *a, const struct schema_field *f,
	const struct cJSON *live, const struct cJSON *config)
{
	struct cJSON *out = json_new(a, JSON_ARRAY);
	struct schema_field one = *f;

	one.shape = SHAPE_ONE;
	json_each (item, live) {
		const struct cJSON *mine = find_item(a, f, config, field_set_item(a, f, item));

		json_append(out, mine && f->kind == KIND_OBJECT ? merge_value(a, &one, item, mine)
								: json_copy(a, item));
	}
	json_each (item, config)
		if (!find_item(a, f, live, field_set_item(a, f, item)))
			json_append(out, json_copy(a, item));
	return out;
}

static struct cJSON *merge_map(struct arena *a, const struct schema_field *f,
	const struct cJSON *live, const struct cJSON *config)
{
	struct cJSON *out = json_copy(a, live);
	struct schema_field one = *f;

	one.shape = SHAPE_ONE;
	json_each (item, config)
		json_set(a, out, json_key(item),
			merge_value(a, &one, json_get(live, json_key(item)), item));
	return out;
}

static struct cJSON *merge_value(struct arena *a, const struct schema_field *f,
	const struct cJSON *live, const struct cJSON *config)
{
	if (field_is_atomic(f) || json_type(live) == JSON_NULL ||
		json_type(live) != json_type(config))
		return json_copy(a, config);
	switch (f->shape) {
	case SHAPE_LIST:
		return merge_list(a, f, live, config);
	case SHAPE_MAP:
		return merge_map(a, f, live, config);
	default:
		return merge_objects(a, f->of, live, config);
	}
}

struct cJSON *merge_objects(struct arena *a, const struct schema *s, const struct cJSON *live,
	const struct cJSON *config)
{
	struct cJSON *out = json_copy(a, live);

	json_each (member, config) {
		const struct schema_field *f = schema_field(s, json_key(member));

		json_set(a, out, json_key(member),
			merge_value(a, f, json_get(live, json_key(member)), member));
	}
	return out;
}

/* ---- taking out ---- */

static void remove_from(struct arena *a, const struct schema_field *f, struct cJSON *value,
	const struct field_set *s);

static struct str name_of(struct str element)
{
	return str_skip(element, 2);
}

static void remove_items(struct arena *a, const struct schema_field *f, struct cJSON *list,
	const struct field_set *s)
{
	struct schema_field one = *f;
	struct cJSON *item = json_first(list);

	one.shape = SHAPE_ONE;
	while (item) {
		struct cJSON *next = json_next(item);
		struct str element = f->shape == SHAPE_LIST
					     ? field_set_item(a, f, item)
					     : arena_print(a, "f:%.*s", STRF(json_key(item)));
		const struct field_set *here = field_set_find(s, element);

		if (here && here->member)
			json_remove(list, item);
		else if (here)
			remove_from(a, &one, item, here);
		item = next;
	}
}

static void remove_from(struct arena *a, const struct schema_field *f, struct cJSON *value,
	const struct field_set *s)
{
	if (!f || f->kind != KIND_OBJECT ? f && f->shape != SHAPE_ONE : f->shape != SHAPE_ONE)
		remove_items(a, f, value, s);
	else if (f && f->kind == KIND_OBJECT)
		remove_fields(a, f->of, value, s);
}

void remove_fields(
	struct arena *a, const struct schema *s, struct cJSON *object, const struct field_set *set)
{
	for (const struct field_set *c = set->children; c; c = c->next) {
		const struct schema_field *f = schema_field(s, name_of(c->element));
		struct cJSON *member = json_get(object, name_of(c->element));

		if (!member)
			continue;
		if (c->member && (field_is_atomic(f) || !c->children))
			json_remove(object, member);
		else
			remove_from(a, f, member, c);
	}
}

/* ---- looking ---- */

static const struct cJSON *value_item(struct arena *a, const struct schema_field *f,
	const struct cJSON *value, struct str element)
{
	if (f->shape == SHAPE_LIST)
		return find_item(a, f, value, element);
	return json_get(value, name_of(element));
}

static void differences(struct arena *a, const struct schema_field *f, const struct cJSON *x,
	const struct cJSON *y, const struct field_set *set, struct field_set *out)
{
	struct schema_field one;

	if (set->member && (field_is_atomic(f) || !set->children) &&
		(field_is_atomic(f) || !json_count(x) != !json_count(y)) && !json_equal(x, y))
		out->member = true;
	if (!f || field_is_atomic(f))
		return;
	if (f->shape == SHAPE_ONE) {
		field_differences(a, f->of, x, y, set, out);
		return;
	}
	one = *f;
	one.shape = SHAPE_ONE;
	for (const struct field_set *c = set->children; c; c = c->next)
		differences(a, &one, value_item(a, f, x, c->element),
			value_item(a, f, y, c->element), c, field_set_child(a, out, c->element));
}

void field_differences(struct arena *a, const struct schema *s, const struct cJSON *x,
	const struct cJSON *y, const struct field_set *set, struct field_set *out)
{
	for (const struct field_set *c = set->children; c; c = c->next) {
		struct str name = name_of(c->element);

		differences(a, schema_field(s, name), json_get(x, name), json_get(y, name), c,
			field_set_child(a, out, c->element));
	}
}
