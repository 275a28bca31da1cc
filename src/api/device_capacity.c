/* How much of a device one may ask for. */
#include "device_slices.h"

#define OPTIONS_MAX 10

static bool read(const struct cJSON *holder, const char *name, struct quantity *q)
{
	return tree_has(holder, name) && !quantity_parse(tree_str(holder, name), q, NULL);
}

static int64_t steps_left(struct quantity value, struct quantity min, struct quantity step)
{
	int64_t one = quantity_value(step);

	return one ? (quantity_value(value) - quantity_value(min)) % one : 0;
}

static void check_values(struct field_errors *e, const struct path *p, const struct cJSON *list,
	struct str capacity, struct str standard)
{
	struct quantity most, wanted, before = {0}, value;
	bool found = false;
	size_t i = 0;

	if (quantity_parse(capacity, &most, NULL) || quantity_parse(standard, &wanted, NULL))
		return;
	if (json_count(list) > OPTIONS_MAX) {
		field_too_many(e, p, (int64_t)json_count(list), OPTIONS_MAX);
		return;
	}
	json_each (item, list) {
		struct path at = PATH_INDEX(p, i);

		if (quantity_parse(json_str(item), &value, NULL))
			continue;
		if (i++ && quantity_cmp(before, value) > 0)
			field_invalid_str(
				e, &at, json_str(item), "values must be sorted in ascending order");
		if (i > 1 && !quantity_cmp(before, value))
			field_duplicate_str(e, &at, json_str(item));
		if (quantity_cmp(value, most) > 0)
			field_invalid_str(e, &at, json_str(item),
				"option is larger than capacity value: %.*s", STRF(capacity));
		found |= !quantity_cmp(value, wanted);
		before = value;
	}
	if (!found)
		field_invalid_str(e, p, standard,
			"default value is not valid according to the requestPolicy");
}

static void check_step(struct field_errors *e, const struct path *p, const struct cJSON *range,
	struct str capacity, struct str standard)
{
	struct path at = PATH(p, "step");
	struct str step_text = tree_str(range, "step"), min_text = tree_str(range, "min");
	struct quantity min, max, step, most, wanted;

	if (!read(range, "step", &step) || !read(range, "min", &min) ||
		quantity_parse(capacity, &most, NULL) || quantity_parse(standard, &wanted, NULL))
		return;
	struct quantity added = quantity_add(min, step);
	if (quantity_cmp(added, most) > 0)
		field_invalid_str(e, &at, step_text,
			"one step %.*s is larger than capacity value: %.*s",
			STRF(quantity_print(e->arena, added)), STRF(capacity));
	if (steps_left(wanted, min, step))
		field_invalid_str(e, &at, standard,
			"value is not a multiple of a given step (%.*s) from (%.*s)",
			STRF(step_text), STRF(min_text));
	if (read(range, "max", &max) && steps_left(max, min, step))
		field_invalid_str(e, &at, tree_str(range, "max"),
			"value is not a multiple of a given step (%.*s) from (%.*s)",
			STRF(step_text), STRF(min_text));
}

static void check_max(struct field_errors *e, const struct path *p, const struct cJSON *range,
	struct str capacity, struct str standard)
{
	struct path at = PATH(p, "max");
	struct str text = tree_str(range, "max");
	struct quantity min, max, most, wanted;

	if (!read(range, "max", &max) || !read(range, "min", &min) ||
		quantity_parse(capacity, &most, NULL) || quantity_parse(standard, &wanted, NULL))
		return;
	if (quantity_cmp(min, max) > 0)
		field_invalid_str(
			e, &at, tree_str(range, "min"), "min is larger than max: %.*s", STRF(text));
	if (quantity_cmp(max, most) > 0)
		field_invalid_str(
			e, &at, text, "max is larger than capacity value: %.*s", STRF(capacity));
	if (quantity_cmp(wanted, max) > 0)
		field_invalid_str(e, &at, standard, "default is more than max: %.*s", STRF(text));
}

static void check_range(struct field_errors *e, const struct path *p, const struct cJSON *range,
	struct str capacity, struct str standard)
{
	struct path at = PATH(p, "min");
	struct str text = tree_str(range, "min");
	struct quantity min, most, wanted;

	if (!tree_has(range, "min")) {
		field_required(e, &at, "required when validRange is defined");
		return;
	}
	if (!read(range, "min", &min) || quantity_parse(capacity, &most, NULL) ||
		quantity_parse(standard, &wanted, NULL))
		return;
	if (quantity_cmp(min, most) > 0)
		field_invalid_str(
			e, &at, text, "min is larger than capacity value: %.*s", STRF(capacity));
	if (quantity_cmp(wanted, min) < 0)
		field_invalid_str(e, &at, standard, "default is less than min: %.*s", STRF(text));
	check_max(e, p, range, capacity, standard);
	check_step(e, p, range, capacity, standard);
}

static void check_policy(struct field_errors *e, const struct path *p, const struct cJSON *capacity)
{
	struct path standard_at = PATH(p, "default"), values_at = PATH(p, "validValues");
	struct path range_at = PATH(p, "validRange");
	const struct cJSON *policy = json_get(capacity, STR("requestPolicy"));
	const struct cJSON *values = json_get(policy, STR("validValues"));
	const struct cJSON *range = json_get(policy, STR("validRange"));
	struct str most = tree_str(capacity, "value"), standard = tree_str(policy, "default");

	if (json_count(values) && range)
		field_forbidden(e, p,
			"exactly one policy can be specified, cannot specify \"validValues\" and "
			"\"validRange\" at the same time");
	else if ((json_count(values) || range) && !standard.len)
		field_required(e, &standard_at, "required when %s is defined",
			range ? "validRange" : "validValues");
	else if (range)
		check_range(e, &range_at, range, most, standard);
	else if (json_count(values))
		check_values(e, &values_at, values, most, standard);
}

void check_device_capacity(
	struct field_errors *e, const struct path *p, const struct cJSON *capacity, bool shared)
{
	struct path at = PATH(p, "requestPolicy");

	if (!tree_has(capacity, "requestPolicy"))
		return;
	if (shared)
		check_policy(e, &at, capacity);
	else
		field_forbidden(e, &at, "allowMultipleAllocations must be true");
}
