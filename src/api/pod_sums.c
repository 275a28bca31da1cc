/* What a pod asks for as a whole: its containers run in turns, and side by side. */
#include "pod_spec.h"

static void add_amount(
	struct arena *a, struct cJSON *sums, const struct cJSON *amount, bool larger_wins)
{
	const struct cJSON *standing = json_get(sums, json_key(amount));
	struct quantity one, sum;

	if (quantity_parse(json_str(amount), &one, NULL))
		return;
	if (standing && !quantity_parse(json_str(standing), &sum, NULL)) {
		if (larger_wins)
			one = quantity_cmp(one, sum) > 0 ? one : sum;
		else
			one = quantity_add(sum, one);
	}
	json_set(a, sums, json_key(amount), json_new_str(a, quantity_print(a, one)));
}

static void add_list(
	struct arena *a, struct cJSON *sums, const struct cJSON *list, bool larger_wins)
{
	json_each (amount, list)
		add_amount(a, sums, amount, larger_wins);
}

struct cJSON *pod_container_sum(struct arena *a, const struct cJSON *spec, const char *path)
{
	struct cJSON *sums = json_new(a, JSON_OBJECT), *sidecars = json_new(a, JSON_OBJECT);
	struct cJSON *first = json_new(a, JSON_OBJECT);

	json_each (container, json_get(spec, STR("containers")))
		add_list(a, sums, json_path(container, path), false);
	json_each (container, json_get(spec, STR("initContainers"))) {
		struct cJSON *now = json_copy(a, sidecars);

		add_list(a, now, json_path(container, path), false);
		if (str_eq_text(tree_str(container, "restartPolicy"), "Always")) {
			add_list(a, sums, json_path(container, path), false);
			sidecars = now;
		}
		add_list(a, first, now, true);
	}
	add_list(a, sums, first, true);
	return sums;
}

bool resource_name_is_pod_level(struct str name)
{
	return str_eq_text(name, "cpu") || str_eq_text(name, "memory") ||
	       str_starts(name, STR("hugepages-"));
}

struct cJSON *pod_sum(struct arena *a, const struct cJSON *spec, const char *path)
{
	struct cJSON *sums = pod_container_sum(a, spec, path);

	json_each (own, json_path(spec, path))
		if (resource_name_is_pod_level(json_key(own)))
			json_set(a, sums, json_key(own), json_copy(a, own));
	return sums;
}
