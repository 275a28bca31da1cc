/* The `standard` values of the tables, set where nothing stands. */
#include "codec_parts.h"

#include <kube/custom.h>
#include <kube/quantity.h>

static void set_in(struct arena *a, const struct schema *s, struct cJSON *object);

/* Lists of resources have nothing finer than a thousandth. */
static void round_amounts(struct arena *a, struct cJSON *list)
{
	for (struct cJSON *item = json_first(list), *next; item; item = next) {
		struct quantity q;

		next = json_next(item);
		if (!quantity_parse(json_str(item), &q, NULL) && quantity_round_milli(&q))
			json_set(a, list, json_key(item), json_new_str(a, quantity_print(a, q)));
	}
}

static void set_in_field(struct arena *a, const struct schema_field *f, struct cJSON *value)
{
	const struct schema *s = codec_field_schema(f);

	if (f->kind == KIND_QUANTITY && f->shape == SHAPE_MAP)
		round_amounts(a, value);
	if (f->kind != KIND_OBJECT || !value) /* CRD schemas have no standards inside */
		return;
	if (f->shape == SHAPE_ONE) {
		set_in(a, s, value);
		return;
	}
	json_each (item, value) {
		if (f->shape == SHAPE_MAP_OF_LISTS)
			json_each (inner, item)
				set_in(a, s, inner);
		else
			set_in(a, s, item);
	}
}

static bool is_missing(const struct schema_field *f, const struct cJSON *value)
{
	return json_type(value) == JSON_NULL ||
	       (!(f->flags & FIELD_POINTER) && codec_is_zero(f, value));
}

static void set_in(struct arena *a, const struct schema *s, struct cJSON *object)
{
	struct cJSON *next = json_first(object);

	for (size_t i = 0; i < s->field_count; i++) {
		const struct schema_field *f = &s->fields[i];
		struct cJSON *value = NULL;

		if (next && str_eq(json_key(next), f->name)) { /* canonical order: a merge */
			value = next;
			next = json_next(next);
		} else if (f->standard) {
			value = json_get(object, f->name);
		}
		if (f->standard && is_missing(f, value)) {
			struct cJSON *fresh = NULL;

			if (json_parse(a, str_from(f->standard), NULL, &fresh, NULL))
				assert(!"a standard of the tables is JSON");
			if (value && value == next)
				next = json_next(next);
			json_set(a, object, f->name, fresh);
			value = fresh;
		}
		if (f->kind == KIND_OBJECT || f->kind == KIND_QUANTITY)
			set_in_field(a, f, value ? value : json_get(object, f->name));
	}
}

void api_set_standards(struct arena *a, const struct schema *s, struct cJSON *object)
{
	if (s->custom)
		custom_type_default(s->custom, a, object);
	else
		set_in(a, s, object);
}
