/* Shorthands on trees. */
#include <kube/api_codec.h>

struct str tree_str(const struct cJSON *root, const char *dotted)
{
	return json_str(json_path(root, dotted));
}

int64_t tree_int(const struct cJSON *root, const char *dotted, int64_t fallback)
{
	int64_t value;

	return json_int(json_path(root, dotted), &value) ? value : fallback;
}

bool tree_true(const struct cJSON *root, const char *dotted)
{
	return json_bool(json_path(root, dotted));
}

bool tree_has(const struct cJSON *root, const char *dotted)
{
	return json_type(json_path(root, dotted)) != JSON_NULL;
}

void tree_set(struct arena *a, struct cJSON *root, const char *dotted, struct cJSON *value)
{
	struct str rest = str_from(dotted), step;

	if (!value) {
		tree_drop(root, dotted);
		return;
	}
	while (str_cut(rest, '.', &step, &rest)) {
		struct cJSON *next = json_get(root, step);

		if (!json_is(next, JSON_OBJECT) && !json_is(next, JSON_ARRAY)) {
			next = json_new(a, JSON_OBJECT);
			json_set(a, root, step, next);
		}
		root = next;
	}
	json_set(a, root, step, value);
}

void tree_set_str(struct arena *a, struct cJSON *root, const char *dotted, struct str value)
{
	tree_set(a, root, dotted, json_new_str(a, value));
}

void tree_set_int(struct arena *a, struct cJSON *root, const char *dotted, int64_t value)
{
	tree_set(a, root, dotted, json_new_int(a, value));
}

void tree_drop(struct cJSON *root, const char *dotted)
{
	struct str parent, last;

	str_cut_last(str_from(dotted), '.', &parent, &last);
	while (parent.len) {
		struct str step;

		str_cut(parent, '.', &step, &parent);
		root = json_get(root, step);
	}
	json_remove(root, json_get(root, last));
}
